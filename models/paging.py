"""Keyset pages: one statement for the pages of many parents, the same cost at the thousandth page as at the first."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from tortoise import Model
from tortoise.functions import Count
from tortoise.queryset import QuerySet

import errors
from models.base import Row, cursor_of_key
from models.database import connection
from models.rows import made

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
    return cursor_of_key(row.id)


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
    for row in await together(rows, by, parents):
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


async def together(rows: QuerySet[M], by: str, parents: Sequence[UUID]) -> list[M]:
    """The rows of each parent, those whose column `by` is its key, each with the LIMIT; a hundred parents at once."""
    found: list[M] = []
    arm = _Arm(rows, by)
    for start in range(0, len(parents), _ARMS):
        some = parents[start : start + _ARMS]
        sql = " UNION ALL ".join(f"SELECT * FROM ({arm.sql(at)}) AS arm_{at}" for at in range(len(some)))  # noqa: S608  Tortoise's SQL
        values = [value for parent in some for value in arm.values(parent)]
        answers = await connection().execute_query_dict(sql, values)  # parameters carry every value
        found += made(rows.model, answers)
    return found


class _Arm:
    """One parent's part of the statement. Tortoise writes it once: the parts differ in nothing but the parent's key."""

    def __init__(self, rows: QuerySet[M], by: str) -> None:
        self._sql, one = parts(rows.filter(**{by: UUID(int=0)}))
        _, other = parts(rows.filter(**{by: UUID(int=1)}))
        self._values = one
        self._places = [at for at, (first, second) in enumerate(zip(one, other, strict=True)) if first != second]

    def sql(self, at: int) -> str:
        """PostgreSQL's parameters `$1, $2, …` are counted through all parts; SQLite's `?` need nothing."""
        by = at * len(self._values)
        return re.sub(r"\$(\d+)", lambda place: f"${int(place[1]) + by}", self._sql)

    def values(self, parent: UUID) -> list[Any]:
        """The parameters for this parent."""
        made = list(self._values)
        for place in self._places:
            made[place] = type(made[place])(str(parent))  # a UUID, or on SQLite its text
        return made


def parts(query: QuerySet[M]) -> tuple[str, list[Any]]:
    """The query's statement and its parameters."""
    query._make_query()  # noqa: SLF001  Tortoise has no public way to the parameters of a query it has not run
    sql, values = query.query.get_parameterized_sql()
    return sql, list(values)
