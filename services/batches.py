"""Batches of tickets, of any size: drafted outside the transaction, written as plain rows, shown as tickets again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from models import Actor, Candidate, Ticket, TicketBatch, bulk, chance, rows
from models.rows import like, new
from services.candidates import NewCandidate

UNCOMPARED = "0" * 64  # the fingerprint of a batch without a key, which nobody can send again


@dataclass(frozen=True)
class Draft:
    """A batch that is ready to be written: its row, its tickets in order, and what all of them have in common.

    The columns are lists of texts: an object more for each ticket, and Python's garbage collector holds everybody up.
    """

    batch: TicketBatch
    people: Sequence[NewCandidate]
    ticket_ids: Sequence[str]
    candidate_ids: Sequence[str]
    codes: Sequence[str]
    shared: Mapping[str, Any]


async def draft(batch: TicketBatch, candidates: Sequence[NewCandidate], shared: Mapping[str, Any]) -> Draft:
    """Give every candidate keys and a code."""
    ticket_ids: list[str] = []
    candidate_ids: list[str] = []
    codes: list[str] = []  # unsorted: a code must say nothing of its neighbour's
    async for some in bulk.Turns(candidates):
        ticket_ids += [chance.new_id_text() for _ in some]
        candidate_ids += [chance.new_id_text() for _ in some]
        codes += chance.invitation_codes(len(some))
    ours = {"organization_id": batch.organization_id, "created_at": batch.created_at}
    common = {**ours, "task_id": batch.task_id, "batch_id": batch.id, **shared}
    return Draft(batch, candidates, ticket_ids, candidate_ids, codes, common)


async def write(draft: Draft) -> None:
    """Insert the candidates and the tickets, in the transaction that is open."""
    people = {
        "full_name": (one.full_name for one in draft.people),
        "email": (one.email for one in draft.people),
        "external_id": (one.external_id for one in draft.people),
        "attributes": (one.attributes for one in draft.people),
    }
    tickets = {
        "candidate_id": draft.candidate_ids,
        "code": draft.codes,
        "extra_time_percent": (one.extra_time_percent for one in draft.people),
        "meeting_url": (one.meeting_url for one in draft.people),
    }
    await bulk.insert(Candidate, draft.candidate_ids, draft.shared, people)
    await bulk.insert(Ticket, draft.ticket_ids, draft.shared, tickets)


async def fresh(draft: Draft) -> list[Ticket]:
    """The tickets that have just been written, in order."""
    pattern = new(Ticket, **draft.shared)
    entries = zip(draft.ticket_ids, draft.candidate_ids, draft.codes, draft.people, strict=True)
    tickets: list[Ticket] = []
    async for some in bulk.Turns(draft.people):
        tickets += [_ticket(pattern, *entry) for entry in islice(entries, len(some))]
    return tickets


def _ticket(pattern: Ticket, key: str, candidate: str, code: str, person: NewCandidate) -> Ticket:
    return like(
        pattern,
        id=rows.key(key),
        candidate_id=rows.key(candidate),
        code=code,
        extra_time_percent=person.extra_time_percent,
        meeting_url=person.meeting_url,
    )


async def kept(actor: Actor, batch: TicketBatch) -> list[Ticket]:
    """The tickets of a batch as they are now, in order."""
    own = Ticket.visible_to(actor).filter(batch_id=batch.id).order_by("id").limit(bulk.TURN)
    tickets = await own
    while more := await own.filter(id__gt=tickets[-1].id) if tickets else []:
        tickets += more
    return tickets


async def fingerprint(call: Mapping[str, Any], candidates: Sequence[NewCandidate]) -> str:
    """What tells one body from another: everything that the call says, as sorted JSON."""
    digest = hashlib.sha256(b"[" + orjson.dumps(call, default=str, option=orjson.OPT_SORT_KEYS) + b",[")
    comma = b""
    async for some in bulk.Turns(candidates):
        said = [one._asdict() for one in some]
        digest.update(comma + orjson.dumps(said, option=orjson.OPT_SORT_KEYS)[1:-1])
        comma = b","
    digest.update(b"]]")
    return digest.hexdigest()
