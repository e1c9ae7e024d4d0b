"""Tortoise's PostgreSQL client, bounded in time, that survives the loss of its connections.

Tortoise's own waits for ever for a connection, loses it for good when BEGIN fails, and hands a driver's error on as it
is. Here a connection that died is thrown away together with its like, and whoever met it is told Unavailable. Nothing
is run twice but what began a transaction: one that may have been committed is the client's to ask about.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cached_property
from typing import Any, TypeVar

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.backends.base.client import TransactionContext
from tortoise.connection import get_connections
from tortoise.exceptions import IntegrityError

from models import unit
from models.asking import Asking, Found, is_loss, told
from models.lending import Lender
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
        patience = None if seconds is None else QUEUE * seconds
        self.lender = Lender(self._free, self._taken_back, int(credentials["maxsize"]), patience)
        self._under_way: set[asyncio.Task[Any]] = set()  # transactions
        if seconds is not None:
            limit = str(round(seconds * 1000))
            # a transaction that a cut network left open would keep its locks from everybody
            self.server_settings |= {"statement_timeout": limit, "idle_in_transaction_session_timeout": limit}
            self.extra |= {"command_timeout": seconds + _MARGIN, "timeout": seconds}

    @cached_property
    def place(self) -> Any:
        """Where Tortoise looks for whom to ask, by the connection's name."""
        return get_connections()._storage_var  # noqa: SLF001  its own ways there and back take longer than a statement

    async def _free(self) -> Any:
        if self._pool is None:
            async with self._pool_init_lock:
                if self._pool is None:
                    await self.create_connection(with_db=True)
        pool: Any = self._pool
        return await pool.acquire()

    async def _taken_back(self, connection: Any, failure: BaseException | None) -> None:
        pool = self._pool
        if pool is None:
            return
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
        connection = await self.lender.borrow()
        failure: BaseException | None = None
        try:
            with told(connection):
                yield connection
        except BaseException as raised:
            failure = raised
            raise
        finally:
            await self.lender.give_back(connection, failure)

    async def _ask(self, query: str, values: Sequence[Any]) -> Found:
        connection = await self.lender.borrow()
        failure: BaseException | None = None
        try:
            with told(connection):
                rows, status, _ = await connection._execute(query, values, 0, None, return_status=True)  # noqa: SLF001
        except BaseException as raised:
            failure = raised
            raise
        finally:
            await self.lender.give_back(connection, failure)
        return affected(status), rows

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Do it in a transaction, to its end even if the caller is cancelled. Raises Unavailable."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._told(work, answer))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await answer

    async def _told(self, work: Callable[[Transaction], Awaitable[T]], answer: asyncio.Future[T]) -> None:
        """Say what it comes to, unless the caller was cancelled."""
        try:
            result = await self._transacted(work)
        except asyncio.CancelledError:
            answer.cancel()
            raise
        except Exception as failure:
            if not answer.done():
                answer.set_exception(failure)
        else:
            if not answer.done():
                answer.set_result(result)
        finally:
            del answer  # which its failure's frames would know of for as long as it knows of the failure

    async def drain(self) -> None:
        """Wait for every transaction that is under way."""
        while self._under_way:
            under_way = tuple(self._under_way)
            await asyncio.gather(*under_way, return_exceptions=True)
            # since Python 3.12 finished tasks do not let the loop turn, and their callbacks would never come
            self._under_way.difference_update(under_way)

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
