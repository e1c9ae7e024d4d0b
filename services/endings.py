"""How a session ends, and what follows: its score, the end of its assessment, the use of its ticket."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from models import (
    Actor,
    Assessment,
    AssessmentStatus,
    GradingStatus,
    Step,
    TestSession,
    TestSessionStatus,
    Ticket,
    TicketStatus,
    admission,
    clock,
    moves,
    system,
)
from models.unit import transactional
from services import results, timekeeping
from services.holding import locked, notice
from services.site import Site


async def end(
    session: TestSession, ticket: Ticket, to: TestSessionStatus, actor: Actor, at: datetime, **changes: Any
) -> None:
    """End the session (and set `changes`), score it, and finish its assessment if that was the last.

    The ticket's lock is held.
    """
    gradable = to is not TestSessionStatus.CANCELLED
    pending = {"grading": GradingStatus.PENDING} if gradable else {}
    await moves.move(session, to, actor, ended_at=at, **pending, **changes)
    if gradable:
        await results.grade(session, actor)
    await _complete(session.assessment_id, ticket, actor, at)


@transactional
async def catch_up(site: Site, session: TestSession) -> bool:
    """Bring the session to where time has brought it; False if it need not be closed, or somebody was quicker."""
    session, ticket = await locked(site, session)
    return await settle(site, session, ticket)


async def settle(site: Site, session: TestSession, ticket: Ticket) -> bool:
    """Close the session at its deadline if that and the grace have passed; whether it was. The ticket's lock is held.

    Whoever was lost is so first: where the task stops the clock, the deadline waited for them.
    """
    await notice(site, session)
    if not timekeeping.is_overdue(session, clock.now(), site.limits.answer_grace):
        return False
    by = system(session.organization_id)
    await end(session, ticket, TestSessionStatus.TIMED_OUT, by, session.deadline_at or clock.now())
    return True


async def settle_all(site: Site, sessions: Sequence[TestSession], ticket: Ticket) -> bool:
    """The same for all of an assessment's; whether any was closed, and with it perhaps the assessment."""
    return any([await settle(site, session, ticket) for session in sessions])


async def stop(session: TestSession, ticket: Ticket, actor: Actor, reason: str | None) -> None:
    """Terminate a session that has begun, cancel one that waits; the ticket's lock is held."""
    to = TestSessionStatus.TERMINATED if session.has_begun else TestSessionStatus.CANCELLED
    await end(session, ticket, to, actor, moment_of_end(session), status_reason=reason)


def moment_of_end(session: TestSession) -> datetime:
    """When a session that is ended now has ended: within the grace, at its deadline."""
    now = clock.now()
    return min(now, session.deadline_at) if session.deadline_at and session.clock_runs else now


async def _complete(assessment_id: UUID, ticket: Ticket, actor: Actor, at: datetime) -> None:
    """Complete the assessment if nothing is left to do in it."""
    assessment = await Assessment.seen_by(actor, assessment_id)
    if assessment.status is not AssessmentStatus.IN_PROGRESS:
        return
    steps = await Step.visible_to(actor).filter(task_id=assessment.task_id)
    if admission.nothing_is_left(steps, await TestSession.of_assessment(assessment_id)):
        await close(assessment, ticket, AssessmentStatus.COMPLETED, actor, at)


async def close(assessment: Assessment, ticket: Ticket, to: AssessmentStatus, actor: Actor, at: datetime) -> None:
    """End the assessment, and use the ticket up if it allows no other; the ticket's lock is held."""
    await moves.move(assessment, to, actor, ended_at=at)
    spent = admission.assessments_used(await Assessment.of_ticket(ticket)) >= ticket.assessments_allowed
    if spent and ticket.status is TicketStatus.ACTIVATED:
        await moves.move(ticket, TicketStatus.CONSUMED, actor)
