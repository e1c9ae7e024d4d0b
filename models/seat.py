"""Where a candidate sits: all that decides whether a step can be begun, read together while nobody can change it."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

import errors
from models.actor import Actor
from models.assessment import Assessment
from models.changes import lock
from models.prepared import Joined
from models.task import Step, Task
from models.test import Test
from models.ticket import Ticket


class Seat(NamedTuple):
    """A step with its test and its task, and the ticket and the assessment by which its candidate is there.

    Their long texts and documents are not read: see `Test.count_questions`.
    """

    step: Step
    test: Test
    task: Task
    ticket: Ticket
    assessment: Assessment

    @classmethod
    async def held_by(cls, actor: Actor, step_id: UUID) -> Seat:
        """The candidate's seat at the step: the ticket locked, the task kept as it is. Raises NotFound."""
        await Ticket.lock(actor.ticket_id)
        await lock("SELECT 1 FROM task WHERE id = {0} FOR SHARE", actor.task_id)
        found = await _seats.one(step_id, actor.assessment_id, actor.ticket_id)
        if found is None:
            raise errors.NotFound
        return cls(*found)


_seats = Joined(
    "FROM assessment JOIN ticket ON ticket.id = assessment.ticket_id JOIN task ON task.id = ticket.task_id"
    " JOIN step ON step.task_id = task.id JOIN test ON test.id = step.test_id"
    " WHERE step.id = {0} AND assessment.id = {1} AND ticket.id = {2}",
    Step,
    Test,
    Task,
    Ticket,
    Assessment,
    briefly=True,
)
