"""Where a candidate is: all that decides who comes in and what can be begun, read together while nobody changes it."""

from __future__ import annotations

from typing import NamedTuple, Self
from uuid import UUID

from tortoise import Model
from tortoise.exceptions import DoesNotExist

import errors
from models.actor import Actor
from models.assessment import Assessment
from models.changes import lock
from models.prepared import Joined
from models.session import TestSession
from models.task import Step, Task, can_be_slug
from models.test import Test
from models.ticket import Ticket, normalise


class Arrival(NamedTuple):
    """A ticket with its task, and every assessment that it was used for, oldest first.

    Only what decides who may come in is read of the ticket and the task: see `_ONLY`.
    """

    ticket: Ticket
    task: Task
    assessments: list[Assessment]

    @classmethod
    async def by_code(cls, slug: str, code: str) -> Self | None:
        """Of the ticket with this code, however it was typed, of the task with this slug: the code is the authority.

        The ticket is locked, and its task is kept as it is until the transaction ends.
        """
        if not can_be_slug(slug):
            return None
        this = slug, normalise(code)
        await lock(_LOCK_CODED, *this)
        await lock(_KEEP_TASK_OF_CODED, *this)
        found = await _arrivals_by_code.one(*this)
        return None if found is None else cls(*found)

    @classmethod
    async def held_by(cls, ticket_id: UUID) -> Self:
        """Of the ticket, whose lock is held; its task is kept as it is until the transaction ends."""
        await lock("SELECT 1 FROM task WHERE id = (SELECT task_id FROM ticket WHERE id = {0}) FOR SHARE", ticket_id)
        found = await _arrivals.one(ticket_id)
        if found is None:
            raise DoesNotExist(Ticket)
        return cls(*found)


class Seat(NamedTuple):
    """A step with its test and its task, the ticket and the assessment by which its candidate is there, and every
    session of the assessment, oldest first.

    Only what decides who may begin is read of them, and the sessions: see `_ONLY`, and `Test.count_questions`.
    """

    step: Step
    test: Test
    task: Task
    ticket: Ticket
    assessment: Assessment
    sessions: list[TestSession]

    @classmethod
    async def held_by(cls, actor: Actor, step_id: UUID) -> Self:
        """The candidate's seat at the step: the ticket locked, the task kept as it is. Raises NotFound."""
        await Ticket.lock(actor.ticket_id)
        await lock("SELECT 1 FROM task WHERE id = {0} FOR SHARE", actor.task_id)
        found = await _seats.one(step_id, actor.assessment_id, actor.ticket_id)
        if found is None:
            raise errors.NotFound
        return cls(*found)


_ONLY: dict[type[Model], tuple[str, ...]] = {
    Step: ("id", "attempt_limit", "duration_seconds"),
    Test: ("id", "duration_seconds"),
    Task: ("id", "status", "opens_at", "closes_at", "proctoring"),
    Ticket: (
        *("id", "organization_id", "task_id", "candidate_id", "status", "valid_from", "valid_until"),
        *("extra_time_percent", "assessments_allowed"),
    ),
}
_LOCK_CODED = "SELECT 1 FROM ticket WHERE code = {1} AND task_id = (SELECT id FROM task WHERE slug = {0}) FOR UPDATE"
_KEEP_TASK_OF_CODED = (  # of no other: whoever guesses locks nothing
    "SELECT 1 FROM task WHERE slug = {0} AND id = (SELECT task_id FROM ticket WHERE code = {1}) FOR SHARE"
)
_ARRIVAL = "FROM ticket JOIN task ON task.id = ticket.task_id LEFT JOIN assessment ON assessment.ticket_id = ticket.id"
_arrivals, _arrivals_by_code = (
    Joined(f"{_ARRIVAL} WHERE {which}", Ticket, Task, many=Assessment, only=_ONLY, about=Ticket)
    for which in ("ticket.id = {0}", "task.slug = {0} AND ticket.code = {1}")
)
_seats = Joined(
    "FROM assessment JOIN ticket ON ticket.id = assessment.ticket_id JOIN task ON task.id = ticket.task_id"
    " JOIN step ON step.task_id = task.id JOIN test ON test.id = step.test_id"
    " LEFT JOIN test_session ON test_session.assessment_id = assessment.id"
    " WHERE step.id = {0} AND assessment.id = {1} AND ticket.id = {2}",
    Step,
    Test,
    Task,
    Ticket,
    Assessment,
    many=TestSession,
    only=_ONLY | {Assessment: ("id", "organization_id", "task_id", "ticket_id", "status")},
    about=Ticket,
)
