"""Statements that are written once: Tortoise takes ten times longer to write one than SQLite to run it.

Only what runs at every entry, start and answer is here; everything else asks Tortoise each time, and gets the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from tortoise import Model
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.queryset import QuerySet

from models import chance, rows, unit

R = TypeVar("R", bound=Model)
Encode = Callable[[Any], Any]
Kind = type[UUID] | type[str] | type[int]
Source = tuple[int, Encode] | tuple[None, Any]


@dataclass(frozen=True)
class Statement(Generic[R]):
    """SQL, and where its parameters come from: the number of a value and how it is sent, or what is always the same."""

    model: type[R]
    sql: str
    parameters: Sequence[Source]

    def filled(self, values: Sequence[Any]) -> list[Any]:
        """The parameters with these values in their places."""
        return [constant if place is None else constant(values[place]) for place, constant in self.parameters]


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
        return rows.made(statement.model, found)

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
            return place, str
    return None, parameter


def _as_it_is(value: Any) -> Any:
    return value


_updates: dict[tuple[str, type[Model], tuple[str, ...], tuple[str, ...]], str] = {}


async def update(model: type[Model], where: Mapping[str, Any], to: Mapping[str, Any]) -> bool:
    """Set these columns of the rows with exactly these values; whether there were any. Nothing here may be null."""
    client = unit.writing()
    dialect = client.capabilities.dialect
    key = (dialect, model, tuple(to), tuple(where))
    if key not in _updates:
        marks = iter([f"${at}" if dialect == "postgres" else "?" for at in range(1, len(to) + len(where) + 1)])
        changes = ", ".join(f'"{column}"={next(marks)}' for column in to)
        condition = " AND ".join(f'"{column}"={next(marks)}' for column in where)
        _updates[key] = f'UPDATE "{model._meta.db_table}" SET {changes} WHERE {condition}'  # noqa: S608, SLF001
    known = model._meta.fields_map  # noqa: SLF001
    values = [known[name].to_db_value(value, model) for name, value in (*to.items(), *where.items())]
    changed, _ = await client.execute_query(_updates[key], values)
    return bool(changed)


_inserts: dict[tuple[str, type[Model], tuple[str, ...]], str] = {}


async def insert(model: type[Model], new: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all say the same columns."""
    client = unit.writing()
    dialect = client.capabilities.dialect
    columns = tuple(new[0])
    key = (dialect, model, columns)
    if key not in _inserts:
        marks = ", ".join(f"${at}" if dialect == "postgres" else "?" for at in range(1, len(columns) + 1))
        names = ", ".join(f'"{column}"' for column in columns)
        _inserts[key] = f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({marks})'  # noqa: S608, SLF001
    known = model._meta.fields_map  # noqa: SLF001
    encode = [known[column].to_db_value for column in columns]
    values = [[code(value, model) for code, value in zip(encode, one.values(), strict=True)] for one in new]
    await client.execute_many(_inserts[key], values)
