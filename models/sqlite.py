"""Tortoise's SQLite client, except that a transaction takes the write lock when it begins.

Tortoise begins DEFERRED: a transaction that reads first and writes later is refused with "database is locked" as soon
as another process wrote in between, without waiting. IMMEDIATE waits for its turn (`busy_timeout`).
"""

from __future__ import annotations

import sqlite3
from typing import Any

from tortoise.backends.base.client import TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.exceptions import TransactionManagementError


class ImmediateTransaction(SqliteTransactionWrapper):
    """A transaction that holds the write lock from its first statement."""

    async def begin(self) -> None:
        """Waits for the lock, as long as `busy_timeout` says."""
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as locked:
            raise TransactionManagementError(locked) from locked


class Client(SqliteClient):
    """One SQLite connection."""

    def _in_transaction(self) -> TransactionContext:
        return SqliteTransactionContext(ImmediateTransaction(self), self._lock)


def get_client_class(db_info: dict[str, Any]) -> type[Client]:
    """What Tortoise asks a backend for."""
    return Client
