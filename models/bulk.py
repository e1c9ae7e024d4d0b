"""Many rows as plain values: no object for each, one statement for a slice, and others' turn in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice, repeat
from typing import Any, Generic, NamedTuple, Self, TypeVar

from tortoise import Model, fields
from tortoise.queryset import ValuesListQuery

from models import unit
from models.base import Row
from models.changes import insert_of, run
from models.database import connection
from models.encoding import Filled, filler

T = TypeVar("T")
Encode = Callable[[Any], Any] | None

TURN = 250  # rows that are made, looked at or encoded before others get their turn
SLICE = 1_000  # rows in one statement


class Turns(Generic[T]):
    """The rows, a slice at a time; others get their turn after each, unless it is the only one.

    It is no generator: each of those is noted in a set by the event loop, which takes as long as all else for one row.
    """

    def __init__(self, rows: Sequence[T], size: int = TURN) -> None:
        self._rows, self._size, self._start = rows, size, 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[T]:
        start = self._start
        if start and len(self._rows) > self._size:
            await asyncio.sleep(0)
        if start >= len(self._rows):
            raise StopAsyncIteration
        self._start = start + self._size
        return self._rows[start : self._start]


async def select(query: ValuesListQuery[Any]) -> Sequence[Any]:
    """The rows of values that the query asks for, as the driver gives them: SQLite has text for keys and times."""
    query.sql()
    _, rows = await connection().execute_query(*query.query.get_parameterized_sql())
    return rows


async def insert(
    model: type[Row], keys: Collection[str], shared: Mapping[str, Any], each: Mapping[str, Iterable[Any]]
) -> None:
    """Insert a row for each of the keys, in the unit of work that is open.

    `each` has the values of a column one by one, checked before; `shared` those that are all the same; the rest are
    defaults.
    """
    unit.current()
    client = connection()
    stated = tuple([name for name, value in shared.items() if value is not None])
    plan = _plan(model, client.capabilities.dialect, stated, ("id", *each))
    columns = list(map(iter, (keys, *each.values())))
    same = plan.same([*[shared[name] for name in plan.shared], *[make() for make in plan.usual]])
    if len(keys) == 1:
        await run(model, plan.one, [*plan.own(map(next, columns)), *same])
        return
    columns = [map(encode, column) if encode else column for encode, column in zip(plan.each, columns, strict=True)]
    while count := len((some := await _some(columns))[0]):
        if plan.many is None:
            await client.execute_many(plan.one, zip(*some, *map(repeat, same), strict=False))  # type: ignore[arg-type]  # any iterable does
        else:
            await client.execute_query(plan.many, [*some, *same])
        if count < SLICE:
            return


async def _some(columns: Sequence[Iterator[Any]]) -> list[list[Any]]:
    """What the next statement's rows have in each of the columns; others get their turn while they are made."""
    made: list[list[Any]] = [[] for _ in columns]
    while len(made[0]) < SLICE:
        before = len(made[0])
        for cells, column in zip(made, columns, strict=True):
            cells.extend(islice(column, TURN))
        if len(made[0]) - before < TURN:
            break
        await asyncio.sleep(0)
    return made


class _Plan(NamedTuple):
    """How rows are inserted in which the same columns are given.

    `one` is run with the values of a row, `many` with a list for each column of its own, where a database takes lists;
    `own` makes a row's own values parameters, `each` those of a column, one by one; `same` makes parameters of what is
    `shared` by all, and of what `usual` makes of the columns that are not given.
    """

    one: str
    many: str | None
    own: Filled
    each: Sequence[Encode]
    same: Filled
    shared: Sequence[str]
    usual: Sequence[Callable[[], Any]]


@cache
def _plan(model: type[Model], dialect: str, shared: tuple[str, ...], each: tuple[str, ...]) -> _Plan:
    known = model._meta.fields_map  # noqa: SLF001  Tortoise's description of a table
    names = list(model._meta.fields_db_projection)  # noqa: SLF001
    ours = [name for name in names if name in shared and name not in each]
    defaults = {one: known[one].default for one in names if one not in each and one not in shared}
    usual = {name: _made(default) for name, default in defaults.items() if default is not None}
    columns = (*each, *ours, *usual)
    return _Plan(
        insert_of(dialect, model, columns),
        _insert_of_lists(model, columns, len(each)) if dialect == "postgres" else None,
        filler(model, each, dialect),
        [_encoder(known[name]) for name in each],
        filler(model, (*ours, *usual), dialect),
        ours,
        list(usual.values()),
    )


def _insert_of_lists(model: type[Model], columns: Sequence[str], own: int) -> str:
    """PostgreSQL's statement that inserts rows of which the first columns, so many, are lists, and the others alike."""
    kinds = [_kind(model._meta.fields_map[column]) for column in columns]  # noqa: SLF001
    lists = ", ".join(f"${at}::{kind}[]" for at, kind in enumerate(kinds[:own], 1))
    alike = "".join(f", ${at}::{kind}" for at, kind in enumerate(kinds[own:], own + 1))
    names = ", ".join(f'"{column}"' for column in columns)
    return f'INSERT INTO "{model._meta.db_table}" ({names}) SELECT own.*{alike} FROM unnest({lists}) AS own'  # noqa: S608, SLF001


def _kind(field: fields.Field[Any]) -> str:
    """The field's type in PostgreSQL; of a text without its length, to which a cast would cut it in silence."""
    kind: str = field.get_for_dialect("postgres", "SQL_TYPE")
    return "TEXT" if kind.startswith("VARCHAR") else kind


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
