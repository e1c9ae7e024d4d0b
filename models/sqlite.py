"""Tortoise's SQLite client, whose lock is always given back and whose transactions take the write lock at once.

Tortoise begins DEFERRED: a transaction that reads first and writes later is refused with "database is locked" as soon
as another process wrote in between, without waiting. IMMEDIATE waits for its turn (`busy_timeout`). A BEGIN or COMMIT
that fails (a full disk, say) leaves Tortoise's lock taken or its transaction open, and nothing is ever written again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any

import aiosqlite
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionWrapper
from tortoise.connection import get_connections

from models.outages import outages


class Client(SqliteClient):
    """One SQLite connection."""

    def acquire_connection(self) -> Any:
        """The connection, for one statement at a time. Raises Unavailable when the file cannot be used now."""
        return self._held()

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[aiosqlite.Connection]:
        async with self._lock:
            with outages():
                yield await self._opened()

    async def _opened(self) -> Any:
        if not self._connection:
            await self.create_connection(with_db=True)
        return self._connection

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[aiosqlite.Connection]:
        """The connection with a transaction that holds the write lock from its first statement, waiting for it as long
        as `busy_timeout` says; committed at the end, or rolled back.
        """
        async with self._lock:
            with outages():
                connection = await self._opened()
                if connection.in_transaction:  # the last one's ROLLBACK failed, too
                    await connection.rollback()
                await connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                with outages():
                    await connection.commit()
            finally:
                if connection.in_transaction:  # what was inside raised, or COMMIT was refused
                    with outages():
                        await connection.rollback()

    def _in_transaction(self) -> TransactionContext:
        return Whole(self)


class Transaction(SqliteTransactionWrapper):
    """What is asked for inside a transaction."""

    def acquire_connection(self) -> Any:
        """The connection, for one statement at a time. Raises Unavailable when the file cannot be used now."""
        return self._one_at_a_time()

    @asynccontextmanager
    async def _one_at_a_time(self) -> AsyncIterator[aiosqlite.Connection]:
        async with self._lock:
            with outages():
                yield self._connection


class Whole(TransactionContext):
    """A transaction, done whole or not at all; whatever happens, the next one can begin."""

    def __init__(self, parent: Client) -> None:
        self._parent = parent
        self._alone: AbstractAsyncContextManager[aiosqlite.Connection] = parent.alone()

    async def __aenter__(self) -> TransactionalDBClient:
        """Raises Unavailable when it cannot begin now."""
        connection = await self._alone.__aenter__()
        client = Transaction(self._parent)
        client._connection = connection  # noqa: SLF001  as Tortoise's own does
        self._token = get_connections().set(self._parent.connection_name, client)
        return client

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises Unavailable when it cannot be committed; then nothing was."""
        get_connections().reset(self._token)
        await self._alone.__aexit__(kind, failure, trace)


def get_client_class(db_info: dict[str, Any]) -> type[Client]:
    """What Tortoise asks a backend for."""
    return Client
