"""Keyset pages: one statement for the pages of many parents, the same cost at the thousandth page as at the first."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from tortoise import Model
from tortoise.functions import Count
from tortoise.queryset import QuerySet

import errors
from models.actor import Actor
from models.base import Row
from models.children import Columns, Narrow, children
from models.prepared import Kind

R = TypeVar("R", bound=Row)
M = TypeVar("M", bound=Model)

MAXIMUM = 100
DEFAULT = 50


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


def key_of(cursor: str | None) -> UUID | None:
    """The key behind a cursor. Raises BadRequest for anything that is none."""
    if cursor is None or cursor == "":
        return None
    try:
        return UUID(bytes=urlsafe_b64decode(cursor.encode("ascii") + b"=="))
    except ValueError:
        raise errors.BadRequest("The cursor is not one of ours.") from None


@dataclass(slots=True)
class Page(Generic[R]):
    """Some rows of a connection, in order; `total` counts them all, by the asker's loaders."""

    nodes: Sequence[R]
    has_next_page: bool
    has_previous_page: bool
    total: Callable[[Any], Awaitable[int]] = field(compare=False)

    @property
    def edges(self) -> Sequence[R]:
        """A row knows its own cursor."""
        return self.nodes

    @property
    def page_info(self) -> Page[R]:
        """Relay's page information is read off the page itself."""
        return self

    @property
    def start_cursor(self) -> str | None:
        """The first row's place."""
        return self.nodes[0].cursor if self.nodes else None

    @property
    def end_cursor(self) -> str | None:
        """The last row's place."""
        return self.nodes[-1].cursor if self.nodes else None


@dataclass(frozen=True)
class _Within:
    """See models/children.py: the first or last of a parent's rows, after or before a key."""

    by: str
    is_after: bool
    is_before: bool
    backwards: bool
    kinds: ClassVar[Sequence[Kind]] = (UUID, UUID, int)

    @property
    def order(self) -> str:
        return "-id" if self.backwards else "id"

    def __call__(self, rows: QuerySet[R], parent: UUID, after: UUID, before: UUID, size: int) -> QuerySet[R]:
        rows = rows.filter(**{self.by: parent})
        if self.is_after:
            rows = rows.filter(id__gt=after)
        if self.is_before:
            rows = rows.filter(id__lt=before)
        return rows.limit(size)


async def pages(  # noqa: PLR0913, PLR0917  what narrows the rows is seldom there
    model: type[R],
    actor: Actor,
    by: str,
    parents: Sequence[UUID],
    wanted: Window,
    total: Callable[..., Awaitable[int]],
    narrow: Narrow[R] | None = None,
    columns: Columns = None,
) -> list[Page[R]]:
    """For each parent the wanted page of its rows, those whose column `by` is its key, that the actor may know of."""
    within = _Within(by, wanted.after is not None, wanted.before is not None, wanted.backwards)
    values = (wanted.after, wanted.before, wanted.size + 1)
    found = await children(model, actor, within, parents, *values, narrow=narrow, columns=columns)
    return [_page(rows, wanted, partial(total, parent)) for parent, rows in zip(parents, found, strict=True)]


async def counts(rows: QuerySet[M], by: str, parents: Sequence[UUID]) -> Mapping[UUID, int]:
    """How many of the rows each parent has, counted in one statement."""
    grouped = rows.order_by().filter(**{f"{by}__in": list(parents)}).annotate(total=Count("id")).group_by(by)
    return {parent: int(total) for parent, total in await grouped.values_list(by, "total")}


def _page(rows: list[R], wanted: Window, total: Callable[[Any], Awaitable[int]]) -> Page[R]:
    more = len(rows) > wanted.size
    rows = rows[: wanted.size]
    if wanted.backwards:
        return Page(rows[::-1], wanted.before is not None, more, total)
    return Page(rows, more, wanted.after is not None, total)


def parts(query: QuerySet[M]) -> tuple[str, list[Any]]:
    """The query's statement and its parameters."""
    query._make_query()  # noqa: SLF001  Tortoise has no public way to the parameters of a query it has not run
    sql, values = query.query.get_parameterized_sql()
    return sql, list(values)
