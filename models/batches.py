"""Group commit: what waits to be written to SQLite becomes durable together, in one COMMIT.

Writing to the disk takes longer than all else that a small operation does. So the operations run one after the other,
each in its savepoint, and while they do and while COMMIT waits for the disk, the next ones queue up. Nobody is told
anything before the COMMIT of their batch: neither that they succeeded, nor what they were refused because of others in
it. See docs/decisions/0017-group-commit.md.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import errors
from models.direct import Direct
from models.outages import is_outage, outages, tell

OPERATIONS = 400  # in one batch
SECONDS = 0.05  # after which a batch takes no more in


@dataclass
class Batch:
    """Operations that become durable together or not at all."""

    connection: Direct
    full_at: float
    operations: int = 0
    is_saved: bool = False  # the operation whose turn it is can be undone by itself
    is_sure: bool = False  # it need not be
    has_written: bool = False
    client: Any = None  # how Tortoise asks in it
    connections: Any = None  # where Tortoise looks for that
    failure: BaseException | None = None
    last: dict[str, list[Sequence[Any]]] = field(default_factory=dict)  # what is written when nobody else comes along
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_whole(self) -> bool:
        """Whether it can go on: SQLite itself undoes all of it when the disk is full."""
        return self.failure is None and self.connection.in_transaction

    def begin(self) -> None:
        """The next operation's turn has come."""
        self.is_saved = self.is_sure = self.has_written = False

    async def before_writing(self) -> None:
        """Mark what to go back to if the operation fails: to be asked before each of its changes."""
        if not self.is_saved and not self.is_sure:
            await self.connection.at_leisure("SAVEPOINT operation")
            self.is_saved = True

    def undo(self) -> None:
        """Leave nothing of the operation; where it has said that it is sure, nothing of the batch."""
        if self.is_saved:
            self.connection.at_once("ROLLBACK TO operation")
        elif self.has_written:
            self.failure = errors.Unavailable()

    async def commit(self) -> None:
        """Write what comes last, and have it all on the disk. Raises what sqlite3 raises."""
        for sql, rows in self.last.items():
            await self.connection.each(sql, rows)
        await self.connection.commit()

    def end(self, failure: BaseException | None) -> None:
        """It is on the disk, or nothing of it is."""
        self.failure = failure
        self.over.set()

    async def durable(self) -> None:
        """Wait for the end. Raises Unavailable when nothing of it stayed."""
        await self.over.wait()
        if self.failure is None:
            return
        if isinstance(self.failure, errors.Unavailable) or is_outage(self.failure):
            raise errors.Unavailable from self.failure
        raise self.failure


@dataclass
class _Turn:
    came: asyncio.Future[None]
    alone: bool


class Writer:
    """Gives everybody who wants to use a connection their turn, in the order in which they came.

    `committed` is told how many changes the connection has made, after each COMMIT.
    """

    def __init__(self, opened: Callable[[], Awaitable[Direct]], committed: Callable[[int], None]) -> None:
        self._opened, self._committed = opened, committed
        self._queue: deque[_Turn] = deque()
        self._taken = False
        self._batch: Batch | None = None  # there is none while nobody has the turn
        self._committing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Direct]:
        """The connection without a transaction. Raises Unavailable."""
        await self._turn(alone=True)
        try:
            with outages():
                connection = await self._opened()
            yield connection
        finally:
            self._go_on()

    async def join(self) -> Batch:
        """Wait for one's turn to write; it lasts until `leave`. Raises Unavailable when no batch can begin now."""
        await self._turn(alone=False)
        try:
            batch = self._batch = self._batch or await self._begun()
            batch.begin()
        except BaseException as failure:
            self._go_on()
            with outages():
                raise failure
        return batch

    async def leave(self, batch: Batch, failure: BaseException | None) -> None:
        """Keep what was done since `join`, or undo it after a failure; then wait until the batch is on the disk.

        Raises Unavailable when nothing of the batch stayed.
        """
        seen = batch.operations  # whose work the operation may have read
        was_sure = False  # wrongly: it hears of its own failure, and the others of an outage
        try:
            if not batch.is_whole:
                batch.failure = failure if isinstance(failure, errors.Unavailable) else errors.Unavailable()
            elif failure is None:
                batch.operations += 1
            else:
                batch.undo()
                was_sure = not batch.is_whole
            if batch.is_saved and batch.is_whole:
                batch.connection.at_once("RELEASE operation")
        except sqlite3.Error as worse:
            batch.failure = worse
        self._go_on()
        if not was_sure and (seen or failure is None or not batch.is_whole):
            await batch.durable()

    async def _turn(self, *, alone: bool) -> None:
        if not self._taken:
            self._taken = True
            return
        turn = _Turn(asyncio.get_running_loop().create_future(), alone)
        self._queue.append(turn)
        try:
            await turn.came
        except asyncio.CancelledError:
            if not turn.came.cancelled():  # it had come already
                self._go_on()
            raise

    def _go_on(self) -> None:
        """Give the turn to the next, who joins the batch, or to its COMMIT."""
        while self._queue and self._queue[0].came.done():  # they hung up
            self._queue.popleft()
        if self._batch and not self._is_joined(self._batch):
            self._committing = asyncio.create_task(self._commit(self._batch))
        elif self._queue:
            self._queue.popleft().came.set_result(None)
        else:
            self._taken = False

    def _is_joined(self, batch: Batch) -> bool:
        """Whether somebody else comes along in the batch."""
        if not batch.is_whole or batch.operations >= OPERATIONS or _now() >= batch.full_at:
            return False
        return bool(self._queue) and not self._queue[0].alone

    async def _begun(self) -> Batch:
        connection = await self._opened()
        if connection.in_transaction:  # the last one's ROLLBACK failed, too
            await connection.rollback()
        await connection.begin()
        return Batch(connection, _now() + SECONDS)

    async def _commit(self, batch: Batch) -> None:
        if self._is_joined(batch):  # by somebody who came since
            self._go_on()
            return
        failure = batch.failure
        try:
            if failure is None:
                await batch.commit()
                self._committed(batch.connection.total_changes)
        except (Exception, asyncio.CancelledError) as refused:
            failure = refused
            if is_outage(refused):
                tell(refused)
        if batch.connection.in_transaction:
            with suppress(sqlite3.Error):  # whoever begins the next batch tries again
                await batch.connection.rollback()
        self._batch = None
        batch.end(failure)
        self._go_on()


def _now() -> float:
    return asyncio.get_running_loop().time()
