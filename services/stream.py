"""The live stream: the event log from a cursor on, without a gap or a repeat, as long as the credential counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar
from uuid import UUID

import errors
from models import Actor, Event, EventType, Permission, Task, TestSession, Ticket, event
from models.feed import Feed
from services import credentials
from services.site import Site

T = TypeVar("T")

BATCH = 500  # events read at once: what one follower can make the server hold
PAGE = 100


async def follow(  # noqa: PLR0913  what to follow is said by name
    site: Site,
    actor: Actor,
    *,
    types: Collection[EventType],
    task_id: UUID | None = None,
    ticket_id: UUID | None = None,
    session_id: UUID | None = None,
    subject: str | None = None,
    after: str | None = None,
    joins: Callable[[int], bool] | None = None,
) -> AsyncGenerator[Event, None]:
    """Every event of these types about these things that comes after the cursor (None: after now), in order, for ever.

    With `joins` until that takes the stream over: it is asked at the log's end, with the position there.

    Raises NotFound for things the actor may not know of, Forbidden, BadRequest for a cursor that is none, and
    Unauthenticated as soon as the credential no longer counts.
    """
    await _permit(actor, task_id, ticket_id, session_id)
    chosen = {"task_id": task_id, "ticket_id": ticket_id, "session_id": session_id, "subject": subject}
    about: dict[str, UUID | str] = {name: value for name, value in chosen.items() if value is not None}
    position = await _beginning(actor, after)
    credential = Recheck(site.limits.recheck_seconds, partial(_ask, actor))
    with site.pulse.followed(actor.organization):
        async for one in _read(site, actor, types, about, position, credential, joins):
            yield one


async def join(
    actor: Actor,
    joins: Callable[[int], bool],
    *,
    task_id: UUID | None = None,
    ticket_id: UUID | None = None,
    session_id: UUID | None = None,
    **_: object,
) -> bool:
    """Whether a stream that runs already takes the actor in at the log's end. Raises as `follow` does."""
    await _permit(actor, task_id, ticket_id, session_id)
    return joins(await event.head(actor.organization))


async def follow_together(  # noqa: PLR0913  what to follow is said by name
    site: Site,
    actor: Actor,
    *,
    types: Collection[EventType],
    task_id: UUID | None = None,
    ticket_id: UUID | None = None,
    session_id: UUID | None = None,
    position: int,
    credentials: Credentials,
) -> AsyncGenerator[Event, None]:
    """The same from a position on, for several who may see the same: each was let in, and each is checked again."""
    chosen = {"task_id": task_id, "ticket_id": ticket_id, "session_id": session_id}
    about: dict[str, UUID | str] = {name: value for name, value in chosen.items() if value is not None}
    async for one in _read(site, actor, types, about, position, credentials, None):
        yield one


class Credentials(Protocol):
    """What must still count before anything is told."""

    @property
    def seconds_left(self) -> float:
        """Until it must be asked again."""

    @property
    def is_due(self) -> bool:
        """Whether it must be asked again."""

    async def check(self, *, now: bool = False) -> None:
        """Ask when it is due, or now."""


class Recheck:
    """Asks again, every so many seconds of real time, whether what a stream began with still counts."""

    def __init__(self, seconds: float, ask: Callable[[], Awaitable[None]]) -> None:
        self._ask = ask
        self._seconds = seconds
        self._checked_at = asyncio.get_running_loop().time()

    @property
    def seconds_left(self) -> float:
        """Until it must be asked again."""
        return max(0.0, self._checked_at + self._seconds - asyncio.get_running_loop().time())

    @property
    def is_due(self) -> bool:
        """Whether it must be asked again."""
        return not self.seconds_left

    async def check(self, *, now: bool = False) -> None:
        """Ask when it is due, or now. Raises what the question raises."""
        if now or self.is_due:
            await self._ask()
            self._checked_at = asyncio.get_running_loop().time()


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer, asked for again as long as the database is away."""
    while True:
        try:
            return await ask()
        except errors.Unavailable as away:
            await asyncio.sleep(away.retry_after)


async def page(actor: Actor, types: Collection[EventType] | None, first: int | None, after: str | None) -> Feed:
    """The events of these types (None: all) after the cursor (None: from the oldest), at most `first` of them.

    Raises Forbidden, or BadRequest for a size or a cursor that cannot be.
    """
    actor.must(Permission.READ)
    size = PAGE if first is None else first
    if not 0 <= size <= PAGE:
        raise errors.BadRequest(f"Ask for between 0 and {PAGE} at a time.")
    newest = await event.end(actor)
    position = 0 if after is None else await event.position_of(actor.organization, after)
    found = await Event.following(actor, position, types).limit(size + 1)
    everything = Event.following(actor, 0, types)

    async def total(_loaders: object) -> int:
        return await everything.count()

    return Feed(found[:size], len(found) > size, position > 0, newest, total)


async def _permit(actor: Actor, task_id: UUID | None, ticket_id: UUID | None, session_id: UUID | None) -> None:
    if task_id:
        await Task.seen_by(actor, task_id)
    if ticket_id:
        await Ticket.seen_by(actor, ticket_id)
    if session_id:
        await TestSession.seen_by(actor, session_id)
    if not actor.is_candidate:  # whose log is its own ticket's
        actor.must(Permission.READ)


async def _beginning(actor: Actor, after: str | None) -> int:
    if after is None:
        return await event.head(actor.organization)
    return await event.position_of(actor.organization, after)


async def _ask(actor: Actor) -> None:
    if await credentials.lapsed({actor}):
        raise errors.Unauthenticated


async def _read(  # noqa: PLR0913, PLR0917  private, and called twice
    site: Site,
    actor: Actor,
    types: Collection[EventType],
    about: dict[str, UUID | str],
    position: int,
    credential: Credentials,
    joins: Callable[[int], bool] | None,
) -> AsyncGenerator[Event, None]:
    pages = Event.pages(actor, types, about, BATCH)
    while True:
        grown = site.pulse.next(actor.organization)
        try:
            # known to be read when the batch after it has been; or a rare type would be looked for again and again
            newest = await event.head(actor.organization) if joins or credential.is_due else position
            batch = await pages.all(position)
            await credential.check(now=bool(batch))
        except errors.Unavailable as away:  # the log goes on where it was when the database is back
            await asyncio.sleep(away.retry_after)
            continue
        for one in batch:
            await patiently(credential.check)
            yield one
        full = len(batch) == BATCH
        position = batch[-1].position if full else max(newest, position, *(one.position for one in batch[-1:]))
        if not full:
            if joins and joins(position):
                return
            if not joins:
                await _wait(grown, credential.seconds_left)


async def _wait(grown: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):  # wait_for of Python 3.11 loses a cancellation that comes with the beat
            await grown.wait()
