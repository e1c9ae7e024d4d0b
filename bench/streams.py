"""W6: a thousand subscribers on one process, and twenty changes of status a second that reach each of them."""

from __future__ import annotations

import asyncio
import base64
import os
import resource
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import orjson

from bench import documents, load, rows
from bench.dataset import API_KEY
from bench.figures import Figure
from bench.load import Client, Failed
from bench.stage import Stand

SUBSCRIBERS = 1_000
CHANGES = 20  # in a second
PATIENCE = 40.0  # seconds in which everybody must have heard of something
NOW_AND_THEN = 0.005
_TOGETHER = 50  # sockets opened at once
_MASK = b"\0\0\0\0"  # which is one, too


@dataclass
class Tally:
    """When each change was asked for, and how long it took until it was here, for every subscriber."""

    sent: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)

    def clear(self) -> None:
        """Begin anew."""
        self.sent.clear()
        self.lags.clear()


class Subscriber(asyncio.Protocol):
    """One socket that speaks graphql-transport-ws and counts what it is told."""

    def __init__(self, port: int, task: str, tally: Tally) -> None:
        self.told = 0
        self._port, self._task, self._tally = port, task, tally
        self._rest = b""
        self.open = asyncio.get_running_loop().create_future()
        self._upgraded = False

    def connection_made(self, transport: Any) -> None:
        """Called by the loop."""
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        if not self.open.done():
            self.open.set_exception(Failed("the socket was closed"))

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        buffer, at = self._rest + data, 0
        if not self._upgraded:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                self._rest = buffer
                return
            at, self._upgraded = end + 4, True
            self._send({"type": "connection_init", "payload": {"authorization": f"Bearer {API_KEY}"}})
        while len(buffer) - at >= 2:
            size, head = buffer[at + 1] & 127, 2
            if size > 125:
                head = 4 if size == 126 else 10
                size = int.from_bytes(buffer[at + 2 : at + head], "big")
            if len(buffer) - at < head + size:
                break
            self._frame(buffer[at] & 15, buffer[at + head : at + head + size])
            at += head + size
        self._rest = buffer[at:]

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def _frame(self, kind: int, payload: bytes) -> None:
        if kind == 9:
            self._write(10, payload)
        elif kind == 1 and self.open.done():
            if self.told < len(self._tally.sent):
                self._tally.lags.append(time.perf_counter() - self._tally.sent[self.told])
            self.told += 1
        elif kind == 1 and b"connection_ack" in payload:
            asked = {"query": documents.WATCH, "variables": {"task": self._task}}
            self._send({"id": "1", "type": "subscribe", "payload": asked})
            self.open.set_result(None)

    def _send(self, message: dict[str, Any]) -> None:
        self._write(1, orjson.dumps(message))

    def _write(self, kind: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes([128 | size]) if size < 126 else bytes([128 | 126]) + size.to_bytes(2, "big")
        self._transport.write(bytes([128 | kind]) + length + _MASK + payload)


async def w6(stand: Stand, seconds: float) -> Figure:
    """Everybody hears of everything, and how late."""
    allow_many_files()
    before, tally = stand.server.memory(), Tally()
    changes = cycle(_change(document, stand) for document in (documents.RESUME, documents.PAUSE))
    subscribers: list[Subscriber] = []
    try:
        await _subscribe(stand, tally, subscribers)
        held = stand.server.memory() - before
        spent, began = stand.server.cpu(), time.perf_counter()
        if not await _heard_by_all(stand, changes, subscribers):
            told, lasted = sum(one.told for one in subscribers), time.perf_counter() - began
            cpu = 1e6 * (stand.server.cpu() - spent) / max(1, told)
            return Figure("W6", stand.contender.name, rate=told / lasted, cpu=cpu, memory=held / 1024 / SUBSCRIBERS)
        for one in subscribers:
            one.told = 0
        tally.clear()
        async with load.clients(stand.server.port, 1) as [staff]:
            return await _measured(stand, seconds, staff, changes, subscribers, tally, held)
    finally:
        for one in subscribers:
            one.close()
        await asyncio.sleep(0.2)


async def _measured(  # noqa: PLR0913, PLR0917  all that was set up
    stand: Stand, seconds: float, staff: Client, changes: Any, subscribers: list[Subscriber], tally: Tally, held: int
) -> Figure:
    spent, began = stand.server.cpu(), time.perf_counter()
    count = 2 * max(1, int(seconds * CHANGES / 2))  # the session is paused again at the end
    for number in range(count):
        await asyncio.sleep(began + number / CHANGES - time.perf_counter())
        tally.sent.append(time.perf_counter())
        await staff.ask(next(changes))
    await _until_told(subscribers, [count] * len(subscribers), PATIENCE)
    lasted = max(count / CHANGES, time.perf_counter() - began)
    lags = sorted(tally.lags)
    return Figure(
        "W6",
        stand.contender.name,
        rate=len(lags) / lasted,
        cpu=1e6 * (stand.server.cpu() - spent) / len(lags),
        p50=1000 * lags[len(lags) // 2],
        p99=1000 * lags[int(0.99 * len(lags))],
        memory=held / 1024 / len(subscribers),
    )


async def _subscribe(stand: Stand, tally: Tally, subscribers: list[Subscriber]) -> None:
    loop, port, task = asyncio.get_running_loop(), stand.server.port, f"tsk_{stand.data.task(0).key}"
    for _ in range(0, SUBSCRIBERS, _TOGETHER):
        made = [Subscriber(port, task, tally) for _ in range(_TOGETHER)]
        subscribers += made
        for one in made:
            await loop.create_connection(lambda one=one: one, "127.0.0.1", port)  # type: ignore[misc]  # mypy infers no default
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(one.open for one in made))


async def _heard_by_all(stand: Stand, changes: Any, subscribers: list[Subscriber]) -> bool:
    """Change something, twice at a time, until everybody has heard of it: a subscription is not confirmed.

    False when that takes too long: the server cannot even follow one change after the other.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while True:
                wanted = [one.told + 2 for one in subscribers]
                async with load.clients(stand.server.port, 1) as [staff]:
                    for _ in range(2):
                        await staff.ask(next(changes))
                if await _until_told(subscribers, wanted, PATIENCE / 5):
                    return True
    return False


async def _until_told(subscribers: list[Subscriber], wanted: list[int], patience: float) -> bool:
    """Whether each has heard of as many changes as is wanted, soon enough."""
    for _ in range(int(patience / NOW_AND_THEN)):
        if all(one.told >= count for one, count in zip(subscribers, wanted, strict=True)):
            return True
        await asyncio.sleep(NOW_AND_THEN)
    return False


def _change(document: str, stand: Stand) -> bytes:
    return load.post(document, {"id": f"ses_{rows.paused(0)}"}, API_KEY)


def allow_many_files() -> None:
    """A socket is a file: open as many as the system lets us."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
