"""What every resolver is handed: who asks, how addresses are made, and loaders that batch the reading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol, Self, TypeAlias, TypeVar
from uuid import UUID

import strawberry

import errors
import models
from models import clock, feed, paging
from models.base import Row
from models.children import Columns, Of, children
from models.feed import Feed, Stretch
from models.paging import Page, Window
from schema.loader import Loader

R = TypeVar("R", bound=Row)


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
    """Reading in batches, through the tenancy door; good for one operation or one event of a stream.

    Nothing here knows its loaders: what an operation has read is gone with it, and not when Python looks for rings.
    """

    def __init__(self, actor: models.Actor) -> None:
        self.actor = actor
        self._made: dict[Hashable, Loader[UUID, Any]] = {}
        self._columns: Mapping[type[Row], Columns] = {}

    def reading(self, columns: Mapping[type[Row], Columns]) -> Loaders:
        """The same, but of rows of these models they read only these columns, unless they have begun to read all."""
        another = Loaders(self.actor)
        another._made, another._columns = self._made, columns
        return another

    async def one(self, model: type[R], key: UUID) -> R:
        """The row with this key. Raises NotFound when the actor may not know of it."""
        return await self.by_key(model).load(key)

    async def many(self, model: type[R], by: str, parent: UUID) -> list[R]:
        """The parent's rows, oldest first: for lists that are short by nature."""
        return await self.by_parent(model, by).load(parent)

    def by_key(self, model: type[R]) -> Loader[UUID, R]:
        """Finds the row with a key; what the actor may not know of is NotFound."""
        return self._rows(_one, model)

    def by_parent(self, model: type[R], by: str) -> Loader[UUID, list[R]]:
        """Finds a parent's rows, oldest first: for lists that are short by nature."""
        return self._rows(_many, model, by)

    def in_pages(self, model: type[R], by: str, wanted: Window, filter_: Filter | None) -> Loader[UUID, Page[R]]:
        """Finds one page of a parent's rows."""
        return self._rows(_pages, model, by, wanted, filter_)

    async def feed(self, by: str, parent: UUID, wanted: Stretch) -> Feed:
        """The wanted stretch of what is filed under the parent in the event log."""
        stretch: Feed = await self._loader(_feeds, by, wanted).load(parent)
        return stretch

    async def total(self, batch: Callable[..., Awaitable[Sequence[int]]], of: Sequence[Hashable], parent: UUID) -> int:
        """How many there are in all of what a page is a part of."""
        return int(await self._loader(batch, *of).load(parent))

    def _rows(self, batch: Callable[..., Awaitable[Sequence[Any]]], model: type[R], *of: Hashable) -> Loader[UUID, Any]:
        is_whole = (batch, None, model, *of) in self._made  # then whoever wants less has it, too
        return self._loader(batch, None if is_whole else self._columns.get(model), model, *of)

    def _loader(self, batch: Callable[..., Awaitable[Sequence[Any]]], *of: Hashable) -> Loader[UUID, Any]:
        found = self._made.get((batch, *of))
        if found is None:
            found = self._made[batch, *of] = Loader(partial(batch, self.actor, *of))
        return found


async def _one(actor: models.Actor, columns: Columns, model: type[R], keys: Sequence[UUID]) -> Sequence[R | Exception]:
    found = await children(model, actor, Of("id"), keys, columns=columns)
    return [rows[0] if rows else errors.NotFound() for rows in found]


async def _many(
    actor: models.Actor, columns: Columns, model: type[R], by: str, parents: Sequence[UUID]
) -> Sequence[list[R]]:
    return await children(model, actor, Of(by), parents, columns=columns)


async def _pages(  # noqa: PLR0913, PLR0917  what makes a page
    actor: models.Actor,
    columns: Columns,
    model: type[R],
    by: str,
    wanted: Window,
    filter_: Filter | None,
    parents: Sequence[UUID],
) -> Sequence[Page[R]]:
    narrow = None if filter_ is None else partial(filter_.apply, now=clock.now())
    total = partial(_total, _counts, (model, by, filter_))
    return await paging.pages(model, actor, by, parents, wanted, total, narrow, columns)


async def _counts(
    actor: models.Actor, model: Any, by: str, filter_: Filter | None, parents: Sequence[UUID]
) -> Sequence[int]:
    rows = model.visible_to(actor)
    found = await paging.counts(rows if filter_ is None else filter_.apply(rows, clock.now()), by, parents)
    return [found.get(key, 0) for key in parents]


async def _feeds(actor: models.Actor, by: str, wanted: Stretch, parents: Sequence[UUID]) -> Sequence[Feed]:
    return await feed.feeds(actor, by, parents, wanted, partial(_total, _events, (by, wanted.types)))


async def _events(actor: models.Actor, by: str, types: Any, parents: Sequence[UUID]) -> Sequence[int]:
    found = await feed.counts(actor, by, parents, types)
    return [found.get(key, 0) for key in parents]


async def _total(batch: Any, of: Sequence[Hashable], parent: UUID, loaders: Loaders) -> int:
    return await loaders.total(batch, of, parent)


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
    tried: bool = field(default=False, kw_only=True)  # whether the planner has had its turn
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
        another = object.__new__(type(self))
        vars(another).update(vars(self))  # what `copy` does, in a fifth of the time
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

    def charge_at_once(self, cost: int) -> dict[str, int] | None:
        """The same for an operation, if nobody has to wait for it. Raises RateLimited; what else: see there."""
        raise NotImplementedError

    def welcome_of(self, task: models.Task) -> object:
        """The task's welcome page; the resolvers' context knows how it is made."""
        raise NotImplementedError

    def renew(self) -> None:
        """Forget what was read: a stream calls this for each event, or rights and rows go stale."""
        self._loaders = None


Info: TypeAlias = strawberry.Info[Context, None]
