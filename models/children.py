"""The rows of many parents by one statement that is written once, however many there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

import orjson
from tortoise import Model
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.queryset import QuerySet

from models import rows, unit
from models.actor import Actor, ActorKind, Permission
from models.base import SCOPES, Row, is_usual, scopes_of, seen_as
from models.prepared import Kind, Statement, standing, written

M = TypeVar("M", bound=Model)
R = TypeVar("R", bound=Row)
Narrow = Callable[[QuerySet[R]], QuerySet[R]]
Columns = tuple[str, ...] | None  # by their names as attributes; None: all of them

_MARK = re.compile(r"\?|\$\d+")
# A parent's rows are looked up by themselves, so that a LIMIT is each parent's and no row of another is looked at.
# `own` is the query for one parent, from its FROM on; what it knows of the parent has names that no table has.
_PARENTS = "(SELECT key AS parent_at, value AS parent_key FROM json_each(?)) AS parent"
_FORMS = {
    "sqlite": "SELECT {columns}, parent_at FROM {parents} CROSS JOIN {own} ORDER BY parent_at, {by}{way}",
    "sqlite, limited": 'SELECT {columns}, parent_at FROM {parents} CROSS JOIN "{table}" '
    'ON "{table}".rowid IN (SELECT "{table}".rowid FROM {own}) ORDER BY parent_at, {by}{way}',
    "postgres": "SELECT {columns}, parent_at - 1 "
    "FROM unnest($1::uuid[]) WITH ORDINALITY AS parent (parent_key, parent_at) "
    'CROSS JOIN LATERAL (SELECT {columns}, {by} AS child_at FROM {own}) AS "{table}" ORDER BY parent_at, child_at{way}',
}


class Children(Generic[M]):
    """A query for one parent's rows, in the order of the column `by`, asked for many parents at once.

    `make` is handed something that stands for the parent's key and for a value of each of the other kinds.
    """

    def __init__(self, make: Callable[..., QuerySet[M]], *kinds: Kind, by: str = "id", columns: Columns = None) -> None:
        self._make, self._by, self._columns = make, by, columns
        self._standing = standing((UUID, *kinds))
        self._written: dict[str, Statement[M]] = {}

    async def of(self, parents: Sequence[UUID], *values: Any) -> list[list[M]]:
        """The rows of each of the parents, in the parents' order, found with these values."""
        client = unit.connection()
        dialect = client.capabilities.dialect
        statement = self._written.get(dialect)
        if statement is None:
            statement = self._written[dialect] = self._write(client)
        keys = list(parents) if dialect == "postgres" else orjson.dumps([str(key) for key in parents]).decode()
        _, found = await client.execute_query(statement.sql, [keys, *statement.filled((None, *values))])
        each: list[list[M]] = [[] for _ in parents]
        columns = self._columns
        made = statement.made(found) if columns is None else rows.showing(statement.model, columns)(found)
        for row, one in zip(found, made, strict=True):
            each[row[-1]].append(one)
        return each

    def _write(self, client: BaseDBAsyncClient) -> Statement[M]:
        query = self._make(*self._standing)
        is_limited = query._limit is not None  # noqa: SLF001  Tortoise has no public way
        is_postgres = client.capabilities.dialect == "postgres"  # which may join what is not ordered, all with all
        one = written(query.order_by(*[self._by] * (is_limited or is_postgres)), client, self._standing)
        sources = iter(one.parameters)
        kept = [source for source in one.parameters if source[0] != 0]
        places = iter(range(2, len(kept) + 2))  # the first is the parents

        def mark(found: re.Match[str]) -> str:
            if next(sources)[0] == 0:
                return "parent_key"
            return found[0] if found[0] == "?" else f"${next(places)}"

        meta, own = one.model._meta, _MARK.sub(mark, one.sql)  # noqa: SLF001  as above
        columns = meta.fields_db_projection if self._columns is None else self._columns
        by = self._by.removeprefix("-")
        form = client.capabilities.dialect
        sql = _FORMS["sqlite, limited" if is_limited and form == "sqlite" else form].format(
            columns=", ".join(f'"{meta.db_table}"."{meta.fields_db_projection[one]}"' for one in columns),
            parents=_PARENTS,
            table=meta.db_table,
            own=own.partition(" FROM ")[2],
            by=f'"{meta.db_table}"."{by}"',
            way=" DESC" if self._by != by else "",
        )
        return Statement(one.model, sql, kept)


@dataclass(frozen=True)
class Of:
    """All rows whose column `by` is the parent's key, oldest first. Equal ones share a statement."""

    by: str
    kinds: ClassVar[Sequence[Kind]] = ()
    order: ClassVar[str] = "id"

    def __call__(self, rows: QuerySet[R], parent: UUID) -> QuerySet[R]:
        """Those of the rows that are the parent's."""
        return rows.filter(**{self.by: parent})


async def children(
    model: type[R],
    actor: Actor,
    which: Any,
    parents: Sequence[UUID],
    *values: Any,
    narrow: Narrow[R] | None = None,
    columns: Columns = None,
) -> list[list[R]]:
    """For each parent `which` of its rows, among those that the actor may know of and that are left by `narrow`.

    `which` is like Of, and may take values of other kinds. Only what is narrowed is written each time.
    """
    if narrow is None and is_usual(model, actor):
        found: Children[R] = _usual(model, actor.kind, actor.permissions, which, columns)
        return await found.of(parents, *scopes_of(actor), *values)
    rows: QuerySet[R] = model.visible_to(actor)  # type: ignore[attr-defined]  # every model with a door has it
    if narrow is not None:
        rows = narrow(rows)
    return await Children(partial(which, rows), *which.kinds, by=which.order, columns=columns).of(parents, *values)


@lru_cache(1_000)
def _usual(
    model: type[R], kind: ActorKind, permissions: frozenset[Permission], which: Any, columns: Columns
) -> Children[R]:
    def make(parent: UUID, *values: Any) -> QuerySet[R]:
        seen = seen_as(model, kind, permissions, values[:SCOPES])
        query: QuerySet[R] = which(seen, parent, *values[SCOPES:])
        return query

    return Children(make, *[UUID] * SCOPES, *which.kinds, by=which.order, columns=columns)
