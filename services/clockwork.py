"""What time does by itself, whether or not anybody asks: deadlines close sessions, closing times end assessments."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import errors
from models import (
    Assessment,
    AssessmentStatus,
    Step,
    Task,
    TestSession,
    TestSessionStatus,
    Ticket,
    admission,
    clock,
    system,
)
from models.base import Owned
from models.unit import transactional
from services import endings
from services.holding import notice
from services.site import Site

log = logging.getLogger("admit.clockwork")

R = TypeVar("R", bound=Owned)
LAPSE_SECONDS = 60  # nobody enters in the meantime: it is only noted
AT_ONCE = 500  # rows in one sweep; the next is a moment away
TOGETHER = 8  # of these: SQLite commits them as one, and of the connections to PostgreSQL some are left to others


async def run(site: Site, sweep_seconds: float) -> None:
    """Sweep for ever. Nothing that goes wrong in a sweep stops the next; cancel it to stop."""
    seconds = asyncio.get_running_loop().time
    lapsing_at = seconds()
    while True:
        await asyncio.sleep(sweep_seconds)
        try:
            await note_lost(site)
            await close_overdue(site)
            if seconds() >= lapsing_at and await note_lapsed() < AT_ONCE:
                lapsing_at = seconds() + LAPSE_SECONDS
        except errors.Unavailable:
            pass  # the database said so in the log; the next sweep finds what this one left
        except Exception:
            log.exception("a sweep failed; the next goes on")


async def close_overdue(site: Site) -> int:
    """Close, as of their deadline, the sessions whose deadline and grace have passed; returns how many."""
    overdue = await TestSession.overdue(clock.now() - site.limits.answer_grace).limit(AT_ONCE)
    return await _each(overdue, lambda session: endings.catch_up(site, session))


async def note_lost(site: Site) -> int:
    """Mark as INTERRUPTED the active sessions of which nothing was heard for too long; returns how many."""
    noted, more = 0, True
    while more:
        silent = await TestSession.silent(clock.now() - site.limits.silence).limit(AT_ONCE)
        found = await _each(silent, lambda session: _interrupt(site, session))
        noted += found
        more = found > 0 and len(silent) >= AT_ONCE  # of those that are left the next sweep finds the rest
    return noted


async def note_lapsed() -> int:
    """End the open assessments whose time has passed and whose candidates sit no test; returns how many.

    Whoever still waits for a proctor when the task closes can never begin: those sessions are cancelled.
    """
    late = await Assessment.lapsing(clock.now()).limit(AT_ONCE)
    return await _each(late, _lapse)


@transactional
async def _lapse(assessment: Assessment) -> bool:
    ticket = await Ticket.hold(assessment.ticket_id)
    await assessment.read_again()
    actor = system(assessment.organization_id)
    task = await Task.seen_by(actor, assessment.task_id)
    passed = assessment.lapses_at
    sessions = await TestSession.of_assessment(assessment.id)
    unfinished = [session for session in sessions if session.is_unfinished]
    hopeless = admission.has_closed(task, clock.now()) and not any(session.has_begun for session in unfinished)
    if passed is None or clock.now() < passed or not assessment.is_open or (unfinished and not hopeless):
        return False
    for session in unfinished:
        await endings.end(session, ticket, TestSessionStatus.CANCELLED, actor, task.closes_at or passed)
    # extra time lifts the closing time: what was sat after it was still in time
    ended_at = max([passed, *(session.ended_at for session in sessions if session.ended_at)])
    steps = await Step.visible_to(actor).filter(task_id=assessment.task_id)
    done = admission.completion_barrier(steps, sessions) is None  # all that is required: what was left was optional
    to = AssessmentStatus.COMPLETED if done else AssessmentStatus.LAPSED
    await endings.close(assessment, ticket, to, actor, ended_at)
    return True


@transactional
async def _interrupt(site: Site, session: TestSession) -> bool:
    await Ticket.hold(session.ticket_id)
    await session.read_again()
    return await notice(site, session)


async def _each(rows: Sequence[R], work: Callable[[R], Awaitable[bool]]) -> int:
    """Do the work for each, some at once; one that fails does not keep the others from it. How many answered True."""
    done = 0
    for start in range(0, len(rows), TOGETHER):
        some = rows[start : start + TOGETHER]
        outcomes = await asyncio.gather(*map(work, some), return_exceptions=True)
        for row, outcome in zip(some, outcomes, strict=True):
            if isinstance(outcome, bool):
                done += outcome
            elif isinstance(outcome, errors.Unavailable) or not isinstance(outcome, Exception):
                raise outcome
            else:
                log.error("%s was left for the next sweep", row.gid, exc_info=outcome)
    return done
