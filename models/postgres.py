"""Tortoise's PostgreSQL client, bounded in time, that survives the loss of its connections.

Tortoise's own waits for ever for a connection, loses it for good when BEGIN fails, and hands a driver's error on as it
is. Here a connection that died is thrown away together with its like, and whoever met it is told Unavailable. Nothing
is run twice but what began a transaction: one that may have been committed is the client's to ask about.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.backends.base.client import TransactionContext
from tortoise.exceptions import IntegrityError

from models import unit
from models.asking import Asking, Found, is_loss, told
from models.outages import outages
from models.whole import Transaction, Whole
from models.wire import Connection, affected

T = TypeVar("T")
QUEUE = 3  # times a statement's time is how long a request waits for a free connection
_MARGIN = 1.0  # seconds: the server's own time-out comes first, and leaves the connection whole


class Client(Asking, AsyncpgDBClient):
    """A pool of connections. `seconds` bounds a statement, a new connection, and a transaction that asks nothing."""

    connection_class = Connection

    def __init__(self, *, seconds: float | None = None, **credentials: Any) -> None:
        super().__init__(**credentials)
        self._seconds = seconds
        # asyncpg gives a free connection to whoever asks first, and who has waited for it goes to the end of the queue
        self._turns = asyncio.Semaphore(int(credentials["maxsize"]))
        self._under_way: set[asyncio.Task[Any]] = set()  # transactions
        if seconds is not None:
            limit = str(round(seconds * 1000))
            # a transaction that a cut network left open would keep its locks from everybody
            self.server_settings |= {"statement_timeout": limit, "idle_in_transaction_session_timeout": limit}
            self.extra |= {"command_timeout": seconds + _MARGIN, "timeout": seconds}

    async def borrow(self) -> Any:
        """A connection that is open, as far as anybody knows. Raises Unavailable when none can be had in time."""
        with outages():
            async with asyncio.timeout(None if self._seconds is None else QUEUE * self._seconds):
                await self._turns.acquire()
                try:
                    return await self._free()
                except BaseException:
                    self._turns.release()
                    raise

    async def _free(self) -> Any:
        if self._pool is None:
            async with self._pool_init_lock:
                if self._pool is None:
                    await self.create_connection(with_db=True)
        pool: Any = self._pool
        return await pool.acquire()

    async def give_back(self, connection: Any, failure: BaseException | None = None) -> None:
        """Let others use the connection, unless this failure says that it is lost: then none of its age is trusted."""
        try:
            if self._pool is not None:
                await self._taken_back(self._pool, connection, failure)
        finally:
            self._turns.release()

    async def _taken_back(self, pool: Any, connection: Any, failure: BaseException | None) -> None:
        if is_loss(failure):
            with suppress(asyncpg.InterfaceError):  # it is closed and gone already
                connection.terminate()
            await pool.expire_connections()
        with suppress(Exception):  # the pool has thrown it away, and what was done on it is done
            await pool.release(connection, timeout=self._seconds)

    def acquire_connection(self) -> Any:
        """A connection for one statement. Raises Unavailable."""
        return self._lent()

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Any]:
        connection = await self.borrow()
        failure: BaseException | None = None
        try:
            with told(connection):
                yield connection
        except BaseException as raised:
            failure = raised
            raise
        finally:
            await self.give_back(connection, failure)

    async def _ask(self, query: str, values: Sequence[Any]) -> Found:
        connection = await self.borrow()
        failure: BaseException | None = None
        try:
            with told(connection):
                rows, status, _ = await connection._execute(query, values, 0, None, return_status=True)  # noqa: SLF001
        except BaseException as raised:
            failure = raised
            raise
        finally:
            await self.give_back(connection, failure)
        return affected(status), rows

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Do it in a transaction, to its end even if the caller is cancelled. Raises Unavailable."""
        task = asyncio.create_task(self._transacted(work))
        self._under_way.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def drain(self) -> None:
        """Wait for every transaction that is under way."""
        while self._under_way:
            under_way = tuple(self._under_way)
            await asyncio.gather(*under_way, return_exceptions=True)
            # since Python 3.12 finished tasks do not let the loop turn, and their callbacks would never come
            self._under_way.difference_update(under_way)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved here when the caller was cancelled and nobody else will

    async def _transacted(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        begun = Whole(self)
        try:
            async with begun as client:
                result = await work(client)
        except IntegrityError:
            if not begun.own.has_presumed:
                raise
            begun = Whole(self, is_cautious=True)  # what it has presumed was not so, and nothing that it did was kept
            async with begun as client:
                result = await work(client)
        unit.tell(client.grown)
        return result

    def _in_transaction(self) -> TransactionContext:
        return Whole(self)


def get_client_class(db_info: dict[str, Any]) -> type[Client]:
    """What Tortoise asks a backend for."""
    return Client
