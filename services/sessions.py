"""Sitting a test: starting it, being there, handing it in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import errors
from models import (
    Actor,
    Assessment,
    AssessmentStatus,
    Organization,
    Permission,
    Step,
    Task,
    Test,
    TestSession,
    TestSessionStatus,
    Ticket,
    admission,
    clock,
    moves,
    unit,
)
from models.changes import add
from models.rows import new
from models.seat import Seat
from models.session import WAITING
from models.unit import transactional
from services import endings, timekeeping
from services.holding import held_by_candidate
from services.site import Site

S = TestSessionStatus


@transactional
async def start(site: Site, actor: Actor, step_id: UUID) -> TestSession:
    """Begin the step, or go on with it: one session, however often it is asked for.

    Where a proctor watches, the session waits to be admitted first, and starting again then begins it. Raises
    AttemptsSpent, AssessmentEnded, AnotherTestRunning, or why the ticket lets nobody begin now.
    """
    if actor.assessment_id is None:
        await Step.seen_by(actor, step_id)
        raise errors.Forbidden("Only a candidate can start a test.")
    seat = await Seat.held_by(actor, step_id)
    if await endings.settle_all(site, seat.sessions, seat.ticket):
        await seat.assessment.read_again()
    now = clock.now()
    if barrier := admission.start_barrier(seat.step, seat.assessment, seat.task, seat.ticket, seat.sessions, now):
        raise barrier
    mine = [session for session in seat.sessions if session.step_id == step_id]
    current = next((session for session in mine if session.is_unfinished), None)
    if current is None:
        attempt = max((session.attempt for session in mine), default=0) + 1
        return await _make(seat, attempt, actor)
    if current.status is S.READY:
        columns, opening = timekeeping.clockwork_of(seat.step, seat.test, seat.task, seat.ticket, clock.now())
        await moves.move(current, S.ACTIVE, actor, **columns)
        await _begun(current, seat.assessment, opening, actor)
    else:
        await present(current, actor)
    return current


@transactional
async def seen(site: Site, actor: Actor, session_id: UUID) -> TestSession:
    """The candidate is there: a session that was thought lost goes on."""
    session, ticket = await held_by_candidate(site, actor, session_id)
    await endings.settle(site, session, ticket)
    await present(session, actor)
    return session


@transactional
async def submit(site: Site, actor: Actor, session_id: UUID) -> TestSession:
    """Hand the test in; a session that has ended stays as it is. Raises ProctorAwaited or SessionPaused."""
    session, ticket = await held_by_candidate(site, actor, session_id)
    await endings.settle(site, session, ticket)
    if session.has_ended:
        return session
    must_run(session)
    await present(session, actor)
    await endings.end(session, ticket, S.SUBMITTED, actor, endings.moment_of_end(session))
    return session


async def current(site: Site, actor: Actor, session_id: UUID) -> TestSession:
    """The session as it is now: closed first, if its time is up, or interrupted, if its candidate is lost.

    Raises NotFound.
    """
    session = await TestSession.seen_by(actor, session_id)
    if not actor.is_candidate:
        actor.must(Permission.READ)
    now, limits = clock.now(), site.limits
    lost = timekeeping.is_lost(session, now, limits.silence)
    if lost or timekeeping.is_overdue(session, now, limits.answer_grace):
        await endings.catch_up(site, session)
    return session


async def finish_url(site: Site, actor: Actor, session: TestSession) -> str:
    """Where the candidate goes when the session has ended. Raises ValueError before that."""
    return site.urls.finish(
        await Organization.own(actor),
        await Task.seen_by(actor, session.task_id),
        await Ticket.seen_by(actor, session.ticket_id),
        await Assessment.seen_by(actor, session.assessment_id),
        session,
    )


@transactional
async def terminate_of_ticket(site: Site, actor: Actor, ticket: Ticket, reason: str | None = None) -> None:
    """End every unfinished session of the ticket; those that never began are cancelled. No permission is checked.

    One whose time was up has ended at its deadline, though the server had not closed it yet.
    """
    ticket = await Ticket.hold(ticket.id)
    for session in await TestSession.unfinished_of(ticket):
        await endings.settle(site, session, ticket)
        if session.is_unfinished:
            await endings.stop(session, ticket, actor, reason)


def must_run(session: TestSession) -> None:
    """Raise ProctorAwaited before the beginning, SessionPaused while a proctor has stopped it."""
    if session.status in WAITING:
        raise errors.ProctorAwaited
    if session.status is S.PAUSED:
        raise errors.SessionPaused


async def present(session: TestSession, actor: Actor) -> None:
    """Note that the candidate is there, and take an interrupted session up again."""
    now = clock.now()
    if session.status is S.INTERRUPTED:
        await timekeeping.give_back(session, now, actor)
        await moves.move(session, S.ACTIVE, actor, last_seen_at=now)
    elif session.is_unfinished:
        await session.store(last_seen_at=now)


async def _make(seat: Seat, attempt: int, actor: Actor) -> TestSession:
    step, test, task, ticket, assessment, _ = seat
    begins: dict[str, Any] = {"status": S.AWAITING_PROCTOR, "last_seen_at": clock.now()}
    opening: list[timekeeping.Opening] = []
    if not task.is_proctored:
        columns, opening = timekeeping.clockwork_of(step, test, task, ticket, clock.now())
        begins = {"status": S.ACTIVE, **columns}
    session = new(
        TestSession,
        organization_id=assessment.organization_id,
        task_id=task.id,
        ticket_id=ticket.id,
        assessment_id=assessment.id,
        step_id=step.id,
        test_id=test.id,
        attempt=attempt,
        total=await Test.count_questions(test.id),
        **begins,
    )
    unit.be_sure()
    if not await add(session, is_first=True):  # the partial unique indexes have the last word, whatever was read
        raise errors.AnotherTestRunning
    moves.begin(session, actor)
    if session.has_begun:
        await _begun(session, assessment, opening, actor)
    return session


async def _begun(
    session: TestSession, assessment: Assessment, opening: list[timekeeping.Opening], actor: Actor
) -> None:
    """The clock has started: write the ledger's first entries, which the deadline counts, and go IN_PROGRESS."""
    for seconds, cause in opening:
        await timekeeping.enter(session, seconds, cause, actor)
    if assessment.status is AssessmentStatus.CREATED:
        await moves.move(assessment, AssessmentStatus.IN_PROGRESS, actor)
