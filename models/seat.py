"""Where a candidate is: all that decides who comes in and what can be begun, read together while nobody changes it."""

from __future__ import annotations

from typing import NamedTuple, Self
from uuid import UUID

from tortoise.exceptions import DoesNotExist

import errors
from models.actor import Actor
from models.assessment import Assessment
from models.changes import lock
from models.prepared import Joined
from models.session import TestSession
from models.task import Step, Task
from models.test import Test
from models.ticket import Ticket


class Arrival(NamedTuple):
    """A ticket with its task, and every assessment that it was used for, oldest first."""

    ticket: Ticket
    task: Task
    assessments: list[Assessment]

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

    Their long texts and documents are not read: see `Test.count_questions`.
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


_arrivals = Joined(
    "FROM ticket JOIN task ON task.id = ticket.task_id LEFT JOIN assessment ON assessment.ticket_id = ticket.id"
    " WHERE ticket.id = {0} ORDER BY assessment.id",
    Ticket,
    Task,
    many=Assessment,
)
_seats = Joined(
    "FROM assessment JOIN ticket ON ticket.id = assessment.ticket_id JOIN task ON task.id = ticket.task_id"
    " JOIN step ON step.task_id = task.id JOIN test ON test.id = step.test_id"
    " LEFT JOIN test_session ON test_session.assessment_id = assessment.id"
    " WHERE step.id = {0} AND assessment.id = {1} AND ticket.id = {2} ORDER BY test_session.id",
    Step,
    Test,
    Task,
    Ticket,
    Assessment,
    many=TestSession,
    briefly=True,
)
