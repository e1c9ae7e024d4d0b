"""A PostgreSQL transaction, done whole or not at all. It begins with its first statement: they travel together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from tortoise.backends.asyncpg.client import TransactionWrapper
from tortoise.backends.base.client import NestedTransactionContext, TransactionContext

import errors
from models.asking import Asking, Found, is_gone, is_loss, told
from models.outages import UNCERTAIN
from models.wire import Wire, can_go_ahead

if TYPE_CHECKING:
    from models.postgres import Client

T = TypeVar("T")


class Transaction(Asking, TransactionWrapper):
    """What is asked for inside a transaction, which begins with the first statement."""

    is_sure = False
    is_cautious = False  # it has begun again: this time it hears of everything before it goes on
    has_presumed = False  # something that the database may still refuse: then it begins again
    grown: set[UUID]  # the organizations whose log has grown in it
    _connection: Any
    _has_connection = False
    _parent: Client

    @classmethod
    async def on(cls, parent: Client) -> Transaction:
        """One on a connection of its own. Raises Unavailable."""
        self = cls(parent)
        self.grown = set()
        await self._take(("BEGIN", ()))
        return self

    async def execute_ahead(self, query: str, values: Sequence[Any]) -> None:
        """Run a statement that answers no rows, together with the next one, or the commit, which then fails for it."""
        if not can_go_ahead(values):
            await self.execute_query(query, list(values))
            return
        if self.log.isEnabledFor(logging.DEBUG):
            self.log.debug("%s: %s", query, values)
        self._wire.ahead(query, values)

    def be_sure(self) -> None:
        """See `unit.be_sure`."""
        self.is_sure = not self.is_cautious

    async def execute_many(self, query: str, values: list[Any]) -> None:
        """Run the statement with each of these values."""
        if self.log.isEnabledFor(logging.DEBUG):
            self.log.debug("%s: %s", query, values)
        await self._run(lambda: self._wire.many(query, values))

    async def _ask(self, query: str, values: Sequence[Any]) -> Found:
        return await self._run(lambda: self._wire.ask(query, values))

    async def _run(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self._lock:
            try:
                with told(self._connection):
                    return await work()
            except errors.Unavailable as away:
                if self._wire.has_asked or isinstance(away.__cause__, TimeoutError) or not is_loss(away):
                    raise
                # the connection had died while nobody used it: nothing was done yet
                await self.give_back(away)
                await self._take(*self._wire.waiting)
            with told(self._connection):
                return await work()

    async def give_back(self, failure: BaseException | None = None, *, is_idle: bool = True) -> None:
        """Let others use its connection, unless it could not be replaced when it had died."""
        if self._has_connection:
            self._has_connection = False
            await self._parent.lender.give_back(self._connection, failure, is_idle=is_idle)

    async def _take(self, *ahead: tuple[str, Sequence[Any]]) -> None:
        self._connection = await self._parent.lender.borrow()
        self._has_connection = True
        self._wire = Wire(self._connection._con, ahead)  # noqa: SLF001  without what the pool has around it

    def acquire_connection(self) -> Any:
        """The transaction's connection, for one statement at a time. Raises Unavailable when it is lost."""
        return self._one_at_a_time()

    @asynccontextmanager
    async def _one_at_a_time(self) -> AsyncIterator[Any]:
        if self._wire.waiting:
            await self._ask("SELECT", ())
        async with self._lock:
            with told(self._connection):
                yield self._connection

    async def commit(self) -> None:
        """Raises Unavailable when it cannot be committed, with another sentence when it may have been."""
        if not self._wire.has_asked:
            if len(self._wire.waiting) == 1:  # BEGIN
                return
            await self._ask("SELECT", ())  # nobody could say whether a connection died before or in the commit
        if is_gone(self._connection):
            raise errors.Unavailable  # before COMMIT was said
        try:
            with told(self._connection):
                await self._wire.ask("COMMIT")
        except errors.Unavailable as away:
            raise (errors.Unavailable(UNCERTAIN) if is_loss(away) else away) from away.__cause__

    async def rollback(self) -> None:
        """Undo what was done, unless the connection does not know of it any more."""
        if self._connection.is_in_transaction():
            await self._connection.execute("ROLLBACK")

    async def savepoint(self) -> None:
        """Begin what can be undone by itself."""
        await self._ask("SAVEPOINT part", ())

    async def release_savepoint(self) -> None:
        """Keep it."""
        await self._ask("RELEASE part", ())

    async def savepoint_rollback(self) -> None:
        """Undo it."""
        await self._ask("ROLLBACK TO part", ())

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(self)


class Whole(TransactionContext):
    """A transaction, done whole or not at all; whatever happens, its connection goes back to the pool."""

    def __init__(self, parent: Client, *, is_cautious: bool = False) -> None:
        self._parent, self._is_cautious = parent, is_cautious

    async def __aenter__(self) -> Transaction:
        """Raises Unavailable when it cannot begin now."""
        self.client = self.own = await Transaction.on(self._parent)
        self.own.is_cautious = self._is_cautious
        place = self._parent.place
        self._token = place.set({**place.get(), self._parent.connection_name: self.client})
        return self.own

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises Unavailable when it cannot be committed, with another sentence when it may have been."""
        self._parent.place.reset(self._token)
        # what else was raised inside is not ours
        away: BaseException | None = failure if isinstance(failure, errors.Unavailable) else None
        try:
            if failure is None:
                await self.client.commit()
        except BaseException as raised:
            away, failure = raised, raised
            raise
        finally:
            if failure is not None and not is_loss(away):
                with suppress(Exception):  # then the pool throws the connection away
                    await self.client.rollback()
            await self.own.give_back(away, is_idle=failure is None)
