"""The limit of a stream: an asyncio protocol that writes the same bytes into every socket, and does nothing else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import resource
from typing import Any

import orjson
import uvloop

from bench import documents

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SUBSCRIBED: set[Any] = set()
_STATUS = {documents.RESUME: "ACTIVE", documents.PAUSE: "PAUSED"}
_DONE = b'{"data":{}}'


class Socket(asyncio.Protocol):
    """One connection: requests that change something, or frames."""

    def __init__(self) -> None:
        self._read = b""
        self._is_socket = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport: Any = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        _SUBSCRIBED.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if self._is_socket:
            self._frames(data)
            return
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if not end or len(body) < int(lines.get(b"Content-Length", 0)):
            return
        self._read = b""
        if b"Sec-WebSocket-Key" in lines:
            self._upgrade(lines[b"Sec-WebSocket-Key"])
        elif body:
            _tell(body)
            self._answer(_DONE)
        else:
            self._answer(b"ok")

    def _answer(self, body: bytes) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    def _upgrade(self, key: bytes) -> None:
        self._is_socket = True
        accept = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: graphql-transport-ws\r\nSec-WebSocket-Accept: %b\r\n\r\n" % accept
        )

    def _frames(self, data: bytes) -> None:
        if b"connection_init" in data:
            self._transport.write(_frame(b'{"type":"connection_ack"}'))
        elif b'"subscribe"' in data:
            _SUBSCRIBED.add(self._transport)


def _tell(body: bytes) -> None:
    asked = orjson.loads(body)
    session = {"id": asked["variables"]["id"], "status": _STATUS[asked["query"]], "attempt": 1}
    data = {"testSessionStatusChanged": {"status": session["status"], "testSession": session}}
    frame = _frame(orjson.dumps({"id": "1", "type": "next", "payload": {"data": data}}))
    for transport in _SUBSCRIBED:
        transport.write(frame)


def _frame(payload: bytes) -> bytes:
    size = len(payload)
    return (bytes([0x81, size]) if size < 126 else bytes([0x81, 126]) + size.to_bytes(2, "big")) + payload


async def main() -> None:
    """Serve."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    server = await asyncio.get_running_loop().create_server(Socket, "127.0.0.1", int(os.environ["PORT"]), backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
