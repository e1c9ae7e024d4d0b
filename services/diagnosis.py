"""Why a candidate can or cannot get in, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import errors
from models import (
    AccessLink,
    AccessLinkStatus,
    Actor,
    Assessment,
    Permission,
    Step,
    Task,
    TaskStatus,
    TestSession,
    Ticket,
    TicketStatus,
    admission,
    clock,
)

ADVICE: Mapping[type[errors.Refused], str] = {
    errors.TicketRevoked: "Issue a new ticket.",
    errors.TicketSuspended: "Restore the ticket.",
    errors.TicketConsumed: "Reinstate the last session, or issue a new ticket.",
    errors.TicketExpired: "Issue a ticket that is valid now, or open the task for longer.",
    errors.TicketNotYetValid: "Wait until then, or issue a ticket that is valid now.",
    errors.TaskNotOpen: "Open the task.",
}
_LINKS: Mapping[AccessLinkStatus, tuple[type[errors.Refused], str]] = {
    AccessLinkStatus.EXPIRED: (
        errors.LinkExpired,
        "Make a new link, or send the plain Access link, which has no expiry of its own.",
    ),
    AccessLinkStatus.REVOKED: (errors.LinkRevoked, "Make a new link."),
    AccessLinkStatus.SPENT: (errors.LinkSpent, "Make a new link, or send the plain Access link, which is not counted."),
}


@dataclass(frozen=True)
class Reason:
    """One thing in the way: the refusal's name, its sentence, and what staff can do."""

    code: str
    message: str
    advice: str


@dataclass(frozen=True)
class StepAttempts:
    """How many attempts at a step are used, of how many."""

    step: Step
    used: int
    limit: int | None


@dataclass(frozen=True)
class LinkState:
    """A shared link, and what is in its way; None while it works."""

    link: AccessLink
    reason: Reason | None


@dataclass(frozen=True)
class LastRefusal:
    """When somebody with the right code or link was last not let in, and the refusal they met."""

    code: str
    at: datetime


@dataclass(frozen=True)
class Diagnosis:
    """Everything that decides whether the ticket lets its candidate in now."""

    ticket_status: TicketStatus
    task_status: TaskStatus
    can_enter: bool
    reasons: Sequence[Reason]
    open_assessment: Assessment | None
    assessments_used: int
    assessments_allowed: int
    attempts: Sequence[StepAttempts]
    links: Sequence[LinkState]
    last_refusal: LastRefusal | None


async def of_ticket(actor: Actor, ticket_id: UUID) -> Diagnosis:
    """What staff need to know when somebody says that the code does not work. Raises NotFound."""
    ticket = await Ticket.seen_by(actor, ticket_id)
    actor.must(Permission.READ)
    now = clock.now()
    task = await Task.seen_by(actor, ticket.task_id)
    assessments = await Assessment.of_ticket(ticket)
    assessment = admission.open_among(assessments)
    sessions = await TestSession.of_assessment(assessment.id) if assessment else []
    barriers = admission.barriers(task, ticket, now)
    if admission.is_used_up(ticket, assessments) and ticket.status is not TicketStatus.CONSUMED:
        barriers.append(errors.TicketConsumed())
    comes_back = assessment is not None and admission.entry_barrier(task, ticket, assessments, sessions, now) is None
    steps = await Step.visible_to(actor).filter(task_id=task.id).order_by("position")
    links = await AccessLink.visible_to(actor).filter(ticket_id=ticket.id).order_by("id")
    return Diagnosis(
        ticket_status=ticket.status_at(now),
        task_status=task.status,
        can_enter=comes_back or not barriers,
        reasons=[_reason(barrier, ADVICE[type(barrier)]) for barrier in barriers],
        open_assessment=assessment,
        assessments_used=admission.assessments_used(assessments),
        assessments_allowed=ticket.assessments_allowed,
        attempts=[_attempts(step, sessions) for step in steps],
        links=[LinkState(link, _of_link(link.status_at(now))) for link in links],
        last_refusal=_last_refusal(ticket),
    )


def _last_refusal(ticket: Ticket) -> LastRefusal | None:
    if ticket.last_refusal is None or ticket.last_refused_at is None:
        return None
    return LastRefusal(ticket.last_refusal, ticket.last_refused_at)


def _reason(refused: errors.Refused, advice: str) -> Reason:
    return Reason(type(refused).__name__, refused.text, advice)


def _attempts(step: Step, sessions: Sequence[TestSession]) -> StepAttempts:
    used = admission.attempts_used([session for session in sessions if session.step_id == step.id])
    return StepAttempts(step, used, step.attempt_limit)


def _of_link(status: AccessLinkStatus) -> Reason | None:
    if status not in _LINKS:
        return None
    refused, advice = _LINKS[status]
    return _reason(refused(), advice)
