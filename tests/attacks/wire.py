"""An HTTP client that sends whatever bytes it is given, and minds how the connection ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

PATIENCE = 20.0  # seconds of real time after which an answer does not come any more


@dataclass(frozen=True)
class Answer:
    """What came back; without a body where it never ends."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Dropped(Exception):
    """The connection ended before the answer did, or no answer came."""


class Wire:
    """One connection at a time to a server, opened again where the server has said that it would close it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> Answer:
        """The answer to these bytes. Raises Dropped without one."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        reader, writer = self._streams
        try:
            async with asyncio.timeout(PATIENCE):
                writer.write(request)
                answer, lasts = await _answer(reader, without_body=request.startswith(b"HEAD "))
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as ended:
            self.close()
            raise Dropped(repr(ended)) from ended  # TimeoutError is an OSError
        if not lasts:
            self.close()
        return answer

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _answer(reader: asyncio.StreamReader, *, without_body: bool) -> tuple[Answer, bool]:
    status, headers = await _head(reader)
    while status == 100:
        status, headers = await _head(reader)
    lasts = headers.get("connection", "").lower() != "close" and status != 101
    if without_body or status in (101, 204, 304):
        return Answer(status, headers, b""), lasts
    if headers.get("content-type", "").startswith("text/event-stream"):
        return Answer(status, headers, b""), False
    if "content-length" in headers:
        return Answer(status, headers, await reader.readexactly(int(headers["content-length"]))), lasts
    if headers.get("transfer-encoding") == "chunked":
        return Answer(status, headers, await _chunks(reader)), lasts
    return Answer(status, headers, await reader.read()), False


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return int(first.split()[1]), headers


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return body
