"""The rows of a task's spreadsheet: every ticket that fits, its links, and a shared link for each that can have one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tortoise.queryset import QuerySet

from models import AccessLink, Actor, Candidate, EventType, Export, Task, Ticket, TicketStatus, system
from models.event import record
from models.filters import TicketFilter
from models.unit import transactional
from services.spreadsheet import Column
from services.urls import Urls

CHUNK = 500  # rows read, and links made, at a time: others get their turn in between

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


def columns(task: Task) -> Sequence[Column]:
    """The headings; a meeting link only where the task is proctored through a conference tool."""
    return (*COLUMNS, MEETING) if task.is_proctored else COLUMNS


@dataclass(frozen=True)
class Chunk:
    """Some tickets in order, with what their rows need."""

    tickets: Sequence[Ticket]
    candidates: Mapping[UUID, Candidate]
    links: Mapping[UUID, AccessLink]


def tickets(actor: Actor, export: Export, now: datetime) -> QuerySet[Ticket]:
    """The tickets that the export was asked for, as the clock stands."""
    own = Ticket.visible_to(actor).filter(task_id=export.task_id)
    return loaded(export.ticket_filter).apply(own, now).order_by("id")


async def chunks(export: Export, now: datetime) -> AsyncIterator[Chunk]:
    """All of them, a chunk at a time, whatever their number."""
    actor = system(export.organization_id)
    found = await tickets(actor, export, now).limit(CHUNK)
    while found:
        candidates = await Candidate.visible_to(actor).filter(id__in=[ticket.candidate_id for ticket in found])
        sharing = [ticket.id for ticket in found if ticket.status is not TicketStatus.REVOKED]
        links = await _shared(actor, export, sharing)
        yield Chunk(found, {candidate.id: candidate for candidate in candidates}, links)
        found = await tickets(actor, export, now).filter(id__gt=found[-1].id).limit(CHUNK)


@transactional
async def _shared(actor: Actor, export: Export, ticket_ids: list[UUID]) -> dict[UUID, AccessLink]:
    """For each ticket its newest unlimited link with this expiry, made now where there is none."""
    links = {link.ticket_id: link for link in await AccessLink.unlimited(actor, ticket_ids, export.links_expire_at)}
    new = [
        AccessLink(organization_id=actor.organization, ticket_id=key, expires_at=export.links_expire_at)
        for key in ticket_ids
        if key not in links
    ]
    if new:
        await AccessLink.bulk_create(new)
        task = f"{Task.prefix}_{export.task_id}"
        details: dict[str, Any] = {"count": len(new), "export": export.gid}
        record(EventType.ACCESS_LINKS_CREATED, task, actor, task_id=export.task_id, **details)
    return links | {link.ticket_id: link for link in new}


def lines(urls: Urls, task: Task, chunk: Chunk, now: datetime) -> Iterator[list[str | None]]:
    """The chunk's cells; sealing a link takes time, so this belongs in a thread."""
    for ticket in chunk.tickets:
        candidate, link = chunk.candidates[ticket.candidate_id], chunk.links.get(ticket.id)
        line = [
            candidate.full_name,
            candidate.email,
            candidate.external_id,
            ticket.group,
            ticket.invitation_code,
            urls.access_link(task.slug, ticket.invitation_code),
            urls.shared_link(link) if link else None,
            f"{ticket.valid_until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if ticket.valid_until else None,
            ticket.status_at(now).value,
        ]
        yield [*line, ticket.meeting_url or task.meeting_url] if task.is_proctored else line


def stored(ticket_filter: TicketFilter | None) -> dict[str, Any]:
    """The filter as the export's row keeps it."""
    return {name: value for name, value in asdict(ticket_filter or TicketFilter()).items() if value is not None}


def loaded(kept: Mapping[str, Any]) -> TicketFilter:
    """The filter that `stored` was given."""
    statuses = kept.get("status")
    chosen = None if statuses is None else tuple(TicketStatus(status) for status in statuses)
    return TicketFilter(**{**kept, "status": chosen})
