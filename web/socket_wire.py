"""A WebSocket on one client's connection: uvicorn's protocol, with a rate for frames and a last word for every end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import lru_cache
from http import HTTPStatus
from struct import pack
from typing import Any, ClassVar, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode
from websockets.protocol import State

from web.connection import LAST_WORD_SECONDS, Bounds, Rate, Reader, end_writing, refusal

SLICE = 4_096  # bytes read at once: small frames are many, and others wait meanwhile
_TEXT = 0x81  # the first byte of a text in one frame
_SHORT, _LONG = 125, 65_535  # bytes whose number is written in the second byte, or in two more


class SocketWire(WebSocketsSansIOProtocol):
    """A WebSocket on one connection."""

    bounds: ClassVar[Bounds] = Bounds()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The head that asks for it comes next."""
        super().connection_made(transport)
        self.queue = Inbox()  # type: ignore[assignment]  # it does what uvicorn asks of one
        self._rate = Rate(self.bounds.websocket_burst, self.bounds.websocket_messages)
        self._is_deaf = False  # whatever comes is thrown away
        self._outlet = Outlet()
        self._reader = Reader(self.transport, self.bounds.stalled_seconds, lambda: not self.writable.is_set())

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._outlet.transport = None
        self._reader.stop()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read, or not fast enough."""
        self._outlet.transport = None
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client reads."""
        self._reader.has_read()
        if not self.close_sent:
            self._outlet.transport = self.transport
        super().resume_writing()

    def run_asgi(self) -> Coroutine[Any, Any, None]:
        """The application, which may also send what takes no waiting without a task's turn for each."""
        cast("dict[str, Any]", self.scope["extensions"])["admit.outlet"] = self._outlet
        return super().run_asgi()

    async def send(self, message: ASGISendEvent) -> None:
        """What the application has to say."""
        await super().send(message)
        if self.close_sent:
            self._outlet.transport = None

    def start_keepalive(self) -> None:
        """The handshake is over: what was said in it is not kept as long as the socket."""
        super().start_keepalive()
        self._outlet.transport = self.transport
        self.request.headers.clear()
        del self.response

    def data_received(self, data: bytes) -> None:
        """The whole head, then frames."""
        if not self.handshake_initiated:
            super().data_received(data)
            if not self.handshake_initiated:  # websockets bounds each line of a head more narrowly
                self.transport.write(refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, self.default_headers))
                self.transport.close()
            return
        for at in range(0, len(data), SLICE):
            if not self._is_deaf:
                super().data_received(data[at : at + SLICE])

    def handle_events(self) -> None:
        """Frames, of whatever kind, at the rate that is allowed."""
        frames = len(self.conn.events)
        if self.handshake_complete and not self.close_sent and not self._rate.allows(frames):
            self._end(CloseCode.POLICY_VIOLATION, "Too many messages")
            return
        super().handle_events()

    def handle_ping(self) -> None:
        """Answered, but not kept for a client that does not read."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_parser_exception(self) -> None:
        """What came is no frame: said before the connection closes."""
        if self.conn.close_sent is None:
            self.transport.close()
        else:
            self._leave(self.conn.close_sent.code, self.conn.close_sent.reason)

    def shutdown(self) -> None:
        """The server stops: 1012, so that the client goes on elsewhere."""
        if self.handshake_complete and not self.close_sent and self.conn.state is State.OPEN:
            self._end(CloseCode.SERVICE_RESTART, "The server restarts")
        elif not self.handshake_complete or self.close_sent:
            super().shutdown()
        else:
            self.transport.close()  # the client is closing it already

    def _end(self, code: CloseCode, reason: str) -> None:
        self.conn.fail(code, reason)
        self._leave(code, reason)

    def _leave(self, code: int, reason: str) -> None:
        """Say so to both sides; the client may read it before the connection closes, which could take it back."""
        self.stop_keepalive()
        self._outlet.transport = None
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self._is_deaf = self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        end_writing(self.transport)
        self.close_timer = self.loop.call_later(LAST_WORD_SECONDS, self.transport.close)


class Outlet:
    """Where texts leave at once, as long as the socket is open and nothing has to wait for the client.

    It is small, for of a thousand sockets that are told the same each is far from what the processor has at hand.
    """

    __slots__ = ("transport",)

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None

    def send(self, begin: bytes, end: bytes, middle: bytes) -> bool:
        """Send one text; whether it was sent."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return False
        transport.write(b"".join((_head(len(begin) + len(middle) + len(end)), begin, middle, end)))
        return True


class Inbox:
    """What the application has not taken yet: a queue for one reader, in a tenth of the room of asyncio's."""

    __slots__ = ("_events", "_reader")

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._reader: asyncio.Future[None] | None = None

    def put_nowait(self, event: Any) -> None:
        """One event more."""
        self._events.append(event)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> Any:
        """The next event, once it is there."""
        while not self._events:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._events.pop(0)

    def empty(self) -> bool:
        """Whether everything was taken."""
        return not self._events


@lru_cache(1_000)
def _head(size: int) -> bytes:
    """Of a text that comes in one frame of this many bytes."""
    if size <= _SHORT:
        return bytes((_TEXT, size))
    return pack("!BBH", _TEXT, 126, size) if size <= _LONG else pack("!BBQ", _TEXT, 127, size)
