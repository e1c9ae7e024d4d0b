"""Tortoise's SQLite client, whose lock is always given back and whose transactions take the write lock at once.

Tortoise begins DEFERRED: a transaction that reads first and writes later is refused with "database is locked" as soon
as another process wrote in between, without waiting. IMMEDIATE waits for its turn (`busy_timeout`). A BEGIN or COMMIT
that fails (a full disk, say) leaves Tortoise's lock taken or its transaction open, and nothing is ever written again.
Here a transaction is one operation of a batch that is committed as a whole: see models/batches.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, TypeVar
from uuid import UUID

from tortoise import Model
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionWrapper
from tortoise.connection import get_connections

import errors
from models import unit
from models.batches import Batch
from models.checkpoints import Checkpoints
from models.direct import Direct, Found
from models.late import About
from models.outages import outages
from models.shortcuts import Asking, Executor
from models.writer import Writer

T = TypeVar("T")


class Client(Asking, SqliteClient):
    """One SQLite connection."""

    executor_class = Executor

    def __init__(self, file_path: str, **pragmas: Any) -> None:
        super().__init__(file_path, **pragmas)
        self._connection: Any = None
        self._only_reads = "query_only" in pragmas
        self._checkpoints = Checkpoints(self._another)
        self.writer = Writer(self._opened, self.inside, self._committed)

    async def create_connection(self, with_db: bool) -> None:
        """Open the file. Raises what sqlite3 raises."""
        self._connection = await self._another()
        await self._post_connect()

    async def close(self) -> None:
        """Close the file, when nobody uses it any more."""
        if self._connection is not None:
            async with self.writer.alone() as connection:
                self._connection = None
                await self._checkpoints.close()
                await connection.close()

    async def _another(self) -> Direct:
        return await Direct.opened(self.filename, self.pragmas)

    async def _opened(self) -> Direct:
        if self._connection is None:
            await self.create_connection(with_db=True)
        opened: Direct = self._connection
        return opened

    def _at_hand(self, query: str, values: Sequence[Any]) -> Found | None:
        if not self._only_reads or self._connection is None or self._connection.is_due:
            return None
        found: Found | None = self._connection.at_hand(query, values)
        return found

    async def _ask(self, query: str, values: Sequence[Any]) -> Found:
        if self._only_reads and self._connection is not None:
            # whoever waited for a turn would make the next one wait for theirs, and none of them went on at once again
            found: Found = await self._connection.ask(query, values)
            return found
        async with self.writer.alone() as connection:
            return await connection.ask(query, values)

    def acquire_connection(self) -> Any:
        """The connection, for one statement at a time. Raises Unavailable when the file cannot be used now."""
        return self._held()

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[Direct]:
        async with self.writer.alone() as connection:
            with outages():
                yield connection

    def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> Awaitable[T]:
        """Do it in a transaction, to its end even if the caller is cancelled. Raises Unavailable."""
        return self.writer.do(work)

    async def drain(self) -> None:
        """Wait for every transaction that is under way."""
        await self.writer.drain()

    @contextmanager
    def inside(self, batch: Batch) -> Iterator[Transaction]:
        """What is asked for in the batch; Tortoise finds it, too."""
        client, place = Transaction(self, batch), get_connections()._storage_var  # noqa: SLF001
        token = place.set({**place.get(), self.connection_name: client})
        try:
            yield client
        finally:
            place.reset(token)

    def _committed(self, client: Transaction) -> None:
        self._checkpoints.after(client.batch.connection.total_changes)
        unit.tell(client.grown)

    def _in_transaction(self) -> TransactionContext:
        return Whole(self)


class Transaction(Asking, SqliteTransactionWrapper):
    """What is asked for inside a transaction."""

    executor_class = Executor

    def __init__(self, parent: Client, batch: Batch) -> None:
        super().__init__(parent)
        self.batch = batch
        self.grown: set[UUID] = set()  # the organizations whose log has grown in it

    def _at_hand(self, query: str, values: Sequence[Any]) -> Found | None:
        batch, reads = self.batch, query.startswith("SELECT")
        if not batch.is_whole:  # what comes now would be written by itself
            raise errors.Unavailable
        if not (reads or batch.is_sure or batch.is_saved) or batch.is_due or batch.owes(query):
            return None
        found = batch.connection.at_hand(query, values)
        if not reads and found is not None and found[0]:
            batch.has_written = True
        return found

    async def _ask(self, query: str, values: Sequence[Any]) -> Found:
        batch, reads = self.batch, query.startswith("SELECT")
        if batch.is_due:
            await batch.pause()
        if batch.owes(query):
            await batch.catch_up()
        if not reads:
            await batch.before_writing()
        found = await batch.connection.ask(query, values)
        if not reads and found[0]:
            batch.has_written = True
        return found

    def be_sure(self) -> None:
        """See `unit.be_sure`."""
        self.batch.is_sure = not self.batch.is_cautious

    def put_off(self, model: type[Model], query: str, values: Sequence[Any]) -> bool:
        """Insert the row later, if the unit is sure that it can be; whether it is."""
        return self.batch.put_off(model, query, values)

    def put_change_off(self, row: About, query: str, values: Sequence[Any]) -> bool:
        """Change the row later, if the unit is sure that it can be; whether it is."""
        return self.batch.put_change_off(row, query, values)

    def insert_later(self, model: type[Model], query: str, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows for which it is not too late just before the COMMIT."""
        self.batch.late.put(model, query, rows)

    async def query_one(self, query: str, values: Sequence[Any], of: Callable[[Any], About]) -> Sequence[Any]:
        """The same as of others; what waits to be written of other rows of its kind need not be written before."""
        batch = self.batch
        batch.asks_for_one = True
        try:
            _, found = await self.execute_query(query, list(values))
        finally:
            batch.asks_for_one = False
        if not found:
            return (await self.execute_query(query, list(values)))[1] if batch.owes(query) else found
        one = of(found[0])
        if batch.late.is_about(one):
            _, found = await self.execute_query(query, list(values))
        batch.is_now_about(one)
        return found

    def acquire_connection(self) -> Any:
        """The connection, for one statement at a time. Raises Unavailable when the file cannot be used now."""
        return _Lent(self.batch)


class _Lent:
    """A transaction's connection, lent for one statement."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    async def __aenter__(self) -> Direct:
        if not self._batch.is_whole:  # what comes now would be written by itself
            raise errors.Unavailable
        if self._batch.owes("whatever it is"):
            await self._batch.catch_up()
        await self._batch.before_writing()
        self._batch.has_written = True
        return self._batch.connection

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        if failure is not None:
            with outages():
                raise failure


class Whole(TransactionContext):
    """A transaction of Tortoise's own, such as a migration's: alone, done whole or not at all."""

    def __init__(self, parent: Client) -> None:
        self._parent = parent

    async def __aenter__(self) -> TransactionalDBClient:
        """Raises Unavailable when it cannot begin now."""
        async with AsyncExitStack() as begun:
            connection = await begun.enter_async_context(self._parent.writer.alone())
            with outages():
                self._batch = await Batch.on(connection)
            self._batch.is_sure = True
            client = begun.enter_context(self._parent.inside(self._batch))
            self._begun = begun.pop_all()
        return client

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises Unavailable when it cannot be committed; then nothing was."""
        async with self._begun:
            self._batch.failure = failure
            lost = await self._batch.end()
        if failure is None and lost is not None:
            with outages():
                raise lost


def get_client_class(db_info: dict[str, Any]) -> type[Client]:
    """What Tortoise asks a backend for."""
    return Client
