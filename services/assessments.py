"""An assessment as its candidate finds it: the steps, what can be done with each now, and saying that one is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import errors
from models import (
    Actor,
    Assessment,
    AssessmentStatus,
    Candidate,
    Permission,
    Step,
    Task,
    Test,
    TestSession,
    Ticket,
    admission,
    clock,
)
from models.admission import StepState
from models.unit import transactional
from services import endings, sessions
from services.site import Site


@dataclass(frozen=True)
class Overview:
    """Everything that the list of tests shows."""

    assessment: Assessment
    task: Task
    ticket: Ticket
    candidate: Candidate
    steps: Sequence[StepState]
    can_complete: bool


async def overview(actor: Actor, assessment_id: UUID) -> Overview:
    """The assessment with its steps in order, for its candidate and for staff. Raises NotFound."""
    assessment = await Assessment.seen_by(actor, assessment_id)
    if not actor.is_candidate:
        actor.must(Permission.READ)
    task = await Task.seen_by(actor, assessment.task_id)
    ticket = await Ticket.seen_by(actor, assessment.ticket_id)
    sat = await TestSession.of_assessment(assessment.id)
    steps = await Step.visible_to(actor).filter(task_id=task.id).order_by("position")
    tests = {test.id: test for test in await Test.visible_to(actor).filter(id__in={step.test_id for step in steps})}
    now = clock.now()
    return Overview(
        assessment,
        task,
        ticket,
        await Candidate.seen_by(actor, ticket.candidate_id),
        [admission.standing(step, tests[step.test_id], assessment, task, ticket, sat, now) for step in steps],
        assessment.is_open and admission.completion_barrier(steps, sat) is None,
    )


@transactional
async def complete(site: Site, actor: Actor, assessment_id: UUID) -> Assessment:
    """The candidate says that they are done, though a test or an attempt is left; again changes nothing.

    Raises AssessmentEnded where it ended in another way, AnotherTestRunning, RequiredTestsUnfinished.
    """
    assessment = await Assessment.seen_by(actor, assessment_id)
    if not actor.is_candidate:
        raise errors.Forbidden("Only the candidate can do this.")
    ticket = await Ticket.hold(assessment.ticket_id)
    sat = await TestSession.of_assessment(assessment.id)
    await endings.settle_all(site, sat, ticket)
    await assessment.read_again()
    if assessment.status is AssessmentStatus.COMPLETED:
        return assessment
    if not assessment.is_open:
        raise errors.AssessmentEnded
    steps = await Step.visible_to(actor).filter(task_id=assessment.task_id)
    if barrier := admission.completion_barrier(steps, sat):
        raise barrier
    await endings.close(assessment, ticket, AssessmentStatus.COMPLETED, actor, clock.now())
    return assessment


async def finish_url(site: Site, actor: Actor, assessment: Assessment) -> str:
    """Where the candidate goes from an assessment in which a test has ended: as from its last one."""
    ended = [one for one in await TestSession.of_assessment(assessment.id) if one.spends_attempt and one.has_ended]
    last = max(ended, key=lambda session: (session.ended_at or clock.now(), session.id))
    return await sessions.finish_url(site, actor, last)


async def own(actor: Actor) -> Assessment | None:
    """The assessment that a candidate's credential is for; None for anybody else."""
    actor.organization  # noqa: B018  nobody signed in is told so
    if actor.assessment_id is None:
        return None
    return await Assessment.seen_by(actor, actor.assessment_id)
