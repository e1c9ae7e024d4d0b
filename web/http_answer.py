"""One answer over HTTP: its head, and when its connection closes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

Headers = tuple[tuple[bytes, bytes], ...]


@lru_cache(100)  # one of the headers is the date
def lines_of(headers: Headers) -> bytes:
    """The head of an answer of status 200, but for its length."""
    return b"".join([STATUS_LINE[HTTPStatus.OK], *(b"%b: %b\r\n" % header for header in headers)])


class AnswersTransport:
    """The transport as one answer sees it: to close it is to `leave`, which waits until the client has heard it."""

    def __init__(self, transport: asyncio.Transport, leave: Callable[[], None]) -> None:
        self.write: Callable[[bytes], None] = transport.write
        self.is_closing: Callable[[], bool] = transport.is_closing
        self.close = leave


async def closing_when_unread(
    app: ASGIApp, cycle: RequestResponseCycle, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer; when the body has not come to its end say that the connection closes, lest its rest be a request."""
    if not cycle.more_body:
        await app(scope, receive, send)
        return

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and cycle.more_body:
            cycle.keep_alive = False
        await send(message)

    await app(scope, receive, sending)
