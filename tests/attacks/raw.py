"""A client that says exactly what it likes, byte by byte, and reads what comes back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

PATIENCE = 10.0  # seconds of real time after which a test that waits has failed


@dataclass
class Raw:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """The bytes, as far as the server takes them."""
        with suppress(ConnectionError):
            self.writer.write(data)
            async with asyncio.timeout(PATIENCE):
                await self.writer.drain()

    async def drip(self, data: bytes, seconds: float = 0.02) -> None:
        """One byte after the other, until the server closes."""
        for at in range(len(data)):
            if self.reader.at_eof() or self.writer.is_closing():
                return
            await self.send(data[at : at + 1])
            await asyncio.sleep(seconds)  # this is the attack

    async def rest(self) -> bytes:
        """Everything until the server closes. Raises TimeoutError when it does not."""
        read = bytearray()
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while piece := await self.reader.read(65_536):
                    read += piece
        return bytes(read)

    async def head(self) -> bytes:
        """The next answer's head."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readuntil(b"\r\n\r\n")


def statuses(answers: bytes) -> list[int]:
    """The status of each answer in what a connection has sent."""
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]


@asynccontextmanager
async def raw(base_url: str, *, deaf: bool = False) -> AsyncIterator[Raw]:
    """A connection to the server; a deaf one takes a few thousand bytes, and no more until somebody reads them."""
    parts = urlsplit(base_url)
    made = socket.socket()
    if deaf:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, (parts.hostname, parts.port))
    reader, writer = await asyncio.open_connection(sock=made, limit=2_000 if deaf else 2**16)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


async def said(base_url: str, data: bytes) -> bytes:
    """What the server answers to these bytes before it closes."""
    async with raw(base_url) as client:
        await client.send(data)
        return await client.rest()


async def nobody_notices(base_url: str) -> None:
    """Others are served, at once."""
    async with httpx.AsyncClient(base_url=base_url, timeout=1.0, trust_env=False) as client:
        assert (await client.get("/healthz")).status_code == 200
