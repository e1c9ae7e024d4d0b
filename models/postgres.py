"""Tortoise's PostgreSQL client, bounded in time, that survives the loss of its connections.

Tortoise's own waits for ever for a connection, loses it for good when BEGIN fails, and hands a driver's error on as it
is. Here a connection that died is thrown away together with its like, and whoever met it is told Unavailable. Nothing
is run twice but a BEGIN: a transaction that may have been committed is the client's to ask about.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import TracebackType
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.connection import get_connections

import errors
from models.outages import UNCERTAIN, outages, tell

QUEUE = 3  # times a statement's time is how long a request waits for a free connection
_LOSSES = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # it is no primary any more
)
_MARGIN = 1.0  # seconds: the server's own time-out comes first, and leaves the connection whole


class Client(AsyncpgDBClient):
    """A pool of connections. `seconds` bounds a statement, a new connection, and a transaction that asks nothing."""

    def __init__(self, *, seconds: float | None = None, **credentials: Any) -> None:
        super().__init__(**credentials)
        self._seconds = seconds
        if seconds is not None:
            limit = str(round(seconds * 1000))
            # a transaction that a cut network left open would keep its locks from everybody
            self.server_settings |= {"statement_timeout": limit, "idle_in_transaction_session_timeout": limit}
            self.extra |= {"command_timeout": seconds + _MARGIN, "timeout": seconds}

    async def borrow(self) -> Any:
        """A connection that is open, as far as anybody knows. Raises Unavailable when none can be had in time."""
        with outages():
            async with asyncio.timeout(None if self._seconds is None else QUEUE * self._seconds):
                async with self._pool_init_lock:
                    if self._pool is None:
                        await self.create_connection(with_db=True)
                pool: Any = self._pool
                return await pool.acquire()

    async def give_back(self, connection: Any, failure: BaseException | None = None) -> None:
        """Let others use the connection, unless this failure says that it is lost: then none of its age is trusted."""
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
        connection = await self.borrow()
        failure: BaseException | None = None
        try:
            with _told(connection):
                yield connection
        except BaseException as raised:
            failure = raised
            raise
        finally:
            await self.give_back(connection, failure)

    def _in_transaction(self) -> TransactionContext:
        return Whole(self)


class Transaction(TransactionWrapper):
    """What is asked for inside a transaction."""

    def acquire_connection(self) -> Any:
        """The transaction's connection, for one statement at a time. Raises Unavailable when it is lost."""
        return self._one_at_a_time()

    @asynccontextmanager
    async def _one_at_a_time(self) -> AsyncIterator[Any]:
        async with self._lock:
            with _told(self._connection):
                yield self._connection


class Whole(TransactionContext):
    """A transaction, done whole or not at all; whatever happens, its connection goes back to the pool."""

    def __init__(self, parent: Client) -> None:
        self._parent = parent

    async def __aenter__(self) -> TransactionalDBClient:
        """Raises Unavailable when it cannot begin now."""
        try:
            self.client = await self._begun()
        except errors.Unavailable as away:
            if isinstance(away.__cause__, TimeoutError):
                raise
            self.client = await self._begun()  # the connection had died while nobody used it: nothing was done yet
        self._token = get_connections().set(self._parent.connection_name, self.client)
        return self.client

    async def _begun(self) -> Transaction:
        client = Transaction(self._parent)
        client._connection = await self._parent.borrow()  # noqa: SLF001  as Tortoise's own does
        try:
            with _told(client._connection):  # noqa: SLF001
                await client.begin()
        except BaseException as failure:
            await self._parent.give_back(client._connection, failure)  # noqa: SLF001
            raise
        return client

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises Unavailable when it cannot be committed, with another sentence when it may have been."""
        get_connections().reset(self._token)
        connection = self.client._connection  # noqa: SLF001
        away = failure if isinstance(failure, errors.Unavailable) else None  # what else was raised inside is not ours
        try:
            if failure is None:
                await self._commit(connection)
            elif not is_loss(away):
                with suppress(Exception):  # then the pool throws the connection away
                    await self.client.rollback()
        except errors.Unavailable as raised:
            away = raised
            raise
        finally:
            await self._parent.give_back(connection, away)

    async def _commit(self, connection: Any) -> None:
        if _is_gone(connection):
            raise errors.Unavailable  # before COMMIT was said
        try:
            with outages():
                await self.client.commit()
        except errors.Unavailable as away:
            raise (errors.Unavailable(UNCERTAIN) if is_loss(away) else away) from away.__cause__


def is_loss(failure: BaseException | None) -> bool:
    """Whether the connection itself was lost, rather than a statement refused by a server that is there."""
    cause = failure.__cause__ if isinstance(failure, errors.Unavailable) else failure
    return isinstance(cause, _LOSSES)


@contextmanager
def _told(connection: Any) -> Iterator[None]:
    """Raise Unavailable for an outage inside, or when the connection had been lost before."""
    try:
        with outages():
            yield
    except asyncpg.InterfaceError as wrong:
        if not _is_gone(connection):
            raise
        tell(wrong)
        raise errors.Unavailable from wrong


def _is_gone(connection: Any) -> bool:
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:  # the pool has taken it back, because it was closed
        return True


def get_client_class(db_info: dict[str, Any]) -> type[Client]:
    """What Tortoise asks a backend for."""
    return Client
