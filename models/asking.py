"""What PostgreSQL's clients are asked, and what it means to us when that fails."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Any, TypeAlias

import asyncpg
from tortoise.exceptions import IntegrityError, OperationalError

import errors
from models.late import Prompt
from models.outages import is_outage, tell

Found: TypeAlias = tuple[int, Any]  # how many rows were changed or found, and these

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


class Asking(Prompt):
    """What a client is asked most, in one step where Tortoise takes five."""

    log: logging.Logger

    async def execute_query(self, query: str, values: list[Any] | None = None) -> Found:
        """How many rows were changed or found, and these. Raises Unavailable, and what Tortoise raises."""
        if self.log.isEnabledFor(logging.DEBUG):
            self.log.debug("%s: %s", query, values)
        return await self._ask(query, values or ())

    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        """The rows that were found."""
        _, rows = await self.execute_query(query, values)
        return [dict(row) for row in rows]

    async def execute_insert(self, query: str, values: list[Any]) -> Any:
        """What the statement answers about the row that it inserts."""
        _, rows = await self.execute_query(query, values)
        return rows[0] if rows else None

    async def _ask(self, query: str, values: Sequence[Any]) -> Found:
        raise NotImplementedError


def is_loss(failure: BaseException | None) -> bool:
    """Whether the connection itself was lost, rather than a statement refused by a server that is there."""
    cause = failure.__cause__ if isinstance(failure, errors.Unavailable) else failure
    return isinstance(cause, _LOSSES)


class told:  # noqa: N801  a context manager, without what contextlib's cost
    """Raise Unavailable for an outage inside, or when the connection had been lost before, or what Tortoise raises."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        if failure is None:
            return
        if is_outage(failure) or (isinstance(failure, asyncpg.InterfaceError) and is_gone(self._connection)):
            tell(failure)
            raise errors.Unavailable from failure
        if isinstance(failure, asyncpg.SyntaxOrAccessError | asyncpg.DataError):
            raise OperationalError(failure) from failure
        if isinstance(failure, asyncpg.IntegrityConstraintViolationError):
            raise IntegrityError(failure) from failure


def is_gone(connection: Any) -> bool:
    """Whether the connection is closed, as far as anybody knows."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:  # the pool has taken it back, because it was closed
        return True
