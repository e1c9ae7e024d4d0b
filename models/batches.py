"""Group commit: what waits to be written to SQLite becomes durable together, in one COMMIT.

Writing to the disk takes longer than all else that a small operation does. So the operations run one after the other,
each in its savepoint, and while they do and while COMMIT waits for the disk, the next ones queue up. Nobody is told
anything before the COMMIT of their batch: neither that they succeeded, nor what they were refused because of others in
it. See docs/decisions/0017-group-commit.md.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tortoise import Model

import errors
from models import politeness
from models.direct import Direct
from models.late import About, Late
from models.outages import is_outage, tell
from models.politeness import after, is_past

OPERATIONS = 400  # in one batch
SECONDS = 0.05  # after which a batch takes no more in


@dataclass
class Batch:
    """Operations that become durable together or not at all."""

    connection: Direct
    full_at: float
    pause_at: float  # when others are to have their turn of the event loop
    operations: int = 0
    is_saved: bool = False  # the operation whose turn it is can be undone by itself
    is_sure: bool = False  # it need not be
    has_written: bool = False
    is_cautious: bool = False  # nobody is sure this time
    is_too_sure: bool = False  # something that was put off was refused: who was sure is to do it again, with caution
    failure: BaseException | None = None
    late: Late = field(default_factory=Late)  # written when somebody may ask for it, or nobody else comes along
    asks_for_one: bool = False  # what is read now is one row, and what belongs to it
    about: About | None = None  # that one
    reads_several: bool = False  # and the operation has read another besides

    @classmethod
    async def on(cls, connection: Direct) -> Batch:
        """One that begins now. Raises what sqlite3 raises."""
        if connection.in_transaction:  # the last one's ROLLBACK failed, too
            await connection.rollback()
        await connection.begin()
        return cls(connection, full_at=after(SECONDS), pause_at=after(politeness.TURN))

    @property
    def is_whole(self) -> bool:
        """Whether it can go on: SQLite itself undoes all of it when the disk is full."""
        return self.failure is None and self.connection.in_transaction

    @property
    def is_full(self) -> bool:
        """Whether nobody else comes along."""
        return self.operations >= OPERATIONS or is_past(self.full_at) or not self.is_whole

    @property
    def is_due(self) -> bool:
        """Whether others are to have their turn of the event loop."""
        return is_past(self.pause_at)

    async def pause(self) -> None:
        """Let them."""
        await asyncio.sleep(0)
        self.pause_at = after(politeness.TURN)

    def begin(self) -> None:
        """The next operation's turn has come."""
        self.is_saved = self.is_sure = self.has_written = self.reads_several = False
        self.about = None

    async def before_writing(self) -> None:
        """Mark what to go back to if the operation fails: to be asked before each of its changes."""
        if not self.is_saved and not self.is_sure:
            await self.connection.at_leisure("SAVEPOINT operation")
            self.is_saved = True

    @property
    def may_put_off(self) -> bool:
        """Whether what the operation writes may wait: it is not going to be undone by itself."""
        return self.is_sure and not self.is_saved

    def put_off(self, model: type[Model], sql: str, values: Sequence[Any]) -> bool:
        """Let the row be inserted later, if that may be; whether it is."""
        if not self.may_put_off:
            return False
        self.late.put(model, sql, [values], self.about)
        self.has_written = True
        return True

    def put_change_off(self, row: About, sql: str, values: Sequence[Any]) -> bool:
        """Let the row be changed later, if that may be; whether it is. That it is there to be changed is known."""
        if not self.may_put_off or not self.late.put_change(row, sql, values, self.about):
            return False
        self.has_written = True
        return True

    def owes(self, sql: str) -> bool:
        """Whether something has to be written before this statement is run.

        Not behind a savepoint, with which it would be undone: what matters was written before it.
        """
        if self.is_saved:
            return False
        return self.late.matters_to_one(sql) if self.asks_for_one else self.late.matters_to(sql)

    async def catch_up(self) -> None:
        """Write it. If any of it is refused, nothing of the batch stays."""
        try:
            for sql, rows in self.late.taken():
                before = self.connection.total_changes
                await self.connection.each(sql, rows)
                if self.connection.total_changes - before != len(rows):
                    raise sqlite3.IntegrityError("a row that was to be changed is not as it was seen")
        except BaseException as refused:
            self.failure = refused
            self.is_too_sure = isinstance(refused, sqlite3.IntegrityError)
            raise

    def is_now_about(self, one: About) -> None:
        """The operation has read this one, to which belongs what it changes from here on, unless it reads another."""
        self.about = one if self.about in {None, one} and not self.reads_several else None
        self.reads_several = self.about is None

    def keep(self) -> None:
        """The operation has gone well. Raises what sqlite3 raises."""
        self.operations += 1
        if self.is_saved:
            self.connection.at_once("RELEASE operation")

    def undo(self) -> None:
        """Leave nothing of the operation; where it has said that it is sure, nothing of the batch."""
        if self.is_saved:
            self.connection.at_once("ROLLBACK TO operation")
            self.connection.at_once("RELEASE operation")
        elif self.has_written:
            self.failure = errors.Unavailable()

    async def end(self) -> BaseException | None:
        """Write what comes last, and have all of it on the disk; or why nothing of it stayed."""
        try:
            if not self.is_whole:
                raise self.failure or errors.Unavailable()
            await self.catch_up()
            await self.connection.commit()
        except (Exception, asyncio.CancelledError) as refused:
            self.failure = refused
            if is_outage(refused):
                tell(refused)
        if self.connection.in_transaction:
            with suppress(sqlite3.Error, asyncio.CancelledError):  # whoever begins the next batch tries again
                await self.connection.rollback()
        return self.failure


@dataclass
class Operation:
    """What somebody wants done, who waits for what it comes to unless they have hung up."""

    work: Callable[[Any], Awaitable[Any]]
    answer: asyncio.Future[Any]
    result: Any = None
    failure: BaseException | None = None
    is_sure: bool = False  # and so may be done again: see `unit.be_sure`

    async def do(self, client: Any, batch: Batch) -> bool:
        """Do it, or leave nothing of it; whether the answer waits until the batch is on the disk."""
        seen = batch.operations  # whose work it may have read
        batch.begin()
        self.result = self.failure = None
        try:
            self.result = await self.work(client)
        except (Exception, asyncio.CancelledError) as failure:
            self.failure = failure
        self.is_sure = batch.is_sure
        if not batch.is_whole:
            batch.failure = batch.failure or _lost(self.failure)
            return True
        try:
            if self.failure is None:
                batch.keep()
                return True
            batch.undo()
        except sqlite3.Error as worse:
            batch.failure = worse
            return True
        # who was wrongly sure hears of their own failure, and the others of an outage
        return bool(seen) and batch.is_whole

    def tell(self, lost: BaseException | None = None) -> None:
        """What it came to, or why nothing of its batch stayed."""
        failure, self.failure = self.failure if lost is None else _told(lost), None  # its frames know of this
        if self.answer.done():
            return
        if failure is None:
            self.answer.set_result(self.result)
        elif isinstance(failure, asyncio.CancelledError):
            self.answer.cancel()
        else:
            self.answer.set_exception(failure)


def _lost(failure: BaseException | None) -> errors.Unavailable:
    return failure if isinstance(failure, errors.Unavailable) else errors.Unavailable()


def _told(lost: BaseException) -> BaseException:
    if not isinstance(lost, errors.Unavailable) and not is_outage(lost):
        return lost
    away = errors.Unavailable()
    away.__cause__ = lost
    return away
