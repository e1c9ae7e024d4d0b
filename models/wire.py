"""What goes over a PostgreSQL connection: statements that nobody waits for travel with the next one.

A journey costs the event loop far more than a statement costs the server. asyncpg sends one and waits for its answer;
but what was written before it, and answers no rows, it reads over. The server does one after the other, each seeing
what had been committed when its turn came. When one fails it skips the rest, and that failure is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from struct import Struct
from typing import Any
from uuid import UUID

import asyncpg

from models.chance import Key

_AS_TEXT = (str, UUID, datetime, int, float, type(None))  # which PostgreSQL reads as Python shows them
_USUAL = frozenset({*_AS_TEXT, Key})
_EXECUTE = b"E\0\0\0\x09\0\0\0\0\0"  # all of it, and no Sync: the statement that travels behind brings it
_length, _count = Struct("!i").pack, Struct("!h").pack
_NULL = _length(-1)


class _Lengths(dict[int, bytes]):
    """How many bytes come, as PostgreSQL reads it; those of most texts are written already."""

    def __missing__(self, size: int) -> bytes:
        return _length(size)


_LENGTHS = _Lengths({size: _length(size) for size in range(256)})


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no py.typed
    """A connection that the next user takes as it is: we end our transactions, and nothing else outlasts one."""

    def get_reset_query(self) -> str:
        """Nothing is to be undone, and that is no journey to the server."""
        return ""


class Wire:
    """A connection, for one statement at a time and whatever was sent ahead of it. Raises what asyncpg raises."""

    def __init__(self, connection: Any, ahead: Sequence[tuple[str, Sequence[Any]]] = ()) -> None:
        self.connection = connection
        self.has_asked = False  # whether anything at all was answered
        self.waiting = list(ahead)

    def ahead(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Let a statement that answers no rows go before the next one."""
        self.waiting.append((sql, values))

    async def ask(self, sql: str, values: Sequence[Any] = ()) -> tuple[int, Any]:
        """How many rows the statement changed or found, and these."""
        rows, status, _ = await self._send(sql, "bind_execute", values, "", 0, True, None)
        return affected(status), rows or ()

    async def many(self, sql: str, each: Sequence[Sequence[Any]]) -> None:
        """Run the statement with each of these values."""
        await self._send(sql, "bind_execute_many", each, "", None, False)

    async def _send(self, sql: str, how: str, *given: Any) -> Any:
        """Write what waits, and the statement right behind it: all of them are prepared before."""
        self.connection._check_open()  # noqa: SLF001  as asyncpg's own
        waiting = []
        for ahead, values in self.waiting:
            one = self._known(ahead) or await self._prepared(ahead)
            waiting.append(_bound(one.name, values) if one.name else await self._alone(one, values))
        statement = self._known(sql) or await self._prepared(sql)
        protocol = self.connection._protocol  # noqa: SLF001  asyncpg has no other way to write ahead
        sent = protocol.queries_count
        if waiting:
            self.connection._transport.write(b"".join(waiting))  # noqa: SLF001
        try:
            answer = await getattr(protocol, how)(statement, *given)
        except BaseException as failure:
            if waiting and protocol.queries_count == sent:  # it never went, and the server waits for it
                self.connection.terminate()
            if isinstance(failure, asyncpg.InvalidCachedStatementError):
                self.connection._mark_stmts_as_closed()  # noqa: SLF001  as asyncpg does when tables have changed
            raise
        del self.waiting[: len(waiting)]
        self.has_asked = True
        return answer

    async def _alone(self, statement: Any, values: Sequence[Any]) -> bytes:
        """Where nothing shall stay prepared on the connection each makes its journey by itself."""
        await self.connection._protocol.bind_execute(statement, values, "", 0, False, None)  # noqa: SLF001
        return b""

    def _known(self, sql: str) -> Any | None:
        """The statement, if it is prepared: what `_prepared` finds, without the way there."""
        connection = self.connection
        return connection._stmt_cache.get((sql, connection._protocol.get_record_class(), False))  # noqa: SLF001

    async def _prepared(self, sql: str) -> Any:
        self.connection._check_open()  # noqa: SLF001
        return await self.connection._get_statement(sql, None)  # noqa: SLF001


def affected(status: bytes) -> int:
    """How many rows a statement was about, by what the server said: `UPDATE 1`."""
    count = status.rpartition(b" ")[2]
    return int(count) if count.isdigit() else 0


def can_go_ahead(values: Sequence[Any]) -> bool:
    """Whether all of these are values that can be sent as text."""
    return _USUAL.issuperset(map(type, values)) or all(isinstance(value, _AS_TEXT) for value in values)


def _bound(name: str, values: Sequence[Any]) -> bytes:
    """The prepared statement with these values, and that it be run."""
    cells = [_NULL if one is None else _LENGTHS[len(text := str(one).encode())] + text for one in values]
    body = b"".join((b"\0", name.encode(), b"\0\0\0", _count(len(values)), *cells, b"\0\0"))
    return b"".join((b"B", _length(len(body) + 4), body, _EXECUTE))
