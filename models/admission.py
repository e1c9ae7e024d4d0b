"""Who may come in and begin now, and why not: pure rules over rows that somebody else has read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import errors
from models.assessment import Assessment, AssessmentStatus
from models.session import BEGUN, TestSession, TestSessionStatus
from models.task import Step, Task
from models.test import Test
from models.ticket import Ticket, TicketStatus

_OF_TICKET: Mapping[TicketStatus, type[errors.Refused]] = {
    TicketStatus.REVOKED: errors.TicketRevoked,
    TicketStatus.SUSPENDED: errors.TicketSuspended,
    TicketStatus.CONSUMED: errors.TicketConsumed,
    TicketStatus.EXPIRED: errors.TicketExpired,
    TicketStatus.SCHEDULED: errors.TicketNotYetValid,
}


@dataclass(frozen=True)
class StepState:
    """Whether a candidate can start or go on with a step now; `reason` says why not. `session` is its newest.

    `attempts_left` None means as many as one likes.
    """

    step: Step
    test: Test
    can_start: bool
    reason: str | None
    session: TestSession | None
    attempts_left: int | None


def withdrawn(ticket: Ticket) -> errors.Refused | None:
    """Why even a candidate who is waiting may not begin; None if staff did not take the ticket back."""
    if ticket.status in (TicketStatus.REVOKED, TicketStatus.SUSPENDED):
        return _OF_TICKET[ticket.status]()
    return None


def barriers(task: Task, ticket: Ticket, now: datetime) -> list[errors.Refused]:
    """Everything that keeps somebody with this ticket from entering or starting anew, the ticket's own first."""
    found: list[errors.Refused] = []
    status = ticket.status_at(now)
    if status in _OF_TICKET:
        found.append(_OF_TICKET[status]())
    if ticket.has_expired(now) and status is not TicketStatus.EXPIRED:
        found.append(errors.TicketExpired())
    if not task.is_open:
        found.append(errors.TaskNotOpen())
    if task.opens_at is not None and now < task.opens_at:
        found.append(errors.TicketNotYetValid("It is too early: this task opens later."))
    if has_closed(task, now):
        found.append(errors.TicketExpired("It is too late: this task has closed."))
    return found


def has_closed(task: Task, now: datetime) -> bool:
    """Whether the task's window has passed."""
    return task.closes_at is not None and now >= task.closes_at


def lapses_at(task: Task, ticket: Ticket) -> datetime | None:
    """When the time for the task passes, by its own window or the ticket's; None for never."""
    return min((end for end in (task.closes_at, ticket.valid_until) if end is not None), default=None)


def open_among(assessments: Sequence[Assessment]) -> Assessment | None:
    """The open one of a ticket's assessments, if there is one."""
    return next((one for one in assessments if one.is_open), None)


def assessments_used(assessments: Sequence[Assessment]) -> int:
    """How many of a ticket's assessments count against what it allows."""
    return sum(one.status is not AssessmentStatus.CANCELLED for one in assessments)


def is_used_up(ticket: Ticket, assessments: Sequence[Assessment]) -> bool:
    """Whether none of the ticket's assessments is open, and it allows no other."""
    return open_among(assessments) is None and assessments_used(assessments) >= ticket.assessments_allowed


def is_sitting(sessions: Sequence[TestSession]) -> bool:
    """Whether their candidate has begun a test that is not over."""
    return any(session.status in BEGUN for session in sessions)


