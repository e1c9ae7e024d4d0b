"""Statements that are written once: Tortoise takes ten times longer to write one than SQLite to run it.

Only what runs at every entry, start and answer is here; everything else asks Tortoise each time, and gets the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, count, islice
from typing import Any, Generic, TypeVar
from uuid import UUID

from tortoise import Model, fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.queryset import QuerySet

from models import chance, rows, unit
from models.whole import Transaction

R = TypeVar("R", bound=Model)
Encode = Callable[[Any], Any]
Kind = type[UUID] | type[str] | type[int]
Source = tuple[int, Encode] | tuple[None, Any]

_FEW = 5  # rows that are inserted by one statement
# SQLite counts what it has inserted; to be told of it costs as much again.
_UNLESS_THERE = {"sqlite": " ON CONFLICT DO NOTHING", "postgres": ' ON CONFLICT DO NOTHING RETURNING "id"'}


@dataclass
class Statement(Generic[R]):
    """SQL, and where its parameters come from: the number of a value and how it is sent, or what is always the same."""

    model: type[R]
    sql: str
    parameters: Sequence[Source]
    _make: Callable[[Sequence[Any]], R] | None = None  # known when the first row has come

    def filled(self, values: Sequence[Any]) -> list[Any]:
        """The parameters with these values in their places."""
        return [constant if place is None else constant(values[place]) for place, constant in self.parameters]

    def made(self, found: Sequence[Any]) -> list[R]:
        """The objects of what it has found."""
        if not found:
            return []
        make = self._make = self._make or rows.maker(self.model, tuple(found[0].keys()))
        return list(map(make, found))


class Prepared(Generic[R]):
    """A query for whole rows in which only some keys, texts and numbers change, and none of them is ever null.

    `make` is handed something of each of these kinds that stands for whatever comes.
    """

    def __init__(self, make: Callable[..., QuerySet[R]], *kinds: Kind) -> None:
        self._make, self._standing = make, standing(kinds)
        self._written: dict[str, Statement[R]] = {}

    async def all(self, *values: UUID | str | int | None) -> list[R]:
        """The rows that are found with these values; those that the query does not ask for may be None."""
        client = unit.connection()
        dialect = client.capabilities.dialect
        statement = self._written.get(dialect)
        if statement is None:
            statement = self._written[dialect] = written(self._make(*self._standing), client, self._standing)
        _, found = await client.execute_query(statement.sql, statement.filled(values))
        return statement.made(found)

    async def one(self, *values: UUID | str | int | None) -> R | None:
        """The row that is found, or the first of them."""
        found = await self.all(*values)
        return found[0] if found else None


def standing(kinds: Sequence[Kind]) -> Sequence[UUID | str | int]:
    """For a value of each of the kinds something that no query says by itself, whatever somebody asked for."""
    stand: Mapping[Kind, Callable[[UUID], UUID | str | int]] = {
        UUID: lambda key: key,
        str: lambda key: key.hex[16:],
        int: lambda key: key.int,
    }
    return [stand[kind](chance.new_id()) for kind in kinds]


def written(query: QuerySet[R], client: BaseDBAsyncClient, standing: Sequence[UUID | str | int]) -> Statement[R]:
    """The query's statement, with the places of the values that something stands for."""
    query._db = client  # noqa: SLF001  Tortoise has no other way to write without running
    query._make_query()  # noqa: SLF001
    sql, parameters = query.query.get_parameterized_sql()
    return Statement(query.model, sql, [_source(one, standing) for one in parameters])


def _source(parameter: Any, standing: Sequence[UUID | str | int]) -> Source:
    for place, one in enumerate(standing):
        if parameter == one:
            return place, _as_it_is
        if isinstance(one, UUID) and parameter == str(one):
            return place, rows.as_text
    return None, parameter


def _as_it_is(value: Any) -> Any:
    return value


class Joined:
    """A row of each of these models, read together by `sql`, which says what follows the columns and calls its tables
    by their names; `{0}` is the first of its values. `briefly` leaves out what may be long.
    """

    def __init__(self, sql: str, *models: type[Model], briefly: bool = False) -> None:
        self._sql, self._models = sql, models
        self._of = _brief if briefly else _columns

    async def one(self, *values: UUID | str | None) -> list[Any] | None:
        """An object of each, or None when there is no such row."""
        client = unit.connection()
        sql = marked(self._written, mark_of(client), len(values))
        found: Sequence[Any] = (await client.execute_query(sql, list(map(rows.as_text, values))))[1]
        return [make(found[0]) for make in self._makers] if found else None

    @cached_property
    def _makers(self) -> list[Callable[[Sequence[Any]], Any]]:
        firsts = accumulate((len(self._of(model)) for model in self._models), initial=0)
        return [rows.maker(model, self._of(model), first) for model, first in zip(self._models, firsts, strict=False)]

    @cached_property
    def _written(self) -> str:
        named = (f'"{model._meta.db_table}"."{one}"' for model in self._models for one in self._of(model))  # noqa: SLF001
        return f"SELECT {', '.join(named)} {self._sql}"


async def scalar(sql: str, *values: UUID) -> Any:
    """The one value that the statement answers, `{0}` being the first of its own; None without a row."""
    client = unit.connection()
    found: Sequence[Any] = (
        await client.execute_query(marked(sql, mark_of(client), len(values)), list(map(rows.as_text, values)))
    )[1]
    return found[0][0] if found else None


