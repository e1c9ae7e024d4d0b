"""Issuing tickets, all or nothing and once per idempotency key; finding and revoking them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import errors
from models import (
    Actor,
    EventType,
    Permission,
    Task,
    TaskStatus,
    Ticket,
    TicketBatch,
    TicketStatus,
    moves,
    unit,
)
from models.changes import add, put
from models.event import record
from models.rows import new
from models.ticket import normalise
from models.unit import transactional
from services import batches, sessions, texts
from services.batches import Draft
from services.candidates import Described, checked
from services.site import Site
from services.tasks import check_window

LABELS = 20
LABEL = 100
Wanted: TypeAlias = Mapping[str, UUID | str]  # a column, and its value


@dataclass(frozen=True)
class Issue:
    """One call that issues tickets: what all of them share."""

    task_id: UUID
    group: str | None = None
    labels: Sequence[str] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Issued:
    """The tickets, in the order in which their candidates were sent; `replayed` if they were there already."""

    tickets: Sequence[Ticket]
    replayed: bool


async def issue(site: Site, actor: Actor, issue: Issue, candidates: Sequence[Described]) -> Issued:
    """Make a ticket for each candidate, or none at all, and answer them. Raises what `make` does.

    The same key with the same body answers the same tickets, even when the task has changed since.
    """
    draft, batch = await make(actor, issue, candidates, site.limits.tickets_per_call)
    if batch is draft.batch:
        return Issued(await batches.fresh(draft), replayed=False)
    return Issued(await batches.kept(actor, batch), replayed=True)


async def make(actor: Actor, issue: Issue, candidates: Sequence[Described], limit: int) -> tuple[Draft, TicketBatch]:
    """Make a ticket for each candidate, or none at all; what was drafted, and the batch that is kept.

    That is another batch if an earlier call with this key made it. Raises TooManyRows, InvalidCandidates naming every
    bad row, InvalidInput, InvalidWindow, IdempotencyKeyReused, TaskArchived.
    """
    try:
        draft = await _drafted(actor, issue, candidates, limit)
    except errors.AdmitError:
        await Task.glimpsed_by(actor, issue.task_id, "id")  # who may not know of it hears of nothing else
        raise
    return draft, await _keep(actor, draft)


async def _drafted(actor: Actor, issue: Issue, candidates: Sequence[Described], limit: int) -> Draft:
    actor.must(Permission.ISSUE_TICKETS)
    if not 1 <= len(candidates) <= limit:
        raise errors.TooManyRows(limit)
    people = await checked(candidates)
    shared = {
        "group": texts.optional_line("group", issue.group),
        "labels": _labels(issue.labels),
        "valid_from": issue.valid_from,
        "valid_until": issue.valid_until,
    }
    check_window(issue.valid_from, issue.valid_until)
    key = texts.optional_line("idempotencyKey", issue.idempotency_key)
    batch = new(
        TicketBatch,
        organization_id=actor.organization,
        task_id=issue.task_id,
        idempotency_key=key,
        body_hash=batches.UNCOMPARED if key is None else await batches.fingerprint(vars(issue), people),
        count=len(people),
    )
    return await batches.draft(batch, people, shared)


@transactional
async def _keep(actor: Actor, draft: Draft) -> TicketBatch:
    batch = draft.batch
    archived = (await Task.glimpsed_by(actor, batch.task_id, "status")).status is TaskStatus.ARCHIVED
    if not archived:
        unit.be_sure()
    if batch.idempotency_key is None:
        await put(batch)
    # two twins at once: the unique index lets one of them in, and the other waits and reads what it made
    elif not await add(batch):
        kept = await TicketBatch.visible_to(actor).get_or_none(idempotency_key=batch.idempotency_key)
        # None: it was used for a task that a narrowed key does not know of
        if kept is None or kept.body_hash != batch.body_hash:
            raise errors.IdempotencyKeyReused
        return kept
    if archived:
        raise errors.TaskArchived
    await batches.write(draft)
    record(EventType.TICKETS_ISSUED, batch.gid, actor, task_id=batch.task_id, count=batch.count)
    return batch


@transactional
async def revoke(site: Site, actor: Actor, ticket_ids: Sequence[UUID], *, terminate: bool = False) -> list[Ticket]:
    """Withdraw tickets for good, all or none; one that is withdrawn stays as it is. Answers them in the order sent.

    Unfinished sessions go on to their end, or end at once if `terminate`. Raises TooManyRows, NotFound when a ticket is
    absent.
    """
    tickets = await chosen(site, actor, ticket_ids, Permission.ISSUE_TICKETS)
    if terminate:
        actor.must(Permission.PROCTOR)
    for ticket in tickets.values():
        if ticket.status is not TicketStatus.REVOKED:
            await moves.move(ticket, TicketStatus.REVOKED, actor)
        if terminate:
            await sessions.terminate_of_ticket(site, actor, ticket)
    return [tickets[key] for key in ticket_ids]


async def chosen(site: Site, actor: Actor, ticket_ids: Sequence[UUID], permission: Permission) -> dict[UUID, Ticket]:
    """The tickets that a list names, by their keys and held in one order, so that two such calls never wait in a ring.

    Raises TooManyRows for none or too many, NotFound when one of them is absent.
    """
    limit = site.limits.rows_per_call
    if not 1 <= len(ticket_ids) <= limit:
        actor.must(permission)
        raise errors.TooManyRows(limit)
    wanted = set(ticket_ids)
    rows = await Ticket.visible_to(actor).filter(id__in=wanted).order_by("id").select_for_update()
    if len(rows) != len(wanted):
        raise errors.NotFound
    actor.must(permission)
    return {ticket.id: ticket for ticket in rows}


def wanted(key: UUID | None, code: str | None) -> Wanted:
    """By which column one ticket is found. Raises BadRequest unless either its key or its invitation code is given."""
    if (key is None) == (code is None):
        raise errors.BadRequest("Give either an id or an invitation code.")
    return {"id": key} if key is not None else {"code": normalise(code or "")}


async def find(actor: Actor, one: Wanted) -> Ticket:
    """The ticket that is wanted, among those that the actor may see. Raises NotFound when there is none."""
    ticket = await Ticket.visible_to(actor).get_or_none(**one)
    if ticket is None:
        raise errors.NotFound
    if not actor.is_candidate:
        actor.must(Permission.READ)
    return ticket


def _labels(labels: Sequence[str]) -> list[str]:
    if len(labels) > LABELS:
        raise errors.InvalidInput("labels", f"At most {LABELS} labels.")
    return list(dict.fromkeys(texts.line(f"labels.{at}", label, LABEL) for at, label in enumerate(labels)))
