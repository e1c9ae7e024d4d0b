"""Many rows as plain values: no object for each, one statement for a slice, and others' turn in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import islice, repeat
from typing import Any, NamedTuple, TypeVar

from tortoise import Model, fields
from tortoise.queryset import ValuesListQuery

from models import unit
from models.base import Row
from models.changes import insert_of, run
from models.database import connection
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
    stated = tuple(name for name, value in shared.items() if value is not None)
    columns = _columns(model, client.capabilities.dialect, stated, tuple(each))
    sql = insert_of(client, model, tuple(column.name for column in columns))
    made = zip(*(column.of(shared, each) for column in columns), strict=False)  # what all share goes on for ever
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
    """A column, and how its values are sent: those that are given one by one were checked before.

    `usual` is what makes its value where none is given.
    """

    name: str
    encode: Callable[[Any], Any] | None
    one_by_one: bool
    usual: Callable[[], Any] | None

    def of(self, shared: Mapping[str, Any], each: Mapping[str, Iterable[Any]]) -> Iterator[Any]:
        """Its values, row after row."""
        if self.one_by_one:
            return map(self.encode, each[self.name]) if self.encode else iter(each[self.name])
        value = self.usual() if self.usual else shared[self.name]
        return repeat(self.encode(value) if self.encode else value)


@cache
def _columns(model: type[Model], dialect: str, shared: tuple[str, ...], each: tuple[str, ...]) -> list[_Column]:
    """The columns that have a value: the given ones, and those that have a default."""
    known = model._meta.fields_map  # noqa: SLF001  Tortoise's description of a table
    names = list(model._meta.fields_db_projection)  # noqa: SLF001
    found = []
    for name, encode in zip(names, encoders(model, names, dialect), strict=True):
        default = known[name].default
        if name in each:
            found.append(_Column(name, _encoder(known[name]), one_by_one=True, usual=None))
        elif name in shared:
            found.append(_Column(name, encode, one_by_one=False, usual=None))
        elif default is not None:
            usual = default if callable(default) else partial(_same, default)
            found.append(_Column(name, encode, one_by_one=False, usual=usual))
    return found


def _same(value: Any) -> Any:
    return value


def _encoder(field: Any) -> Callable[[Any], Any] | None:
    match field:
        case fields.UUIDField():
            return str
        case fields.JSONField():
            return field.encoder
        case _:
            return None  # a driver takes text and numbers as they are
