"""The short way in, for what the connection cannot answer by itself: before Starlette is entered.

A test sends requests both ways and compares what comes back to the byte.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resolvers.short import BODY, Given, Headers, Short, forget


class Quick:
    """Answers by the short way what it can; the rest is `app`'s."""

    def __init__(self, app: ASGIApp, short: Short) -> None:
        self._app, self._short = app, short

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on. A socket goes straight to the door: what is between would wait as long as it lasts."""
        if scope["type"] == "websocket" and self._short.is_usual_socket(scope):
            await self._short.door(scope, receive, send)
            return
        try:
            await self._answer(scope, receive, send)
        finally:
            forget(scope)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        usual = self._short.usual(scope)
        if usual is None:
            await self._app(scope, receive, send)
            return
        asked = scope.get(BODY)
        if asked is None:
            message = _here_already(receive)
            receive = _after(message, receive)
            if isinstance(message, _Begun) or message["type"] != "http.request" or message.get("more_body"):
                await self._app(scope, receive, send)
                return
            asked = message.get("body", b"")
        given = await self._short.given(scope, asked, usual)
        if given is None:
            await self._app(scope, receive, send)
        elif given.status != 200 or not _at_once(scope)(given.headers, given.body):
            await _send(send, given)


def _at_once(scope: Scope) -> Callable[[Headers, bytes], bool]:
    """Gives a whole answer, if nobody has to wait for the client: see web/http_wire.py."""
    answer: Callable[..., bool] = scope.get("extensions", {}).get("admit.answer", _never)
    return answer


def _never(_headers: Headers, _body: bytes) -> bool:
    return False


async def _send(send: Send, given: Given) -> None:
    length = (b"content-length", str(len(given.body)).encode())
    await send({"type": "http.response.start", "status": given.status, "headers": [*given.headers, length]})
    await send({"type": "http.response.body", "body": given.body})


class _Begun:
    """A message that is being waited for: what was begun is gone on with."""

    def __init__(self, step: Generator[Any, None, Message], future: Any) -> None:
        self._step, self._future = step, future

    def __await__(self) -> Generator[Any, None, Message]:
        yield self._future
        return (yield from self._step)


def _here_already(receive: Receive) -> Message | _Begun:
    """The next message, if nobody has to wait for it."""
    step = receive().__await__()
    try:
        return _Begun(step, next(step))
    except StopIteration as done:
        message: Message = done.value
        return message


def _after(first: Message | _Begun, receive: Receive) -> Receive:
    """As `receive`, but this message first."""
    firsts = [first]

    async def replayed() -> Message:
        if not firsts:
            return await receive()
        one = firsts.pop()
        return await one if isinstance(one, _Begun) else one

    return replayed
