"""One statement that answers one row: how the planner and the doorman read. On SQLite by connections of its own.

A statement that is known to be short runs on the event loop: to hand it to a thread and back would take longer than
it does. Every other one waits for its turn in a thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import orjson
from tortoise import Model
from tortoise.connection import get_connection

import errors
from models import encoding, rows, unit
from models.base import cursor_of_key
from models.chance import Key
from models.direct import log
from models.prepared import mark_of, marked

M = TypeVar("M", bound=Model)

_STATEMENTS = 256  # that a connection keeps prepared
_PRAGMAS = ("query_only = ON", "cache_size = -65536", "mmap_size = 268435456", "temp_store = MEMORY")


class Unanswered(Exception):
    """The database did not answer the statement, for whatever reason."""


class Reader:
    """Reads a database."""

    parameter = "$"  # what the number of a value follows in a statement
    is_postgres = True

    async def row(self, sql: str, values: Sequence[Any], *, short: bool) -> tuple[Any, ...] | None:
        """The first row that the statement answers; None without one. Raises Unanswered, Unavailable for an outage."""
        try:
            _, found = await get_connection("default").execute_query(sql, list(values))
        except errors.Unavailable:
            raise
        except Exception as failure:
            raise Unanswered from failure
        return tuple(found[0]) if found else None

    def at_once(self, sql: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
        """The first row that a short statement answers, if nobody has to wait for it. Raises Unanswered."""
        raise Unanswered

    def close(self) -> None:
        """Let go of what it holds."""


class FileReader(Reader):
    """Reads an SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path, self._turn = path, asyncio.Lock()
        self._here: sqlite3.Connection | None = None
        self._apart: sqlite3.Connection | None = None

    parameter = "?"
    is_postgres = False

    async def row(self, sql: str, values: Sequence[Any], *, short: bool) -> tuple[Any, ...] | None:
        """See Reader."""
        if short:
            return self.at_once(sql, values)
        log.debug("%s: %s", sql, values)
        try:
            async with self._turn:
                self._apart = self._apart or _opened(self._path)
                return await asyncio.to_thread(_asked, self._apart, sql, stored(values))
        except sqlite3.Error as failure:
            raise Unanswered from failure

    def at_once(self, sql: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
        """See Reader."""
        log.debug("%s: %s", sql, values)
        try:
            self._here = self._here or _opened(self._path)
            return _asked(self._here, sql, stored(values))
        except sqlite3.Error as failure:
            raise Unanswered from failure

    def close(self) -> None:
        """See Reader."""
        for connection in (self._here, self._apart):
            if connection is not None:
                connection.close()
        self._here = self._apart = None


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=_STATEMENTS
    )
    connection.create_function("float_text", 1, _float_text, deterministic=True)
    connection.create_function("cursor_text", 1, _cursor_text, deterministic=True)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _asked(connection: sqlite3.Connection, sql: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    found: tuple[Any, ...] | None = connection.execute(sql, values).fetchone()
    return found


def _texts(values: Iterable[Any]) -> str:
    return orjson.dumps([str(one) for one in values]).decode()


# Those of other types are written as they are.
_STORED: Mapping[type, Callable[[Any], str | None]] = {
    UUID: str,
    Key: str,
    datetime: encoding.moment_text,
    frozenset: _texts,
    list: _texts,
    tuple: _texts,
}


def stored(values: Sequence[Any]) -> list[Any]:
    """The values as Tortoise writes them into SQLite."""
    return [_STORED[type(value)](value) if type(value) in _STORED else value for value in values]


def _float_text(value: float | None) -> str | None:
    return None if value is None else orjson.dumps(float(value)).decode()


def _cursor_text(key: str | None) -> str | None:
    return None if key is None else cursor_of_key(UUID(key))


_reader: Reader | None = None


def use(reader: Reader | None) -> None:
    """Read by this one from now on; the one before is closed."""
    global _reader  # noqa: PLW0603  the process has one database
    if _reader is not None:
        _reader.close()
    _reader = reader


def reader() -> Reader:
    """What reads the open database."""
    if _reader is None:
        raise Unanswered
    return _reader


async def the(model: type[M], condition: str, values: Sequence[Any]) -> M | None:
    """The row of the model for which this holds, `{0}` being the first value. Raises Unavailable.

    Rows that are stored the same are made once: nobody changes what is answered here.
    """
    found = await _row(_select(model, condition), values)
    return None if found is None else _made(model, found)


def the_at_once(model: type[M], condition: str, values: Sequence[Any]) -> M | None:
    """As `the`, if nobody has to wait for it. Raises Unanswered."""
    reading = reader()
    found = reading.at_once(marked(_select(model, condition), reading.parameter, len(values)), values)
    return None if found is None else _made(model, found)


async def keys(sql: str, values: Sequence[Any]) -> list[UUID] | None:
    """The row of keys that the statement answers first, `{0}` being the first value. Raises Unavailable."""
    found = await _row(sql, values)
    return None if found is None else [rows.key(one) for one in found]


async def _row(sql: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    try:
        reading = reader()
        return await reading.row(marked(sql, reading.parameter, len(values)), values, short=True)
    except Unanswered:  # Tortoise waits, or says why
        client = unit.connection()
        found = await client.execute_query_dict(marked(sql, mark_of(client), len(values)), stored(values))
        return tuple(found[0].values()) if found else None


@lru_cache(_STATEMENTS)
def _select(model: type[Model], condition: str) -> str:
    columns = ", ".join(f'"{column}"' for column in _columns(model).values())
    return f'SELECT {columns} FROM "{model._meta.db_table}" WHERE {condition} LIMIT 1'  # noqa: S608, SLF001  our names


def _columns(model: type[Model]) -> Mapping[str, str]:
    return model._meta.fields_db_projection  # noqa: SLF001  Tortoise has no public way


@lru_cache(maxsize=10_000)
def _made(model: type[M], kept: tuple[Any, ...]) -> M:
    made: M = rows.maker(model, tuple(_columns(model).values()))(kept)
    return made