async def lock(sql: str, *values: UUID | str | None) -> None:
    """Take a lock by this query for the number 1 on PostgreSQL, `{0}` being the first of its values.

    What is asked next is asked when it is held. SQLite has one writer.
    """
    client = unit.connection()
    if isinstance(client, Transaction):
        held = f"WITH held (one) AS MATERIALIZED ({sql}) SELECT FROM held WHERE one = 0"
        await client.execute_ahead(marked(held, mark_of(client), len(values)), values)


async def run(client: BaseDBAsyncClient, sql: str, values: Sequence[Any]) -> None:
    """Run a statement that answers no rows; on PostgreSQL it goes with the next one, or with the commit."""
    if isinstance(client, Transaction):
        await client.execute_ahead(sql, values)
    else:
        await client.execute_query(sql, list(values))


def mark_of(client: BaseDBAsyncClient) -> str:
    """What the number of a parameter follows in this database's statements."""
    return "$" if client.capabilities.dialect == "postgres" else "?"


@cache
def marked(sql: str, mark: str, count: int) -> str:
    """The statement with this mark for its parameters, of which there are so many."""
    return sql.format(*(f"{mark}{at}" for at in range(1, count + 1)))


async def update(model: type[Model], where: Mapping[str, Any], to: Mapping[str, Any]) -> bool:
    """Set these columns of the rows with exactly these values; whether there were any. No such value may be null."""
    client = unit.writing()
    change = _update(client.capabilities.dialect, model, tuple(to), tuple(where))
    changed, _ = await client.execute_query(change.sql, change.filled((*to.values(), *where.values())))
    return bool(changed)


async def add(row: Model) -> bool:
    """Insert the object, unless a unique index has one like it already; whether it was."""
    client = unit.writing()
    kind, dialect = type(row), client.capabilities.dialect
    values = {column: value for column in _columns(kind) if (value := getattr(row, column)) is not None}
    change = _insert(dialect, kind, tuple(values))
    added, _ = await client.execute_query(change.sql + _UNLESS_THERE[dialect], change.filled(values.values()))
    row._saved_in_db = bool(added)  # noqa: SLF001  as Tortoise's own does
    return bool(added)


async def insert(model: type[Model], new: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all say the same columns."""
    client = unit.writing()
    change = _insert(client.capabilities.dialect, model, tuple(new[0]), len(new) if len(new) <= _FEW else 1)
    if len(new) <= _FEW:
        await run(client, change.sql, change.filled([value for one in new for value in one.values()]))
    else:
        await client.execute_many(change.sql, [change.filled(one.values()) for one in new])


def insert_last(model: type[Model], new: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all say the same columns, and that nobody reads before they are committed, just before that.

    For SQLite, with those of whatever is committed together: what is wrong with a row is said now, or it would be
    everybody's.
    """
    client: Any = unit.writing()
    change = _insert(client.capabilities.dialect, model, tuple(new[0]))
    client.last(change.sql, [change.filled(one.values()) for one in new])


@dataclass(frozen=True)
class _Change:
    """SQL that writes, and how each of its parameters is sent, None as it is."""

    sql: str
    encoders: Sequence[Encode | None]

    def filled(self, values: Iterable[Any]) -> list[Any]:
        """The parameters of these values."""
        return [encode(value) if encode else value for encode, value in zip(self.encoders, values, strict=True)]


def insert_of(client: BaseDBAsyncClient, model: type[Model], columns: tuple[str, ...]) -> str:
    """The statement that inserts a row with these columns."""
    return _insert(client.capabilities.dialect, model, columns).sql


@cache
def _update(dialect: str, model: type[Model], to: tuple[str, ...], where: tuple[str, ...]) -> _Change:
    marks = _marks(dialect)
    changes = ", ".join(f'"{column}"={next(marks)}' for column in to)
    condition = " AND ".join(f'"{column}"={next(marks)}' for column in where)
    sql = f'UPDATE "{model._meta.db_table}" SET {changes} WHERE {condition}'  # noqa: S608, SLF001
    return _Change(sql, rows.encoders(model, to + where, dialect))


@cache
def _insert(dialect: str, model: type[Model], columns: tuple[str, ...], rows_: int = 1) -> _Change:
    names = ", ".join(f'"{column}"' for column in columns)
    marks = _marks(dialect)
    values = ", ".join(f"({', '.join(islice(marks, len(columns)))})" for _ in range(rows_))
    sql = f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES {values}'  # noqa: S608, SLF001
    return _Change(sql, rows.encoders(model, columns, dialect) * rows_)


@cache
def _columns(model: type[Model]) -> tuple[str, ...]:
    return tuple(model._meta.fields_db_projection)  # noqa: SLF001


def _brief(model: type[Model]) -> tuple[str, ...]:
    known = model._meta.fields_map  # noqa: SLF001
    return tuple(one for one in _columns(model) if not isinstance(known[one], fields.JSONField | fields.TextField))


def _marks(dialect: str) -> Iterator[str]:
    """What stands in a statement for its parameters, one after the other."""
    return (f"${at}" if dialect == "postgres" else "?" for at in count(1))
