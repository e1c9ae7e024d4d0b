"""Telling an outage of the database, which passes and is nobody's mistake, from a bug of ours, which does not pass."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

import errors

log = logging.getLogger("admit.database")

UNCERTAIN = (
    "The connection to the database was lost while this was being saved: it may have been done. Look before you do it "
    "again, unless it is something that may safely be sent twice."
)
_SILENCE = 10.0  # seconds between two lines in the log, however many requests meet the outage

_POSTGRES = (
    OSError,  # refused, reset, timed out, unreachable
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,  # the server's farewell came while nobody asked: the connection is out of step
    asyncpg.OperatorInterventionError,  # shutting down, starting up, cancelled by statement_timeout
    asyncpg.InsufficientResourcesError,  # the disk is full, too many connections
    asyncpg.PostgresSystemError,  # an I/O error
    asyncpg.TransactionRollbackError,  # a deadlock: this one gave way
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # we talk to what was the primary a moment ago
)
_SQLITE = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM}
    | {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL}
)
_PRIMARY = 0xFF  # an extended code says more in the higher bytes

_told_at = float("-inf")


def is_outage(failure: BaseException) -> bool:
    """Whether the database could not do what it was asked, and the same again may go well later."""
    if isinstance(failure, sqlite3.Error):
        return getattr(failure, "sqlite_errorcode", -1) & _PRIMARY in _SQLITE
    return isinstance(failure, _POSTGRES)


@contextmanager
def outages(message: str | None = None) -> Iterator[None]:
    """Raise Unavailable, with this sentence if one is given, for an outage inside; everything else passes."""
    try:
        yield
    except Exception as failure:
        if not is_outage(failure):
            raise
        tell(failure)
        raise errors.Unavailable(message) from failure


def tell(failure: BaseException) -> None:
    """Say it in the log, once in a while and without the driver's words."""
    global _told_at  # noqa: PLW0603  one process, one log
    now = asyncio.get_running_loop().time()
    if now - _told_at > _SILENCE:
        _told_at = now
        log.warning(
            "the database cannot do what it is asked: %s", getattr(failure, "sqlite_errorname", type(failure).__name__)
        )