def entry_barrier(
    task: Task,
    ticket: Ticket,
    assessments: Sequence[Assessment],
    sessions: Sequence[TestSession],
    now: datetime,
) -> errors.Refused | None:
    """Why the candidate may not come in; `assessments` are the ticket's, `sessions` those of the open one.

    Whoever has begun a test comes back to it whatever has happened since; whoever waits for a proctor does unless the
    ticket was withdrawn. Whose last assessment ran out of time is told so, and not that the tests are finished.
    """
    unfinished = [session for session in sessions if session.is_unfinished]
    if is_sitting(sessions):
        return None
    if unfinished:
        return withdrawn(ticket)
    found = barriers(task, ticket, now)
    if assessments and assessments[-1].status is AssessmentStatus.LAPSED and ticket.status is TicketStatus.CONSUMED:
        found.sort(key=lambda one: not isinstance(one, errors.TicketExpired))
    if is_used_up(ticket, assessments):
        found.append(errors.TicketConsumed())
    return next(iter(found), None)


def start_barrier(
    step: Step, assessment: Assessment, task: Task, ticket: Ticket, sessions: Sequence[TestSession], now: datetime
) -> errors.Refused | None:
    """Why the candidate may not begin the step; `sessions` are all of the assessment. A begun one goes on."""
    own = [session for session in sessions if session.step_id == step.id]
    unfinished = next((session for session in sessions if session.is_unfinished), None)
    current = next((session for session in own if session.is_unfinished), None)
    if current is not None:
        return _waiting_barrier(current, task, ticket, now)
    if attempts_left(step, sessions) == 0:
        return errors.AttemptsSpent()
    if not assessment.is_open:
        return errors.AssessmentEnded()
    if unfinished is not None:
        return errors.AnotherTestRunning()
    return next(iter(barriers(task, ticket, now)), None)


def _waiting_barrier(session: TestSession, task: Task, ticket: Ticket, now: datetime) -> errors.Refused | None:
    """Why a session that exists does not become ACTIVE. A ticket that expired in the waiting room does not."""
    if session.status is not TestSessionStatus.READY:
        return None
    if has_closed(task, now):
        return errors.TicketExpired("It is too late: this task has closed.")
    return withdrawn(ticket)


def attempts_used(sessions: Sequence[TestSession]) -> int:
    """How many of these sessions of one step count as attempts."""
    return sum(session.spends_attempt for session in sessions)


def attempts_left(step: Step, sessions: Sequence[TestSession]) -> int | None:
    """How many more attempts there are at the step; None for as many as one likes. `sessions` are of any steps."""
    if step.attempt_limit is None:
        return None
    return max(0, step.attempt_limit - attempts_used([one for one in sessions if one.step_id == step.id]))


def completion_barrier(steps: Sequence[Step], sessions: Sequence[TestSession]) -> errors.Refused | None:
    """Why the assessment cannot be complete yet; `steps` and `sessions` are all of it."""
    if any(session.is_unfinished for session in sessions):
        return errors.AnotherTestRunning()
    sat = {session.step_id for session in sessions if session.spends_attempt}
    if not sat or not sat.issuperset(step.id for step in steps if step.required):
        return errors.RequiredTestsUnfinished()
    return None


def nothing_is_left(steps: Sequence[Step], sessions: Sequence[TestSession]) -> bool:
    """Whether the assessment is complete by itself: what is required is done, and no step has an attempt left."""
    return completion_barrier(steps, sessions) is None and all(attempts_left(step, sessions) == 0 for step in steps)


def standing(  # noqa: PLR0913, PLR0917  it answers with what the rule looked at
    step: Step,
    test: Test,
    assessment: Assessment,
    task: Task,
    ticket: Ticket,
    sessions: Sequence[TestSession],
    now: datetime,
) -> StepState:
    """How the candidate stands to one step."""
    newest = max((one for one in sessions if one.step_id == step.id), key=lambda one: one.attempt, default=None)
    barrier = start_barrier(step, assessment, task, ticket, sessions, now)
    if barrier is None and newest is not None and newest.status is TestSessionStatus.AWAITING_PROCTOR:
        barrier = errors.ProctorAwaited()
    if barrier is None and newest is not None and newest.status is TestSessionStatus.PAUSED:
        barrier = errors.SessionPaused()
    reason = None if barrier is None else barrier.text
    return StepState(step, test, barrier is None, reason, newest, attempts_left(step, sessions))
