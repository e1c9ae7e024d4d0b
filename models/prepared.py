"""Statements that are written once: Tortoise takes ten times longer to write one than SQLite to run it.

Only what runs at every entry, start and answer is here; everything else asks Tortoise each time, and gets the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Generic, TypeVar
from uuid import UUID

from tortoise import Model
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.queryset import QuerySet

from models import chance, encoding, rows, unit
from models.late import About

R = TypeVar("R", bound=Model)
Encode = Callable[[Any], Any]
Kind = type[UUID] | type[str] | type[int]
Source = tuple[int, Encode] | tuple[None, Any]


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
            return place, encoding.as_text
    return None, parameter


def _as_it_is(value: Any) -> Any:
    return value


class Joined:
    """A row of each of these models, read together by `sql`, which says what follows the columns and calls its tables
    by their names; `{0}` is the first of its values.

    With `many` they come with all the rows of one more model that `sql` joins to them, by their keys; they are so few
    that a database would take longer to sort them. `only` says what is read of a model, where that is not everything:
    each column takes as long as a step of a look-up. `about` says to which of the rows all others belong that are
    changed by whoever reads them.
    """

    def __init__(
        self,
        sql: str,
        *models: type[Model],
        many: type[Model] | None = None,
        only: Mapping[type[Model], tuple[str, ...]] = MappingProxyType({}),
        about: type[Model] | None = None,
    ) -> None:
        self._sql, self._models, self._many = sql, models if many is None else (*models, many), many
        self._only, self._about = only, about

    def _of(self, model: type[Model]) -> tuple[str, ...]:
        return self._only.get(model) or tuple(model._meta.fields_db_projection)  # noqa: SLF001

    async def one(self, *values: UUID | str | None) -> list[Any] | None:
        """An object of each, and the list of the many; None when there is no such row."""
        client: Any = unit.connection()
        sql = marked(self._written, mark_of(client), len(values))
        sent, tell = list(map(encoding.as_text, values)), self._tell
        found: Sequence[Any]
        found = await client.query_one(sql, sent, tell) if tell else (await client.execute_query(sql, sent))[1]
        if not found:
            return None
        if self._many is None:
            return [make(found[0]) for make in self._makers]
        *singly, many = self._makers
        key = self._key
        if len(found) > 1:
            found = sorted(found, key=itemgetter(key))
        return [*[make(found[0]) for make in singly], [many(row) for row in found if row[key] is not None]]

    @cached_property
    def _firsts(self) -> list[int]:
        """Where each model's columns begin."""
        return list(accumulate((len(self._of(model)) for model in self._models[:-1]), initial=0))

    @cached_property
    def _tell(self) -> Callable[[Sequence[Any]], About] | None:
        """What says of a row which one all is about."""
        about = self._about
        if about is None:
            return None
        place = self._firsts[self._models.index(about)] + self._of(about).index(about._meta.pk_attr)  # noqa: SLF001
        return lambda row: About(about, row[place])

    @cached_property
    def _key(self) -> int:
        """Where the key of the many is: a row without any has none."""
        model = self._models[-1]
        return self._firsts[-1] + self._of(model).index(model._meta.pk_attr)  # noqa: SLF001

    @cached_property
    def _makers(self) -> list[Callable[[Sequence[Any]], Any]]:
        firsts = zip(self._models, self._firsts, strict=True)
        return [
            (rows.looked_at if model in self._only else rows.maker)(model, self._of(model), first)
            for model, first in firsts
        ]

    @cached_property
    def _written(self) -> str:
        named = (f'"{model._meta.db_table}"."{one}"' for model in self._models for one in self._of(model))  # noqa: SLF001
        return f"SELECT {', '.join(named)} {self._sql}"


def mark_of(client: BaseDBAsyncClient) -> str:
    """What the number of a parameter follows in this database's statements."""
    return "$" if client.capabilities.dialect == "postgres" else "?"


@cache
def marked(sql: str, mark: str, count: int) -> str:
    """The statement with this mark for its parameters, of which there are so many."""
    return sql.format(*(f"{mark}{at}" for at in range(1, count + 1)))
