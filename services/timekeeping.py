"""A session's time: what it begins with, and every second given or taken since, in the ledger."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from models import Actor, EventType, Step, Task, Test, TestSession, TestSessionStatus, Ticket, TimeAdjustment, TimeCause
from models.event import record
from models.ledger import deadline

Opening = tuple[int, TimeCause]


def base_seconds(step: Step, test: Test, task: Task, now: datetime) -> int | None:
    """The step's time limit, or the test's, or the time until the task closes; None without any of them."""
    seconds = step.duration_seconds or test.duration_seconds
    if seconds is None and task.closes_at is not None:
        return math.floor((task.closes_at - now).total_seconds())
    return seconds


def openings(base: int | None, task: Task, ticket: Ticket, now: datetime) -> Iterator[Opening]:
    """What the ledger begins with: what the task's closing cuts off, then the ticket's extra time, which is not cut."""
    if base is None:
        return
    if task.closes_at is not None:
        over = math.ceil((now + timedelta(seconds=base) - task.closes_at).total_seconds())
        if over > 0:
            yield -over, TimeCause.WINDOW
    if ticket.extra_time_percent:
        yield math.ceil(base * ticket.extra_time_percent / 100), TimeCause.ACCOMMODATION


def clockwork_of(
    step: Step, test: Test, task: Task, ticket: Ticket, now: datetime
) -> tuple[dict[str, Any], list[Opening]]:
    """The columns of a session whose clock starts now, and what its ledger begins with."""
    base = base_seconds(step, test, task, now)
    opening = list(openings(base, task, ticket, now))
    ends = None if base is None else deadline(now, base, (seconds for seconds, _ in opening))
    return {"started_at": now, "last_seen_at": now, "base_seconds": base, "deadline_at": ends}, opening


async def adjust(session: TestSession, seconds: int, cause: TimeCause, actor: Actor, reason: str | None = None) -> None:
    """Enter the seconds in the ledger and move the deadline by them; an untimed session has neither."""
    if session.deadline_at is None or not seconds:
        return
    await enter(session, seconds, cause, actor, reason)
    await session.store(deadline_at=session.deadline_at + timedelta(seconds=seconds))


async def enter(session: TestSession, seconds: int, cause: TimeCause, actor: Actor, reason: str | None = None) -> None:
    """Enter in the ledger seconds that the deadline already counts."""
    await TimeAdjustment.create(
        organization_id=session.organization_id,
        session_id=session.id,
        seconds=seconds,
        cause=cause,
        reason=reason,
        actor=actor.gid,
    )
    record(EventType.TIME_ADJUSTED, session.gid, actor, **session.concerns(), seconds=seconds, cause=cause)


def stopped_seconds(session: TestSession, now: datetime) -> int:
    """How long the clock has stood still, in whole seconds, rounded up in the candidate's favour."""
    return math.ceil((now - session.stopped_at).total_seconds()) if session.stopped_at else 0


async def give_back(session: TestSession, now: datetime, actor: Actor) -> None:
    """Enter the time that the clock stood still, and let it stand no longer. The status is the caller's to move."""
    if session.stopped_at is None:
        return
    paused = session.status is TestSessionStatus.PAUSED
    seconds = stopped_seconds(session, now)
    await adjust(session, seconds, TimeCause.PAUSE if paused else TimeCause.INTERRUPTION, actor)
    await session.store(stopped_at=None)


def is_lost(session: TestSession, now: datetime, silence: timedelta) -> bool:
    """Whether nothing was heard of the active session's candidate for longer than that."""
    heard_of = session.last_seen_at
    return session.status is TestSessionStatus.ACTIVE and heard_of is not None and heard_of < now - silence


def is_overdue(session: TestSession, now: datetime, grace: timedelta) -> bool:
    """Whether the running session's deadline and its grace have passed."""
    return session.clock_runs and session.deadline_at is not None and now >= session.deadline_at + grace


def is_late(session: TestSession, now: datetime, grace: timedelta) -> bool:
    """Whether an answer that comes now comes too late to be kept."""
    return session.clock_runs and session.deadline_at is not None and now > session.deadline_at + grace
