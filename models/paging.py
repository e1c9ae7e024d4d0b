"""Keyset pages: one statement for the pages of many parents, the same cost at the thousandth page as at the first."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from tortoise import Model
from tortoise.functions import Count
from tortoise.queryset import QuerySet

import errors
from models.base import Row
from models.database import connection

R = TypeVar("R", bound=Row)
M = TypeVar("M", bound=Model)

MAXIMUM = 100
DEFAULT = 50
_ARMS = 100  # parents in one statement; SQLite allows 500 parts in a compound SELECT


@dataclass(frozen=True)
class Window:
    """Which rows of a connection: `size` of them after or before a key, from the end if `backwards`."""

    size: int = DEFAULT
    after: UUID | None = None
    before: UUID | None = None
    backwards: bool = False


def window(first: int | None, after: str | None, last: int | None, before: str | None) -> Window:
    """The window that Relay's four arguments mean. Raises BadRequest for those that mean nothing."""
    if first is not None and last is not None:
        raise errors.BadRequest("Ask for the first or for the last, not for both.")
    size = first if first is not None else last
    if size is not None and not 0 <= size <= MAXIMUM:
        raise errors.BadRequest(f"Ask for between 0 and {MAXIMUM} at a time.")
    return Window(DEFAULT if size is None else size, key_of(after), key_of(before), last is not None)


def cursor_of(row: Row) -> str:
    """The opaque place of a row in its connection."""
    return urlsafe_b64encode(row.id.bytes).decode("ascii").rstrip("=")


def key_of(cursor: str | None) -> UUID | None:
    """The key behind a cursor. Raises BadRequest for anything that is none."""
    if cursor is None or cursor == "":
        return None
    try:
        return UUID(bytes=urlsafe_b64decode(cursor.encode("ascii") + b"=="))
    except ValueError:
        raise errors.BadRequest("The cursor is not one of ours.") from None


@dataclass(frozen=True)
class Edge(Generic[R]):
    """A row and its place."""

    node: R
    cursor: str


@dataclass(frozen=True)
class Page(Generic[R]):
    """Some rows of a connection, in order; `total` counts them all when asked."""

    nodes: Sequence[R] = ()
    has_next_page: bool = False
    has_previous_page: bool = False
    total: Callable[[], Awaitable[int]] | None = field(default=None, compare=False)

    @property
    def edges(self) -> list[Edge[R]]:
        """The rows with their cursors."""
        return [Edge(node, cursor_of(node)) for node in self.nodes]

    @property
    def page_info(self) -> Page[R]:
        """Relay's page information is read off the page itself."""
        return self

    @property
    def start_cursor(self) -> str | None:
        """The first row's place."""
        return cursor_of(self.nodes[0]) if self.nodes else None

    @property
    def end_cursor(self) -> str | None:
        """The last row's place."""
        return cursor_of(self.nodes[-1]) if self.nodes else None


async def pages(rows: QuerySet[R], by: str, parents: Sequence[UUID], wanted: Window) -> dict[UUID, Page[R]]:
    """For each parent the wanted page of those `rows` whose column `by` is the parent's key."""
    if wanted.after:
        rows = rows.filter(id__gt=wanted.after)
    if wanted.before:
        rows = rows.filter(id__lt=wanted.before)
    rows = rows.order_by("-id" if wanted.backwards else "id").limit(wanted.size + 1)
    found: dict[UUID, list[R]] = {parent: [] for parent in parents}
    for row in await together([rows.filter(**{by: parent}) for parent in parents]):
        found[getattr(row, by)].append(row)
    return {parent: _page(found[parent], wanted) for parent in parents}


async def counts(rows: QuerySet[M], by: str, parents: Sequence[UUID]) -> Mapping[UUID, int]:
    """How many of the rows each parent has, counted in one statement."""
    grouped = rows.order_by().filter(**{f"{by}__in": list(parents)}).annotate(total=Count("id")).group_by(by)
    return {parent: int(total) for parent, total in await grouped.values_list(by, "total")}


def _page(rows: list[R], wanted: Window) -> Page[R]:
    more = len(rows) > wanted.size
    rows = rows[: wanted.size]
    if wanted.backwards:
        return Page(rows[::-1], has_next_page=wanted.before is not None, has_previous_page=more)
    return Page(rows, has_next_page=more, has_previous_page=wanted.after is not None)


async def together(queries: Sequence[QuerySet[M]]) -> list[M]:
    """The rows of all the queries, each with its own LIMIT, a hundred queries by one statement."""
    rows: list[M] = []
    for start in range(0, len(queries), _ARMS):
        rows += await _by_one_statement(queries[start : start + _ARMS])
    return rows


async def _by_one_statement(queries: Sequence[QuerySet[M]]) -> list[M]:
    arms: list[str] = []
    values: list[Any] = []
    for query in queries:
        query._make_query()  # noqa: SLF001  Tortoise has no public way to the parameters of a query it has not run
        sql, parameters = query.query.get_parameterized_sql()
        arms.append(f"SELECT * FROM ({_renumbered(sql, len(values))}) AS arm_{len(arms)}")  # noqa: S608  Tortoise's SQL
        values += parameters
    rows = await connection().execute_query_dict(" UNION ALL ".join(arms), values)  # parameters carry every value
    return [queries[0].model._init_from_db(**row) for row in rows]  # noqa: SLF001  nor a public way to make rows


def _renumbered(sql: str, by: int) -> str:
    """PostgreSQL's parameters `$1, $2, …` counted from `by`; SQLite's `?` need nothing."""
    return re.sub(r"\$(\d+)", lambda place: f"${int(place[1]) + by}", sql)
