"""What both of our protocols, HTTP and WebSocket, hold one client's connection to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from web.security import HEADERS

LAST_WORD_SECONDS = 1.0  # in which a client may read our last answer before the connection is closed under it


@dataclass(frozen=True)
class Bounds:
    """What one connection may take; the settings of these names."""

    header_seconds: float = 10.0
    header_bytes: int = 32_768
    stalled_seconds: float = 30.0
    websocket_burst: int = 500
    websocket_messages: int = 100


class Reader:
    """Whether the client reads what we send: when nothing moves between two looks, the connection is dropped."""

    def __init__(self, transport: asyncio.Transport, seconds: float, is_waiting: Callable[[], bool]) -> None:
        self._transport, self._seconds, self._is_waiting = transport, seconds, is_waiting
        self._left = 0  # bytes that waited when we last looked, and have waited since
        self._next = asyncio.get_running_loop().call_later(seconds, self._look)

    def has_read(self) -> None:
        """The client took enough for more to be sent."""
        self._left = 0

    def stop(self) -> None:
        """The connection is gone, or somebody else's."""
        self._next.cancel()

    def _look(self) -> None:
        # while we wait for the client nothing is added: what waits shrinks if it reads at all
        waits = self._is_waiting() or self._transport.is_closing()
        left = self._transport.get_write_buffer_size() if waits else 0
        if 0 < self._left <= left:
            self._transport.abort()
        self._left = left
        self._next = asyncio.get_running_loop().call_later(self._seconds, self._look)


class Rate:
    """So many at once, and so many a second after that, by the event loop's clock."""

    def __init__(self, burst: int, per_second: int) -> None:
        self._burst, self._per_second = burst, per_second
        self._left = float(burst)
        self._at = asyncio.get_running_loop().time()

    def allows(self, count: int) -> bool:
        """Whether so many more are within the rate; they are counted."""
        now = asyncio.get_running_loop().time()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second) - count
        self._at = now
        return self._left >= 0


def end_writing(transport: asyncio.Transport) -> None:
    """Say that no more will come, if somebody is still there to hear it."""
    if transport.can_write_eof() and not transport.is_closing():
        with suppress(OSError):
            transport.write_eof()


def refusal(status: HTTPStatus, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The whole answer to what is no request, after which the connection closes."""
    text = f"{status.phrase}\n".encode()
    ours = {
        **HEADERS,
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(text)),
        "Cache-Control": "no-store",
        "Connection": "close",
    }
    lines = [*headers, *((name.lower().encode(), value.encode()) for name, value in ours.items())]
    head = b"".join(name + b": " + value + b"\r\n" for name, value in lines)
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() + head + b"\r\n" + text
