"""A request's body has an end, in size and in time, whichever route reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HANG_UP: Message = {"type": "http.disconnect"}


@dataclass(frozen=True)
class BodyBounds:
    """No body is larger than `largest`, and each `step` bytes of it arrive within `seconds`."""

    largest: int
    step: int
    seconds: float


class Bodies:
    """Answers 413 to what is too large for any route and 408 to what does not come; the route sees a client hang up.

    Only the time is counted in which somebody waits for the body: a route may take as long as it likes for the rest.
    """

    def __init__(self, app: ASGIApp, bounds: BodyBounds) -> None:
        self._app, self._bounds = app, bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, and watch what comes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif int(Headers(scope=scope).get("content-length") or 0) > self._bounds.largest:
            await _answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)(scope, receive, send)
        else:
            body = _Body(self._bounds, receive, send)
            await self._app(scope, body.receive, body.send)
            if body.refused and not body.answered:
                await _answer(body.refused)(scope, receive, send)


class _Body:
    """One body on its way, and the answer to it."""

    def __init__(self, bounds: BodyBounds, receive: Receive, send: Send) -> None:
        self._bounds, self._receive, self._send = bounds, receive, send
        self._now: Callable[[], float] = asyncio.get_running_loop().time
        self._read = 0
        self._began_at: float | None = None
        self._is_whole = False
        self.refused: HTTPStatus | None = None
        self.answered = False

    async def receive(self) -> Message:
        """The next piece, or that the client has gone: it has, for the route, when it takes too long or too much."""
        if self._is_whole:
            return await self._receive()
        if self.refused:
            return HANG_UP
        if self._began_at is None:
            self._began_at = self._now()
        steps = 1 + self._read // self._bounds.step
        try:
            async with asyncio.timeout_at(self._began_at + steps * self._bounds.seconds):
                message = await self._receive()
        except TimeoutError:
            self.refused = HTTPStatus.REQUEST_TIMEOUT
            return HANG_UP
        self._read += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._read > self._bounds.largest:
            self.refused = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            return HANG_UP
        return message

    async def send(self, message: Message) -> None:
        """The route's answer, unless we have a better one."""
        if self.answered or not self.refused:
            self.answered = True
            await self._send(message)


def _answer(status: HTTPStatus) -> PlainTextResponse:
    return PlainTextResponse(f"{status.phrase}\n", status, {"Connection": "close"})
