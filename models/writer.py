"""Who has their turn on a connection that writes: one after the other, and in batches whoever can."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Generic, TypeVar

import errors
from models.batches import Batch, Operation
from models.direct import Direct
from models.outages import is_outage, outages, tell

C = TypeVar("C")
T = TypeVar("T")


class Writer(Generic[C]):
    """Gives everybody who wants to use a connection their turn, in the order in which they came.

    Operations ask by the client that is `inside` their batch; it is handed to `committed` once they are on the disk.
    """

    def __init__(
        self,
        opened: Callable[[], Awaitable[Direct]],
        inside: Callable[[Batch], AbstractContextManager[C]],
        committed: Callable[[C], None],
    ) -> None:
        self._opened, self._inside, self._committed = opened, inside, committed
        self._queue: deque[Operation | asyncio.Future[None]] = deque()
        self._is_taken = False
        self._batch: asyncio.Task[None] | None = None  # the last one; referred to, or nobody would

    def do(self, work: Callable[[C], Awaitable[T]]) -> asyncio.Future[T]:
        """Do it in a batch, to its end even if nobody waits any more: what it comes to, when that is on the disk.

        Raises Unavailable when nothing of it stayed.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append(Operation(work, answer))
        if not self._is_taken:
            self._is_taken = True
            self._go_on()
        return answer

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Direct]:
        """The connection without a transaction. Raises Unavailable."""
        await self._turn()
        try:
            with outages():
                connection = await self._opened()
            yield connection
        finally:
            self._go_on()

    async def drain(self) -> None:
        """Wait for whatever came before."""
        await self._turn()
        self._go_on()

    async def _turn(self) -> None:
        if not self._is_taken:
            self._is_taken = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had come already
                self._go_on()
            raise

    def _go_on(self) -> None:
        """Give the turn to whoever waits for it."""
        waiting = self._next()
        if waiting is None:
            self._is_taken = False
        elif isinstance(waiting, Operation):
            self._batch = asyncio.create_task(self._together(waiting))
        else:
            waiting.set_result(None)

    def _next(self) -> Operation | asyncio.Future[None] | None:
        while self._queue:
            waiting = self._queue.popleft()
            if isinstance(waiting, Operation) or not waiting.done():  # else they hung up
                return waiting
        return None

    async def _joined(self, batch: Batch) -> Operation | None:
        """Who else comes along: whoever has come, or comes in this turn of the event loop."""
        if not self._queue or batch.is_due:
            await batch.pause()
        if batch.is_full or not self._queue or not isinstance(joined := self._queue[0], Operation):
            return None
        self._queue.popleft()
        return joined

    async def _together(self, first: Operation) -> None:
        """A batch, from this operation on."""
        try:
            await self._done(first)
        finally:
            self._go_on()

    async def _done(self, first: Operation) -> None:
        try:
            batch = await self._begun()
        except (Exception, asyncio.CancelledError) as refused:
            first.tell(refused)
            return
        done: list[Operation] = []
        with self._inside(batch) as client:
            joined: Operation | None = first
            try:
                while joined is not None:
                    if await joined.do(client, batch):
                        done.append(joined)
                    else:
                        joined.tell()
                    joined = await self._joined(batch)
            except (Exception, asyncio.CancelledError) as failure:
                batch.failure = failure
        lost = await batch.end()
        if batch.is_too_sure:
            self._tell([one for one in done if not one.is_sure], errors.Unavailable())
            await self._do_with_caution([one for one in done if one.is_sure])
        else:
            self._tell(done, lost, client)

    async def _do_with_caution(self, operations: Sequence[Operation]) -> None:
        """Do them again: what one of them was sure of was not so, and nothing of their batch was kept.

        Of others nobody knows whether they can be: an object that was saved would not be inserted a second time.
        """
        try:
            batch = await self._begun()
        except (Exception, asyncio.CancelledError) as refused:
            self._tell(operations, refused)
            return
        batch.is_cautious = True
        with self._inside(batch) as client:
            try:
                for operation in operations:
                    await operation.do(client, batch)
            except (Exception, asyncio.CancelledError) as failure:
                batch.failure = failure
        self._tell(operations, await batch.end(), client)

    async def _begun(self) -> Batch:
        try:
            return await Batch.on(await self._opened())
        except (Exception, asyncio.CancelledError) as refused:
            if is_outage(refused):
                tell(refused)
            raise

    def _tell(self, operations: Sequence[Operation], lost: BaseException | None, client: C | None = None) -> None:
        for operation in operations:
            operation.tell(lost)
        if lost is None and client is not None:
            self._committed(client)
