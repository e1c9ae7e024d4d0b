"""A load generator that costs less than what it measures: keep-alive connections on bare asyncio protocols."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
PROBE_EVERY = 0.005


class Failed(Exception):
    """A server answered something else than what was asked for; the message is its answer."""


class Client(asyncio.Protocol):
    """One connection, which sends one request at a time and notes how long each took."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._read = bytearray()
        self._whole = 0
        self._body = 0
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport: Any = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(Failed("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._read += data
        if not self._whole:
            end = self._read.find(_END)
            if end < 0:
                return
            head = bytes(self._read[:end]).lower()
            at = head.find(_LENGTH)
            if at < 0:
                raise Failed(f"no Content-Length in {head!r}")
            self._body = end + 4
            self._whole = self._body + int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0])
        if len(self._read) >= self._whole and self._answer:
            answer, self._answer, body = self._answer, None, bytes(self._read[self._body : self._whole])
            refused = self._read[9:12] != b"200"
            self._read.clear()
            self._whole = 0
            if answer.done():  # nobody waits for it any more
                return
            if refused or b'"errors":' in body[:2000]:
                answer.set_exception(Failed(body[:500].decode(errors="replace")))
            else:
                answer.set_result(body)

    async def ask(self, request: bytes) -> bytes:
        """The answer's body. Raises Failed for anything but a success."""
        if self._transport.is_closing():
            raise Failed("the connection was closed")
        self._answer = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        self._transport.write(request)
        body = await self._answer
        self.seconds.append(time.perf_counter() - began)
        return body

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


def get(path: str) -> bytes:
    """A GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(query: str, variables: Mapping[str, Any] | None = None, token: str = "") -> bytes:
    """A GraphQL request."""
    body = orjson.dumps({"query": query, **({"variables": variables} if variables is not None else {})})
    proof = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{proof}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Run:
    """What a crowd of clients saw: how long each answer took, in order of length, and how long it lasted."""

    latencies: list[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Answers in a second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """The time in which this share of the answers came, in milliseconds."""
        return 1000 * self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


@asynccontextmanager
async def clients(port: int, count: int) -> AsyncIterator[list[Client]]:
    """So many open connections."""
    loop = asyncio.get_running_loop()
    pairs = [await loop.create_connection(Client, "127.0.0.1", port) for _ in range(count)]
    made = [client for _, client in pairs]
    try:
        yield made
    finally:
        for client in made:
            client.close()


async def crowd(made: list[Client], script: Callable[[Client], Awaitable[bool]], seconds: float) -> Run:
    """Let each client play the script over and over, until the time is over or it answers False."""
    for client in made:
        client.seconds.clear()
    began = time.perf_counter()
    until = began + seconds

    async def play(client: Client) -> None:
        while time.perf_counter() < until and await script(client):
            pass

    await asyncio.gather(*(play(client) for client in made))
    lasted = time.perf_counter() - began
    return Run(sorted(one for client in made for one in client.seconds), lasted)


@dataclass
class Probe:
    """How long a trivial request waits while something else goes on."""

    worst: float = 0.0
    waits: list[float] = field(default_factory=list)


@asynccontextmanager
async def probing(port: int) -> AsyncIterator[Probe]:
    """Ask for /healthz every few milliseconds meanwhile."""
    probe = Probe()
    request = get("/healthz")

    async def ask() -> None:
        async with clients(port, 1) as [client]:
            while True:
                began = time.perf_counter()
                await client.ask(request)
                probe.waits.append(time.perf_counter() - began)
                await asyncio.sleep(PROBE_EVERY)

    asking = asyncio.create_task(ask())
    await asyncio.sleep(10 * PROBE_EVERY)
    probe.waits.clear()
    try:
        yield probe
        await asyncio.sleep(2 * PROBE_EVERY)
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        probe.worst = max(probe.waits, default=0.0)
