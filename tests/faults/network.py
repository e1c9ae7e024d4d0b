"""The network between a server and its database: a small proxy that can be cut in three ways."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum


class Cut(Enum):
    """What becomes of connections."""

    HELD = "held"  # nothing comes through; afterwards it all does
    LOST = "lost"  # nothing comes through, on these connections never again: nobody is told
    RESET = "reset"  # connections are reset, and new ones at once, too


class Network:
    """Forwards to a port of this machine while it is whole."""

    def __init__(self, to: int) -> None:
        self.port = 0
        self._to = to
        self._cut: Cut | None = None
        self._lines: set[Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self, how: Cut) -> None:
        """From now on nothing comes through."""
        self._cut = how
        for line in list(self._lines):
            line.cut(how)

    def mend(self) -> None:
        """New connections work again, and those that were held."""
        self._cut = None
        for line in list(self._lines):
            line.mend()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection comes in."""
        self._tasks.add(asyncio.create_task(self._connect(reader, writer)))

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(writer)
        self._lines.add(line)
        try:
            if self._cut:
                line.cut(self._cut)
            await line.open.wait()  # held: as if the network were slow
            there, back = await asyncio.open_connection("127.0.0.1", self._to)
            line.writers.append(back)
            await asyncio.gather(line.forward(reader, back), line.forward(there, writer))
        except OSError:
            pass
        finally:
            self._lines.discard(line)
            line.close()

    async def close(self) -> None:
        """Let go of every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Line:
    """One connection through the proxy."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writers = [writer]
        self.open = asyncio.Event()
        self.open.set()
        self._lost = False

    def cut(self, how: Cut) -> None:
        """Stop forwarding."""
        if how is Cut.RESET:
            for writer in self.writers:
                made: socket.socket = writer.get_extra_info("socket")
                made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close()
        self._lost = self._lost or how is Cut.LOST
        self.open.clear()

    def mend(self) -> None:
        """Go on, unless nobody remembers this connection."""
        if not self._lost:
            self.open.set()

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction, to the end of what comes."""
        try:
            while data := await reader.read(65_536):
                await self.open.wait()
                writer.write(data)
                await writer.drain()
        finally:
            if self.open.is_set():
                writer.close()

    def close(self) -> None:
        """Drop both ends."""
        for writer in self.writers:
            writer.transport.abort()


@asynccontextmanager
async def network(to: int) -> AsyncIterator[Network]:
    """A network that is whole; at the end it is gone."""
    made = Network(to)
    server = await asyncio.start_server(made.accept, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.close()
