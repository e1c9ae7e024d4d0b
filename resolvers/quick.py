"""The short way in: a usual request for a document that is known is answered before Starlette is entered.

Whatever is unusual about the request, its headers, its body or its answer goes the long way, in the same words as ever:
a test sends requests both ways and compares what comes back to the byte. What has been read of the request, and what
was done for it, goes with it: nothing is charged or executed twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

import errors
from resolvers import over_http
from resolvers.context import Context
from resolvers.over_http import JSON, RESPONSE_JSON, Asked, Refusal
from schema.masking import logged
from services.credentials import authenticate

CONTEXT = "admit.context"  # in a request's scope: the context in which it was begun to be answered

_UNUSUAL = frozenset({b"origin", b"content-encoding", b"transfer-encoding", b"admit-show-tier"})


class Door(Protocol):
    """What the long way and the short way share: see resolvers/door.py."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Talk over a socket."""

    def knows(self, text: str) -> bool:
        """Whether the document is known to be valid."""

    def context_for(self, address: str) -> Context:
        """The surroundings of an operation, nobody's yet."""

    async def quickly(self, asked: Asked, context: Context) -> bytes | None:
        """The answer, if it is plain success."""


class Quick:
    """Answers what it can; the rest is `app`'s. `is_ours` says whether a Host is served here, `headers` are on every
    answer; a body has at most `body_bytes`.
    """

    def __init__(
        self,
        app: ASGIApp,
        door: Door,
        *,
        is_ours: Callable[[str], bool],
        headers: Mapping[str, str],
        body_bytes: int,
    ) -> None:
        self._app, self._door = app, door
        self._is_ours = lru_cache(1_000)(is_ours)
        ours = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._headers = {media: (*over_http.raw_headers(media), *ours) for media in (JSON, RESPONSE_JSON)}
        self._bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on. A socket goes straight to the door: what is between would wait as long as it lasts."""
        if scope["type"] == "websocket" and self._is_usual(scope):
            await self._door(scope, receive, send)
            return
        media = self._media(scope)
        if media is None:
            await self._app(scope, receive, send)
            return
        message = _here_already(receive)
        if isinstance(message, _Begun):
            await self._app(scope, _after(message, receive), send)
            return
        try:
            body = await self._answer(scope, message)
        except Exception as bug:  # whatever it is, the client learns its id and nothing else
            broken = Refusal(500, f"Something went wrong here: {logged(bug)}.", "INTERNAL").response
            await self._send(send, 500, JSON, bytes(broken.body))
            return
        if body is None:
            await self._app(scope, _after(message, receive), send)
        elif not _at_once(scope)(self._headers[media], body):
            await self._send(send, 200, media, body)

    async def _send(self, send: Send, status: int, media: str, body: bytes) -> None:
        headers = [*self._headers[media], (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _is_usual(self, scope: Scope) -> bool:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        return scope["path"] == "/graphql" and len(hosts) == 1 and self._is_ours(hosts[0])

    def _media(self, scope: Scope) -> str | None:
        """In what form a usual request is answered; None for an unusual one."""
        if scope["type"] != "http" or scope["path"] != "/graphql" or scope["method"] != "POST":
            return None
        headers = dict(scope["headers"])
        if len(headers) != len(scope["headers"]) or not _UNUSUAL.isdisjoint(headers):
            return None
        length = headers.get(b"content-length", b"")
        if not length.isdigit() or len(length) > 9 or int(length) > self._bytes:
            return None
        if not _is_json(headers.get(b"content-type", b"")) or not self._is_ours(
            headers.get(b"host", b"").decode("latin-1")
        ):
            return None
        return _media_of(headers.get(b"accept"))

    async def _answer(self, scope: Scope, message: Message) -> bytes | None:
        if message["type"] != "http.request" or message.get("more_body"):
            return None
        try:
            asked = over_http.asked(over_http.decode(message.get("body", b"")))
            if not self._door.knows(asked.query):
                return None
            context = self._door.context_for(scope["client"][0] if scope.get("client") else "")
            context.actor = await authenticate(context.site, _text(scope["headers"], b"authorization"))
        except (Refusal, json.JSONDecodeError, errors.Rejected):
            return None
        scope[CONTEXT] = context
        return await self._door.quickly(asked, context)


@lru_cache(1_000)
def _is_json(content_type: bytes) -> bool:
    return over_http.is_json(content_type.decode("latin-1"))


@lru_cache(1_000)
def _media_of(accept: bytes | None) -> str | None:
    media = over_http.accepted(None if accept is None else accept.decode("latin-1"), (JSON, RESPONSE_JSON))
    return media[0] if media else None


def _at_once(scope: Scope) -> Callable[[Sequence[tuple[bytes, bytes]], bytes], bool]:
    """Gives a whole answer, if nobody has to wait for the client: see web/http_wire.py."""
    answer: Callable[..., bool] = scope.get("extensions", {}).get("admit.answer", _never)
    return answer


def _never(_headers: Sequence[tuple[bytes, bytes]], _body: bytes) -> bool:
    return False


def _text(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in headers if name == wanted), None)


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
