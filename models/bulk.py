"""Many rows as plain values: no object for each, one statement for a slice, and others' turn in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, repeat
from typing import Any, TypeVar

from tortoise import Model, fields
from tortoise.queryset import ValuesListQuery

from models import unit
from models.base import Row
from models.database import connection

T = TypeVar("T")

TURN = 250  # rows that are made, looked at or encoded before others get their turn
SLICE = 1_000  # rows in one statement


async def turns(rows: Sequence[T], size: int = TURN) -> AsyncIterator[Sequence[T]]:
    """The rows, a slice at a time; others get their turn after each."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
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
    executor = client.executor_class(model, client)
    columns = [_column(model, name, shared, each) for name in executor.regular_columns]
    rows = zip(*columns, strict=False)  # what all of them share goes on for ever
    while some := await _some(rows):
        await client.execute_many(executor.insert_query, some)


async def _some(rows: Iterator[Any]) -> list[Any]:
    """The next statement's rows; others get their turn while they are made."""
    made: list[Any] = []
    while len(made) < SLICE and (more := list(islice(rows, TURN))):
        made += more
        await asyncio.sleep(0)
    return made


def _column(
    model: type[Model], name: str, shared: Mapping[str, Any], each: Mapping[str, Iterable[Any]]
) -> Iterator[Any]:
    field: Any = model._meta.fields_map[name]  # noqa: SLF001  Tortoise's description of a table
    if name in each:
        encode = _encoder(field)
        return map(encode, each[name]) if encode else iter(each[name])
    default = field.default() if callable(field.default) else field.default
    return repeat(field.to_db_value(shared.get(name, default), model))


def _encoder(field: Any) -> Callable[[Any], Any] | None:
    match field:
        case fields.UUIDField():
            return str
        case fields.JSONField():
            return field.encoder
        case _:
            return None  # a driver takes text and numbers as they are
