"""The rows of a task's spreadsheet: every ticket that fits, its links, and a shared link for each that can have one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from tortoise.queryset import QuerySet

from models import AccessLink, Actor, EventType, Export, Task, Ticket, TicketStatus, bulk, chance, system
from models.event import record
from models.filters import TicketFilter
from models.ticket import grouped, status_shown
from models.unit import transactional
from services.spreadsheet import Column
from services.urls import Urls

CHUNK = 1_000  # rows read, and links made, at a time: others get their turn in between

COLUMNS = (
    Column("Candidate", 28),
    Column("E-mail", 32),
    Column("External id", 18),
    Column("Group", 18),
    Column("Code", 18),
    Column("Access link", 60),
    Column("Shared link", 60),
    Column("Valid until", 22),
    Column("Status", 12),
)
MEETING = Column("Meeting link", 45)
COLUMNS_READ = (
    *("id", "status", "valid_from", "valid_until", "code", "group", "meeting_url"),
    *("candidate__full_name", "candidate__email", "candidate__external_id"),
)


def columns(task: Task) -> Sequence[Column]:
    """The headings; a meeting link only where the task is proctored through a conference tool."""
    return (*COLUMNS, MEETING) if task.is_proctored else COLUMNS


@dataclass(frozen=True)
class Chunk:
    """Some tickets in order, as the database gives their columns, and the links of those that can have one."""

    tickets: Sequence[Sequence[Any]]
    links: Mapping[str, Link]


class Link(NamedTuple):
    """What a shared link is made of, besides its expiry."""

    key: UUID | str
    version: int


def tickets(actor: Actor, export: Export, now: datetime) -> QuerySet[Ticket]:
    """The tickets that the export was asked for, as the clock stands."""
    own = Ticket.visible_to(actor).filter(task_id=export.task_id)
    return loaded(export.ticket_filter).apply(own, now).order_by("id")


async def chunks(export: Export, now: datetime) -> AsyncIterator[Chunk]:
    """All of them, a chunk at a time, whatever their number."""
    actor = system(export.organization_id)
    wanted = tickets(actor, export, now).limit(CHUNK)
    while found := await bulk.select(wanted.values_list(*COLUMNS_READ)):
        keys = [_key(key) for key, *_ in found]
        links = await _links(actor, export, keys)
        sharing = [str(key) for key, status, *_ in found if status != TicketStatus.REVOKED]
        if any(key not in links for key in sharing):
            links = await _shared(actor, export, keys, sharing)
        yield Chunk(found, {key: links[key] for key in sharing})
        wanted = tickets(actor, export, now).filter(id__gt=found[-1][0]).limit(CHUNK)


async def _links(actor: Actor, export: Export, keys: Sequence[UUID]) -> dict[str, Link]:
    """For each ticket its newest unlimited link with this expiry, where there is one."""
    found = await AccessLink.unlimited(actor, keys, export.links_expire_at)
    return {str(key): Link(links[-1].id, links[-1].version) for key, links in zip(keys, found, strict=True) if links}


@transactional
async def _shared(actor: Actor, export: Export, keys: Sequence[UUID], sharing: Sequence[str]) -> dict[str, Link]:
    """The same for each of those that are sharing, made now where there is none."""
    links = await _links(actor, export, keys)  # again: another export may have made some in the meantime
    new = {key: Link(chance.new_id(), 1) for key in sharing if key not in links}
    if new:
        same = {"organization_id": actor.organization, "expires_at": export.links_expire_at}
        await bulk.insert(AccessLink, [str(link.key) for link in new.values()], same, {"ticket_id": new})
        task = f"{Task.prefix}_{export.task_id}"
        details: dict[str, Any] = {"count": len(new), "export": export.gid}
        record(EventType.ACCESS_LINKS_CREATED, task, actor, task_id=export.task_id, **details)
    return links | new


def lines(urls: Urls, task: Task, export: Export, chunk: Chunk, now: datetime) -> Iterator[list[str | None]]:
    """The chunk's cells; sealing a link takes time, so this belongs in a thread."""
    for key, status, valid_from, valid_until, code, group, meeting, name, email, external_id in chunk.tickets:
        link, until = chunk.links.get(str(key)), _moment(valid_until)
        shown = grouped(code)
        line = [
            name,
            email,
            external_id,
            group,
            shown,
            urls.access_link(task.slug, shown),
            urls.sealed_link(_key(link.key), link.version, export.links_expire_at) if link else None,
            f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if until else None,
            status_shown(TicketStatus(status), _moment(valid_from), until, now).value,
        ]
        yield [*line, meeting or task.meeting_url] if task.is_proctored else line


def _key(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _moment(value: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def stored(ticket_filter: TicketFilter | None) -> dict[str, Any]:
    """The filter as the export's row keeps it."""
    return {name: value for name, value in asdict(ticket_filter or TicketFilter()).items() if value is not None}


def loaded(kept: Mapping[str, Any]) -> TicketFilter:
    """The filter that `stored` was given."""
    statuses = kept.get("status")
    chosen = None if statuses is None else tuple(TicketStatus(status) for status in statuses)
    return TicketFilter(**{**kept, "status": chosen})
