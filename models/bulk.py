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
from models.changes import insert_of, run
from models.database import connection
from models.rows import encoders

T = TypeVar("T")
Encode = Callable[[Any], Any] | None

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

    `each` has the values of a column one by one, checked before; `shared` those that are all the same; the rest are
    defaults.
    """
    unit.current()
    client = connection()
    stated = tuple([name for name, value in shared.items() if value is not None])
    plan = _plan(model, client.capabilities.dialect, stated, tuple(each))
    columns = [map(encode, each[name]) if encode else each[name] for name, encode in plan.each]
    columns += [repeat(encode(shared[name]) if encode else shared[name]) for name, encode in plan.shared]
    columns += [repeat(encode(usual()) if encode else usual()) for usual, encode in plan.usual]
    made = zip(*columns, strict=False)  # what all share goes on for ever
    while some := await _some(made):
        if len(some) == 1:
            await run(client, plan.sql, some[0])
        else:
            await client.execute_many(plan.sql, some)
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


class _Plan(NamedTuple):
    """How rows are inserted in which the same columns are given: the columns of each kind, and how each is sent.

    `usual` makes the values of those that are not given.
    """

    sql: str
    each: Sequence[tuple[str, Encode]]
    shared: Sequence[tuple[str, Encode]]
    usual: Sequence[tuple[Callable[[], Any], Encode]]


@cache
def _plan(model: type[Model], dialect: str, shared: tuple[str, ...], each: tuple[str, ...]) -> _Plan:
    known = model._meta.fields_map  # noqa: SLF001  Tortoise's description of a table
    names = list(model._meta.fields_db_projection)  # noqa: SLF001
    encode = dict(zip(names, encoders(model, names, dialect), strict=True))
    ours = [name for name in names if name in shared and name not in each]
    defaults = {one: known[one].default for one in names if one not in each and one not in shared}
    usual = {name: _made(default) for name, default in defaults.items() if default is not None}
    return _Plan(
        insert_of(dialect, model, (*each, *ours, *usual)),
        [(name, _encoder(known[name])) for name in each],
        [(name, encode[name]) for name in ours],
        [(make, encode[name]) for name, make in usual.items()],
    )


def _made(default: Any) -> Callable[[], Any]:
    return default if callable(default) else lambda: default


def _encoder(field: Any) -> Callable[[Any], Any] | None:
    match field:
        case fields.UUIDField():
            return str
        case fields.JSONField():
            return field.encoder
        case _:
            return None  # a driver takes text and numbers as they are
