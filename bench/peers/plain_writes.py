"""The mutations as everyone writes them: one transaction for each request."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tortoise.transactions import in_transaction

from bench.peers import raw
from bench.peers.plain_models import Assessment, Batch, Candidate, Event, Step, Task, TestSession, Ticket
from bench.rows import ORGANIZATION

OWN = UUID(ORGANIZATION)
SECRET = b"whatever signs the candidates' tokens"


async def issue(task_id: UUID, people: Sequence[dict[str, str | None]]) -> list[Ticket]:
    """A ticket for each."""
    async with in_transaction():
        batch = await Batch.create(organization_id=OWN, task_id=task_id, count=len(people))
        candidates = [Candidate(organization_id=OWN, **one) for one in people]
        pairs = zip(candidates, raw.codes(len(people)), strict=True)
        new: dict[str, Any] = {"organization_id": OWN, "task_id": task_id, "batch_id": batch.id}
        tickets = [Ticket(**new, candidate_id=one.id, code=code) for one, code in pairs]
        await Candidate.bulk_create(candidates)
        await Ticket.bulk_create(tickets)
        await _event("TICKETS_ISSUED", f"bat_{batch.id}", task_id, count=len(people))
    return tickets


async def enter(slug: str, code: str) -> Assessment:
    """An assessment."""
    async with in_transaction():
        task = await Task.get(slug=slug, status="OPEN")
        ticket = await Ticket.get(code=raw.stored(code), task_id=task.id, status="ISSUED")
        assessment = await Assessment.create(organization_id=OWN, task_id=task.id, ticket_id=ticket.id)
        ticket.status = "ACTIVATED"
        await ticket.save(update_fields=["status"])
        about = (task.id, ticket.id)
        await _event("ASSESSMENT_STATUS_CHANGED", f"asm_{assessment.id}", *about, to="CREATED")
        await _event("TICKET_STATUS_CHANGED", f"tkt_{ticket.id}", *about, to="ACTIVATED")
    return assessment


async def start(token: str, step_id: UUID) -> TestSession:
    """A session of the token's assessment."""
    key = token.partition(".")[0]
    if not hmac.compare_digest(signed(key), token):
        raise PermissionError("not our token")
    async with in_transaction():
        assessment, step = await Assessment.get(id=UUID(key)), await Step.get(id=step_id)
        now = datetime.now(UTC)
        session = await TestSession.create(
            organization_id=OWN, task_id=assessment.task_id, ticket_id=assessment.ticket_id,
            assessment_id=assessment.id, step_id=step.id, test_id=step.test_id, status="ACTIVE", started_at=now,
            last_seen_at=now, deadline_at=now + timedelta(hours=1),
        )  # fmt: skip
        assessment.status = "IN_PROGRESS"
        await assessment.save(update_fields=["status"])
        about = (assessment.task_id, assessment.ticket_id)
        await _event("TEST_SESSION_STATUS_CHANGED", f"ses_{session.id}", *about, session.id, to="ACTIVE")
        await _event("ASSESSMENT_STATUS_CHANGED", f"asm_{assessment.id}", *about, to="IN_PROGRESS")
    return session


def signed(assessment: str) -> str:
    """A token for the assessment."""
    return f"{assessment}.{hmac.new(SECRET, assessment.encode(), hashlib.sha256).hexdigest()}"


async def _event(
    kind: str, subject: str, task: UUID, ticket: UUID | None = None, session: UUID | None = None, **payload: Any
) -> None:
    filed: dict[str, Any] = {"task_id": task, "ticket_id": ticket, "session_id": session}
    await Event.create(organization_id=OWN, type=kind, subject=subject, payload=payload, **filed)
