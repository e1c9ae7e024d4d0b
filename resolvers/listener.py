"""One subscriber of a shared stream: what waits for it, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple, Protocol

from strawberry.types import ExecutionResult

import errors
from models import Actor


class Outlet(Protocol):
    """What sends at once if nothing has to wait for the client."""

    def send(self, begin: bytes, end: bytes, middle: bytes) -> bool:
        """Send one text; whether it was sent."""


class Told(NamedTuple):
    """One event as all of a channel's listeners are told of it."""

    position: int
    payload: bytes = b""
    cursor: str = ""


class Listener:
    """Its queue is bounded: whoever reads too slowly is told where it stopped, and holds nobody up."""

    __slots__ = ("_begin", "_end", "_ending", "_leave", "_outlet", "_queue", "_woken", "actor", "bound", "heard")

    def __init__(self, actor: Actor, bound: int) -> None:
        self.actor, self.bound = actor, bound
        self.heard = Told(0)  # the last one; it may wait still
        self._queue: list[bytes] = []  # most are empty, and an empty deque takes ten times as much
        self._ending: list[Exception | ExecutionResult | None] = []
        self._leave: Callable[[Listener], None] | None = None
        self._outlet: Outlet | None = None  # unless something waits
        self._begin = self._end = b""
        self._woken: asyncio.Future[None] | None = None

    def joined(self, position: int, leave: Callable[[Listener], None]) -> None:
        """From now on it hears of what comes after this position."""
        self.heard, self._leave = Told(position), leave

    def hear(self, told: Told) -> None:
        """One event: sent at once when nothing waits and the client reads, else kept until it does."""
        outlet = self._outlet
        if outlet is None or not outlet.send(self._begin, self._end, told.payload):
            self._keep(told.payload)
        self.heard = told

    def _keep(self, payload: bytes) -> None:
        self._outlet = None
        if self._ending:
            return
        if len(self._queue) < self.bound:
            self._queue.append(payload)
            self._wake()
        else:
            self.end(errors.Lagging(self.heard.cursor))

    def end(self, how: Exception | ExecutionResult | None) -> None:
        """After what waits nothing more; a credential that no longer counts hears not even that."""
        if self._ending:
            return
        self._ending.append(how)
        if isinstance(how, errors.Unauthenticated):
            self._queue.clear()
        self.leave()
        self._wake()

    def leave(self) -> None:
        """It is told of nothing more."""
        leave, self._leave = self._leave, None
        self._outlet = None
        if leave is not None:
            leave(self)

    async def rest(
        self, outlet: Outlet | None = None, begin: bytes = b"", end: bytes = b""
    ) -> AsyncGenerator[bytes | ExecutionResult, None]:
        """What it hears that cannot be sent at once between these: payloads, at the end perhaps a result that ends it.

        Raises what else ended it. Nothing if it never joined.
        """
        if self._leave is None and not self._ending:
            return
        self._begin, self._end = begin, end
        while True:
            while self._queue:
                yield self._queue[0]
                if self._queue:
                    del self._queue[0]
            if self._ending:
                break
            self._outlet = outlet
            self._woken = asyncio.get_running_loop().create_future()
            await self._woken
        [how] = self._ending
        if isinstance(how, Exception):
            raise how
        if how is not None:
            yield how

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)
