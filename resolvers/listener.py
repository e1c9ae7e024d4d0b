"""One subscriber of a shared stream: what waits for it, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TypeAlias

from strawberry.types import ExecutionResult

import errors
from models import Actor

Write: TypeAlias = Callable[[bytes], bool]  # whether the payload could be sent at once


class Listener:
    """Its queue is bounded: whoever reads too slowly is told where it stopped, and holds nobody up."""

    __slots__ = ("_cursor", "_ending", "_leave", "_queue", "_woken", "_write", "actor", "bound", "position")

    def __init__(self, actor: Actor, bound: int) -> None:
        self.actor, self.bound = actor, bound
        self.position = 0
        self._cursor = ""
        self._queue: list[bytes] = []  # most are empty, and an empty deque takes ten times as much
        self._ending: list[Exception | ExecutionResult | None] = []
        self._leave: Callable[[Listener], None] | None = None
        self._write: Write | None = None
        self._woken: asyncio.Future[None] | None = None

    def joined(self, position: int, leave: Callable[[Listener], None]) -> None:
        """From now on it hears of what comes after this position."""
        self.position, self._leave = position, leave

    def hear(self, position: int, payload: bytes, cursor: str) -> None:
        """One event: sent at once when nothing waits and the client reads, else kept until it does."""
        self.position = position
        if self._ending:
            return
        if not self._queue and self._write is not None and self._write(payload):
            self._cursor = cursor
        elif len(self._queue) < self.bound:
            self._queue.append(payload)
            self._cursor = cursor
            self._wake()
        else:
            self.end(errors.Lagging(self._cursor))

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
        if leave is not None:
            leave(self)

    async def rest(self, write: Write | None = None) -> AsyncGenerator[bytes | ExecutionResult, None]:
        """What it hears that `write` could not send at once: payloads, at the end perhaps a result that ends it.

        Raises what else ended it. Nothing if it never joined.
        """
        if self._leave is None and not self._ending:
            return
        self._write = write
        while True:
            while self._queue:
                yield self._queue[0]
                if self._queue:
                    del self._queue[0]
            if self._ending:
                break
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
