"""One answer over HTTP: its head, and when its connection closes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

Headers = tuple[tuple[bytes, bytes], ...]


class Lines:
    """The lines of an answer's head as they were written last: what uvicorn does for each answer is done once."""

    def __init__(self) -> None:
        self._default: object = None  # one of these headers is the date
        self._headers: object = None
        self._lines = b""

    def answer(self, default: list[tuple[bytes, bytes]], headers: Headers, body: bytes) -> bytes:
        """The whole answer of status 200. Who gives the same headers again gives the same object."""
        if default is not self._default or headers is not self._headers:
            self._default, self._headers = default, headers
            self._lines = b"".join([STATUS_LINE[HTTPStatus.OK], *(b"%b: %b\r\n" % one for one in (*default, *headers))])
        return b"%bcontent-length: %d\r\n\r\n%b" % (self._lines, len(body), body)


class AnswersTransport:
    """The transport as answers see it: to close it is to `leave`, which waits until the client has heard it."""

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
