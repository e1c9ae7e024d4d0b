"""A page of the event log, as one reads on from a cursor; for many things at once, each thing's own part of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import errors
from models import event, paging
from models.actor import Actor
from models.children import Children
from models.event import Event, EventType


@dataclass(frozen=True)
class Stretch:
    """Which events: at most `size` of these types (None: all), those that come after a cursor (None: the oldest)."""

    size: int
    after: str | None
    types: frozenset[EventType] | None


def stretch(first: int | None, after: str | None, types: Collection[EventType] | None) -> Stretch:
    """The stretch that a field's arguments mean. Raises BadRequest for a size that cannot be."""
    size = paging.MAXIMUM if first is None else first
    if not 0 <= size <= paging.MAXIMUM:
        raise errors.BadRequest(f"Ask for between 0 and {paging.MAXIMUM} at a time.")
    return Stretch(size, after, None if types is None else frozenset(types))


@dataclass(frozen=True)
class Feed:
    """Some events in order; `head` is the cursor of the log's end, `total` counts all, by the asker's loaders."""

    nodes: Sequence[Event]
    has_next_page: bool
    has_previous_page: bool
    head: str
    total: Callable[[Any], Awaitable[int]] = field(compare=False)

    @property
    def edges(self) -> Sequence[Event]:
        """An event knows its own cursor."""
        return self.nodes

    @property
    def page_info(self) -> Feed:
        """Relay's page information is read off the page itself."""
        return self

    @property
    def start_cursor(self) -> str | None:
        """The first event's place."""
        return self.nodes[0].cursor if self.nodes else None

    @property
    def end_cursor(self) -> str | None:
        """The last event's place: read on after it."""
        return self.nodes[-1].cursor if self.nodes else None


async def feeds(
    actor: Actor, by: str, parents: Sequence[UUID], wanted: Stretch, total: Callable[..., Awaitable[int]]
) -> Sequence[Feed]:
    """For each parent the wanted stretch of what is filed under it by the column `by`. Raises BadRequest."""
    head = await event.end(actor)
    position = 0 if wanted.after is None else await event.position_of(actor.organization, wanted.after)
    rows = Event.following(actor, position, wanted.types).limit(wanted.size + 1)
    found = await Children(lambda parent: rows.filter(**{by: parent}), by="position").of(parents)
    return [
        Feed(events[: wanted.size], len(events) > wanted.size, position > 0, head, partial(total, parent))
        for parent, events in zip(parents, found, strict=True)
    ]


async def counts(
    actor: Actor, by: str, parents: Sequence[UUID], types: Collection[EventType] | None
) -> Mapping[UUID, int]:
    """How many events of these types each parent has, counted in one statement."""
    return await paging.counts(Event.following(actor, 0, types), by, parents)
