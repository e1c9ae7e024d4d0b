"""Many rows as plain values: no object for each, one statement for a slice, and others' turn in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice, repeat
from typing import Any, NamedTuple, TypeVar

from tortoise import Model, fields
from tortoise.queryset import ValuesListQuery

from models import unit
from models.base import Row
from models.database import connection
from models.prepared import insert_of, run
from models.rows import encoders

T = TypeVar("T")

TURN = 250  # rows that are made, looked at or encoded before others get their turn
SLICE = 1_000  # rows in one statement


async def turns(rows: Sequence[T], size: int = TURN) -> AsyncIterator[Sequence[T]]:
    """The rows, a slice at a time; others get their turn after each, unless it is the only one."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
        if len(rows) > size:
            await asyncio.sleep(0)


async def select(query: ValuesListQuery[Any]) -> Sequence[Any]:
    """The rows of values that the query asks for, as the driver gives them: SQLite has text for keys and times."""
    query.sql()
    _, rows = await connection().execute_query(*query.query.get_parameterized_sql())
    return rows


async def insert(model: type[Row], shared: Mapping[str, Any], each: Mapping[str, Iterable[Any]]) -> None:
    """Insert a row for each of the keys in `each["id"]`, in the unit of work that is open.

    `each` has the values of a column one by one, `shared` those that are all the same; the rest are defaults.
    """
    unit.current()
    client = connection()
    said = {}
    for column in _columns(model, client.capabilities.dialect):
        values = column.of(shared, each)
        if values is not None:
            said[column.name] = values
    sql = insert_of(client, model, tuple(said))
    made = zip(*said.values(), strict=False)  # what all share goes on for ever
    while some := await _some(made):
        if len(some) == 1:
            await run(client, sql, some[0])
        else:
            await client.execute_many(sql, some)
        if len(some) < SLICE:
            return


async def _some(rows: Iterator[Any]) -> list[Any]:
    """The next statement's rows; others get their turn while they are made."""
    made: list[Any] = []
    while len(made) < SLICE and (more := list(islice(rows, TURN))):
        made += more
        if len(more) == TURN:
            await asyncio.sleep(0)
    return made


class _Column(NamedTuple):
    """A column: its default, how it is sent, and how it is where every value was checked before."""

    name: str
    default: Any
    encode: Callable[[Any], Any] | None
    encode_checked: Callable[[Any], Any] | None

    def of(self, shared: Mapping[str, Any], each: Mapping[str, Iterable[Any]]) -> Iterator[Any] | None:
        """Its values, row after row; None where there are none."""
        if self.name in each:
            return map(self.encode_checked, each[self.name]) if self.encode_checked else iter(each[self.name])
        value = shared.get(self.name, self.default)
        if value is None:
            return None
        if value is self.default and callable(value):
            value = value()
        return repeat(self.encode(value) if self.encode else value)


@cache
def _columns(model: type[Model], dialect: str) -> list[_Column]:
    known = model._meta.fields_map  # noqa: SLF001  Tortoise's description of a table
    names = list(model._meta.fields_db_projection)  # noqa: SLF001
    return [
        _Column(name, known[name].default, encode, _encoder(known[name]))
        for name, encode in zip(names, encoders(model, names, dialect), strict=True)
    ]


def _encoder(field: Any) -> Callable[[Any], Any] | None:
    match field:
        case fields.UUIDField():
            return str
        case fields.JSONField():
            return field.encoder
        case _:
            return None  # a driver takes text and numbers as they are
