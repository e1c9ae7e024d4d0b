"""Batches of tickets, of any size: drafted outside the transaction, written as plain rows, shown as tickets again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from models import Actor, Candidate, Ticket, TicketBatch, bulk, chance
from services.candidates import NewCandidate


class Entry(NamedTuple):
    """One ticket of a batch: its key, its candidate's key, its code, and whom it is for."""

    ticket_id: UUID
    candidate_id: UUID
    code: str
    person: NewCandidate


@dataclass(frozen=True)
class Draft:
    """A batch that is ready to be written: its row, its tickets in order, and what all of them have in common."""

    batch: TicketBatch
    entries: Sequence[Entry]
    shared: Mapping[str, Any]


async def draft(batch: TicketBatch, candidates: Sequence[NewCandidate], shared: Mapping[str, Any]) -> Draft:
    """Give every candidate keys and a code."""
    codes = iter(chance.invitation_codes(len(candidates)))  # unsorted: a code must say nothing of its neighbour's
    entries: list[Entry] = []
    async for some in bulk.turns(candidates):
        entries += [Entry(chance.new_id(), chance.new_id(), next(codes), one) for one in some]
    ours = {"organization_id": batch.organization_id, "created_at": batch.created_at}
    return Draft(batch, entries, {**ours, "task_id": batch.task_id, "batch_id": batch.id, **shared})


async def write(draft: Draft) -> None:
    """Insert the candidates and the tickets, in the transaction that is open."""
    entries = draft.entries
    people = {
        "id": (one.candidate_id for one in entries),
        "full_name": (one.person.full_name for one in entries),
        "email": (one.person.email for one in entries),
        "external_id": (one.person.external_id for one in entries),
        "attributes": (one.person.attributes for one in entries),
    }
    tickets = {
        "id": (one.ticket_id for one in entries),
        "candidate_id": (one.candidate_id for one in entries),
        "code": (one.code for one in entries),
        "extra_time_percent": (one.person.extra_time_percent for one in entries),
        "meeting_url": (one.person.meeting_url for one in entries),
    }
    await bulk.insert(Candidate, draft.shared, people)
    await bulk.insert(Ticket, draft.shared, tickets)


async def fresh(draft: Draft) -> list[Ticket]:
    """The tickets that have just been written, in order."""
    pattern = Ticket(**draft.shared)  # to copy one is much quicker than to make one
    tickets: list[Ticket] = []
    async for some in bulk.turns(draft.entries):
        tickets += [_ticket(pattern, one) for one in some]
    return tickets


def _ticket(pattern: Ticket, entry: Entry) -> Ticket:
    ticket = copy(pattern)
    ticket.id, ticket.candidate_id, ticket.code = entry.ticket_id, entry.candidate_id, entry.code
    ticket.extra_time_percent, ticket.meeting_url = entry.person.extra_time_percent, entry.person.meeting_url
    return ticket


async def kept(actor: Actor, batch: TicketBatch) -> list[Ticket]:
    """The tickets of a batch as they are now, in order."""
    own = Ticket.visible_to(actor).filter(batch_id=batch.id).order_by("id").limit(bulk.TURN)
    tickets = await own
    while more := await own.filter(id__gt=tickets[-1].id) if tickets else []:
        tickets += more
    return tickets


async def fingerprint(call: Mapping[str, Any], candidates: Sequence[NewCandidate]) -> str:
    """What tells one body from another: everything that the call says, as sorted JSON."""
    digest = hashlib.sha256(b"[" + orjson.dumps(call, option=orjson.OPT_SORT_KEYS) + b",[")
    comma = b""
    async for some in bulk.turns(candidates):
        digest.update(comma + orjson.dumps(list(map(vars, some)), option=orjson.OPT_SORT_KEYS)[1:-1])
        comma = b","
    digest.update(b"]]")
    return digest.hexdigest()
