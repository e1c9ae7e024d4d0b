"""What a proctor does to a session: letting it begin, stopping and starting its clock, ending it, bringing it back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import errors
from models import (
    Actor,
    Assessment,
    AssessmentStatus,
    Permission,
    TestSession,
    TestSessionStatus,
    Ticket,
    TicketStatus,
    TimeCause,
    admission,
    clock,
    moves,
)
from models.session import ENDED, RUNNING, UNFINISHED
from models.unit import transactional
from services import endings, results, texts, timekeeping
from services.holding import all_locked, chosen, held, must_be
from services.site import Site

REASON = 500
MOST = 7 * 86_400  # seconds in one adjustment
S = TestSessionStatus


@dataclass(frozen=True)
class Change:
    """Seconds to give, or to take if negative, and why."""

    seconds: int
    cause: TimeCause = TimeCause.PROCTOR
    reason: str | None = None


@transactional
async def admit(site: Site, actor: Actor, session_id: UUID) -> TestSession:
    """Let the candidate begin: the clock starts when they do. Raises MoveNotAllowed."""
    session, _ = await held(site, actor, session_id, Permission.PROCTOR)
    await moves.move(session, S.READY, actor)
    return session


@transactional
async def pause(site: Site, actor: Actor, session_id: UUID, reason: str | None) -> TestSession:
    """Stop a running session's clock. Raises MoveNotAllowed, InvalidInput."""
    session, _ = await held(site, actor, session_id, Permission.PROCTOR)
    why = texts.optional_line("reason", reason, REASON)
    _must_not_be_over(site, session, S.PAUSED)
    must_be(session, RUNNING, S.PAUSED)
    now = endings.moment_of_end(session)  # within the grace no time is left, and none is made
    await timekeeping.give_back(session, now, actor)
    await moves.move(session, S.PAUSED, actor, status_reason=why, stopped_at=now)
    return session


@transactional
async def resume(site: Site, actor: Actor, session_id: UUID) -> TestSession:
    """Start a paused session's clock again; the ledger gives back what the pause took. Raises MoveNotAllowed."""
    session, _ = await held(site, actor, session_id, Permission.PROCTOR)
    must_be(session, (S.PAUSED,), S.ACTIVE)
    now = clock.now()
    await timekeeping.give_back(session, now, actor)
    await moves.move(session, S.ACTIVE, actor, last_seen_at=now)
    return session


@transactional
async def terminate(site: Site, actor: Actor, session_id: UUID, reason: str | None) -> TestSession:
    """End an unfinished session, answers kept, or cancel one that never began. Raises MoveNotAllowed, InvalidInput."""
    session, ticket = await held(site, actor, session_id, Permission.PROCTOR)
    why = texts.optional_line("reason", reason, REASON)
    _must_not_be_over(site, session, S.TERMINATED)
    must_be(session, UNFINISHED, S.TERMINATED)
    await endings.stop(session, ticket, actor, why)
    return session


@transactional
async def reinstate(site: Site, actor: Actor, session_id: UUID, seconds: int, reason: str | None) -> TestSession:
    """Bring an ended session back, paused, with the time that was left at its end and `seconds` more.

    What it scored counts no more. Raises MoveNotAllowed, InvalidInput, TicketRevoked, AssessmentEnded for a cancelled
    assessment, and AnotherTestRunning while the candidate is busy with another session or assessment.
    """
    session, ticket = await held(site, actor, session_id, Permission.PROCTOR)
    why = texts.optional_line("reason", reason, REASON)
    if not 0 <= seconds <= MOST:
        raise errors.InvalidInput("seconds", f"Give between 0 and {MOST:,} seconds.")
    must_be(session, ENDED if session.has_begun else (), S.PAUSED)
    if ticket.status is TicketStatus.REVOKED:
        raise errors.TicketRevoked
    await _reopen(session, ticket, actor)
    now = clock.now()
    session.stopped_at = session.stopped_at or session.ended_at
    away = timekeeping.stopped_seconds(session, now)
    await timekeeping.adjust(session, away + seconds, TimeCause.REINSTATEMENT, actor, why)
    await moves.move(session, S.PAUSED, actor, status_reason=why, stopped_at=now, ended_at=None)
    await results.withdraw(session)
    return session


@transactional
async def adjust(
    site: Site, actor: Actor, session_ids: Sequence[UUID] | None, task_id: UUID | None, change: Change
) -> Sequence[TestSession]:
    """Give or take time, at once: in these sessions, or in all of the task that have begun and have a deadline.

    More than what is left cannot be taken: the ledger tells what was. Raises BadRequest unless exactly one of the two
    is given, NotFound, TooManyRows, InvalidInput, SessionEnded.
    """
    wanted = await chosen(site, actor, session_ids, task_id, status__in=UNFINISHED)
    actor.must(Permission.PROCTOR)
    why = texts.optional_line("reason", change.reason, REASON)
    if not 0 < abs(change.seconds) <= MOST:
        raise errors.InvalidInput("seconds", f"Give or take between 1 and {MOST:,} seconds.")
    sessions = await all_locked(site, actor, wanted)
    if task_id is not None:
        sessions = [session for session in sessions if _can_be_adjusted(site, session)]
    for session in sessions:
        _must_be_adjustable(site, session)
        await timekeeping.adjust(session, _takeable(session, change.seconds), change.cause, actor, why)
    return sessions


def _can_be_adjusted(site: Site, session: TestSession) -> bool:
    return session.is_unfinished and session.is_timed and not _is_over(site, session)


def _must_be_adjustable(site: Site, session: TestSession) -> None:
    if session.has_ended or _is_over(site, session):
        raise errors.SessionEnded
    if not session.is_timed:
        raise errors.InvalidInput(
            "testSessionIds", "One of these has no clock: it has not begun, or it has no time limit."
        )


def _takeable(session: TestSession, seconds: int) -> int:
    """The seconds to enter: the deadline never goes behind the present."""
    left = session.remaining(clock.now()) or timedelta(0)
    return max(seconds, -math.floor(left.total_seconds()))


async def _reopen(session: TestSession, ticket: Ticket, actor: Actor) -> None:
    """Open the session's assessment and ticket again."""
    assessment = await Assessment.seen_by(actor, session.assessment_id)
    if assessment.status is AssessmentStatus.CANCELLED:
        raise errors.AssessmentEnded
    if await TestSession.unfinished_of(ticket):
        raise errors.AnotherTestRunning
    if not assessment.is_open:
        if admission.open_among(await Assessment.of_ticket(ticket)):
            raise errors.AnotherTestRunning("The candidate has opened another assessment since.")
        await moves.move(assessment, AssessmentStatus.IN_PROGRESS, actor, ended_at=None)
    if ticket.status is TicketStatus.CONSUMED:
        await moves.move(ticket, TicketStatus.ACTIVATED, actor)


def _is_over(site: Site, session: TestSession) -> bool:
    return timekeeping.is_overdue(session, clock.now(), site.limits.answer_grace)


def _must_not_be_over(site: Site, session: TestSession, wanted: TestSessionStatus) -> None:
    """A session whose time is up has ended, even in the second before the server closes it."""
    if _is_over(site, session):
        raise errors.MoveNotAllowed(S.TIMED_OUT, wanted)
