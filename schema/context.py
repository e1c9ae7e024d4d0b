"""What every resolver is handed: who asks, how addresses are made, and loaders that batch the reading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, Self, TypeAlias, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader
from tortoise.queryset import QuerySet

import errors
import models
from models import clock, feed, paging
from models.base import Row
from models.feed import Feed, Stretch
from models.paging import Page, Window

R = TypeVar("R", bound=Row)

_AT_ONCE = 30_000  # keys in one statement: PostgreSQL takes 32,767


class Urls(Protocol):
    """The addresses of this installation."""

    def task_link(self, slug: str) -> str:
        """The constant, public Task link."""

    def access_link(self, slug: str, code: str) -> str:
        """The Task link plus a ticket's invitation code."""

    def shared_link(self, link: models.AccessLink) -> str:
        """The encrypted link to a ticket."""

    def finish(
        self,
        organization: models.Organization,
        task: models.Task,
        ticket: models.Ticket,
        assessment: models.Assessment,
        session: models.TestSession,
    ) -> str:
        """Where the candidate goes when the session has ended: signed, checked now."""

    def sign_in(self, organization: models.Organization) -> str:
        """Where members begin to sign in at the identity provider."""

    def sign_in_callback(self, organization: models.Organization) -> str:
        """Where the identity provider sends them back to."""

    def download(self, export: models.Export) -> str:
        """The signed, expiring address of a finished spreadsheet."""


class Filter(Hashable, Protocol):
    """Narrows a list; equal filters share a statement."""

    def apply(self, rows: Any, now: datetime) -> Any:
        """The rows that fit."""


class Loaders:
    """Reading in batches, through the tenancy door; good for one operation or one event of a stream."""

    def __init__(self, actor: models.Actor) -> None:
        self.actor = actor
        self._made: dict[Hashable, DataLoader[Any, Any]] = {}

    async def one(self, model: type[R], key: UUID) -> R:
        """The row with this key. Raises NotFound when the actor may not know of it."""

        async def batch(keys: list[UUID]) -> Sequence[R | Exception]:
            rows = await self._visible(model).filter(id__in=keys)
            found = {row.id: row for row in rows}
            return [found.get(key) or errors.NotFound() for key in keys]

        row: R = await self._loader((model, "id"), batch).load(key)
        return row

    async def many(self, model: type[R], by: str, parent: UUID) -> list[R]:
        """The parent's rows, oldest first: for lists that are short by nature."""

        async def batch(parents: list[UUID]) -> list[list[R]]:
            found: dict[UUID, list[R]] = {key: [] for key in parents}
            for row in await self._visible(model).filter(**{f"{by}__in": parents}).order_by("id"):
                found[getattr(row, by)].append(row)
            return [found[key] for key in parents]

        rows: list[R] = await self._loader((model, by), batch).load(parent)
        return rows

    async def page(self, model: type[R], by: str, parent: UUID, wanted: Window, filter_: Filter | None) -> Page[R]:
        """One page of the parent's rows, which can also count them all."""

        async def batch(parents: list[UUID]) -> list[Page[R]]:
            found = await paging.pages(self._narrowed(model, filter_), by, parents, wanted)
            return [found[key] for key in parents]

        async def total() -> int:
            return await self._count(model, by, parent, filter_)

        page: Page[R] = await self._loader((model, by, wanted, filter_), batch).load(parent)
        return Page(page.nodes, page.has_next_page, page.has_previous_page, total)

    async def feed(self, by: str, parent: UUID, wanted: Stretch) -> Feed:
        """The wanted stretch of what is filed under the parent in the event log."""

        async def batch(parents: list[UUID]) -> list[Feed]:
            found = await feed.feeds(self.actor, by, parents, wanted, total)
            return [found[key] for key in parents]

        async def count(parents: list[UUID]) -> list[int]:
            found = await feed.counts(self.actor, by, parents, wanted.types)
            return [found.get(key, 0) for key in parents]

        async def total(key: UUID) -> int:
            return int(await self._loader((models.Event, by, "count", wanted.types), count).load(key))

        stretch: Feed = await self._loader((models.Event, by, wanted), batch).load(parent)
        return stretch

    async def _count(self, model: type[R], by: str, parent: UUID, filter_: Filter | None) -> int:
        async def batch(parents: list[UUID]) -> list[int]:
            found = await paging.counts(self._narrowed(model, filter_), by, parents)
            return [found.get(key, 0) for key in parents]

        count: int = await self._loader((model, by, "count", filter_), batch).load(parent)
        return count

    def _visible(self, model: type[R]) -> QuerySet[R]:
        rows: QuerySet[R] = model.visible_to(self.actor)  # type: ignore[attr-defined]  # every model with a door has it
        return rows

    def _narrowed(self, model: type[R], filter_: Filter | None) -> QuerySet[R]:
        rows = self._visible(model)
        if filter_ is None:
            return rows
        narrowed: QuerySet[R] = filter_.apply(rows, clock.now())
        return narrowed

    def _loader(self, key: Hashable, batch: Callable[[list[Any]], Awaitable[Any]]) -> DataLoader[Any, Any]:
        if key not in self._made:
            self._made[key] = DataLoader(load_fn=batch, max_batch_size=_AT_ONCE)
        return self._made[key]


@dataclass
class Context:
    """One operation's surroundings."""

    actor: models.Actor
    urls: Urls
    shows_schema: bool = field(default=True, kw_only=True)  # to strangers, too
    shows_tier: bool = field(default=False, kw_only=True)  # how the operation was answered, in its extensions
    planner: Any = field(default=None, kw_only=True)  # what answers faster; its own business, like the memo
    memo: dict[str, Any] = field(default_factory=dict, kw_only=True)  # what root fields have answered already
    begun: Self | None = field(default=None, kw_only=True)  # in which it was tried, and perhaps became somebody
    paid: dict[str, object] | None = field(default=None, kw_only=True)  # what the operation cost, if it is paid for
    _loaders: Loaders | None = field(default=None, init=False)

    @property
    def loaders(self) -> Loaders:
        """What has been read, and reads what has not."""
        if self._loaders is None:
            self._loaders = Loaders(self.actor)
        return self._loaders

    def fresh(self) -> Self:
        """The same caller, with nothing read yet; or as whoever the operation that was begun has proved to be."""
        if self.begun is not None:
            return self.begun
        another = copy(self)
        another.renew()
        return another

    def begin(self) -> Self:
        """From now on the operation is being executed, in the context that is answered."""
        self.begun = self.fresh()
        return self.begun

    def become(self, actor: models.Actor) -> None:
        """The caller has just proved to be this actor: the rest of the answer is read as theirs."""
        self.actor = actor
        self.renew()

    @property
    def sees_schema(self) -> bool:
        """Whether the caller may read the schema, and be told what a misspelled name may have meant."""
        return self.shows_schema or self.actor is not models.ANONYMOUS

    async def charge(self, cost: int) -> dict[str, int] | None:
        """Charge the caller for a document. Answers what is left, in Shopify's words. Raises RateLimited."""
        raise NotImplementedError

    def welcome_of(self, task: models.Task) -> object:
        """The task's welcome page; the resolvers' context knows how it is made."""
        raise NotImplementedError

    def renew(self) -> None:
        """Forget what was read: a stream calls this for each event, or rights and rows go stale."""
        self._loaders = None


Info: TypeAlias = strawberry.Info[Context, None]
