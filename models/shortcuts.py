"""What Tortoise does for each statement on SQLite, in one step where it takes five."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from typing import Any

from tortoise.backends.sqlite.executor import SqliteExecutor
from tortoise.exceptions import IntegrityError, OperationalError

from models import rows
from models.direct import Found
from models.late import Prompt
from models.outages import is_outage, outages


class Executor(SqliteExecutor):
    """Tortoise's way from statements to objects, without doing again what comes out the same."""

    async def execute_select(
        self, sql: str, values: list[Any] | None = None, custom_fields: list[str] | None = None
    ) -> list[Any]:
        """The rows that the statement finds, as objects."""
        tables = self.select_related_idx or []
        columns = self.model._meta.db_fields  # noqa: SLF001  as Tortoise's own does
        whole = len(tables) == 1 and tables[0][1] == len(columns)
        if custom_fields or self.prefetch_map or self._prefetch_queries or not whole:
            return await super().execute_select(sql, values, custom_fields)
        _, found = await self.db.execute_query(sql, values)
        return rows.made(self.model, found)


class Asking(Prompt):
    """What a client is asked most."""

    log: logging.Logger

    async def execute_query(self, query: str, values: list[Any] | None = None) -> Found:
        """How many rows were changed, or else found, and these. Raises Unavailable, and what Tortoise raises."""
        if self.log.isEnabledFor(logging.DEBUG):
            self.log.debug("%s: %s", query, values)
        try:
            given = values or ()
            return self._at_hand(query, given) or await self._ask(query, given)
        except sqlite3.Error as failure:
            if is_outage(failure):
                with outages():
                    raise
            if isinstance(failure, sqlite3.OperationalError):
                raise OperationalError(failure) from failure
            if isinstance(failure, sqlite3.IntegrityError):
                raise IntegrityError(failure) from failure
            raise

    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        """The rows that were found."""
        _, rows = await self.execute_query(query, values)
        return [dict(row) for row in rows]

    def _at_hand(self, query: str, values: Sequence[Any]) -> Found | None:
        """The same, if nobody has to wait for it; else it has not been asked."""
        raise NotImplementedError

    async def _ask(self, query: str, values: Sequence[Any]) -> Found:
        raise NotImplementedError
