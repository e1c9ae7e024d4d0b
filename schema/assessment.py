"""Assessments: one entry of a ticket into its task."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

import models
from models import admission, clock
from models.admission import StepState
from schema.context import Info
from schema.enums import AssessmentStatus
from schema.node import Node, column, connection, lazy, relation, view

_Step = lazy("schema.task.Step")
_TestSession = lazy("schema.session.TestSession")


@strawberry.type(description="How the candidate stands to one step of the assessment.")
class AssessmentStep:
    """View of models.admission.StepState."""

    can_start: bool = column("Whether startTest begins it, or goes on with it, now.")
    reason: str | None = column("Why not, in one sentence; null if it can be started.")
    attempts_left: int | None = column("How many more attempts there are; null for as many as one likes.")

    @strawberry.field(description="The step.", graphql_type=_Step)
    @staticmethod
    def step(root: strawberry.Parent[StepState]) -> models.Step:
        """Read with its standing."""
        return root.step

    @strawberry.field(description="Its newest session; null before the first.", graphql_type=_TestSession | None)
    @staticmethod
    def test_session(root: strawberry.Parent[StepState]) -> models.TestSession | None:
        """Read with its standing."""
        return root.session


@view(models.Assessment, description="One entry of a ticket into its task, holding all its steps.")
class Assessment(Node):
    """View of models.Assessment."""

    status: AssessmentStatus = column("Where it is in its life.")
    created_at: datetime = column("When the candidate entered.")
    ended_at: datetime | None = column("When it was completed, or its time ran out.")
    test_sessions: Any = connection(
        "schema.session.TestSession", models.TestSession, "assessment_id", description="Every attempt at every step."
    )

    ticket: Any = relation("schema.ticket.Ticket", models.Ticket, "ticket_id", description="The ticket that entered.")

    @strawberry.field(description="Whether completeAssessment ends it now: what is required is done, and nothing runs.")
    @staticmethod
    async def can_complete(root: strawberry.Parent[models.Assessment], info: Info) -> bool:
        """By the loaders."""
        sessions = await info.context.loaders.many(models.TestSession, "assessment_id", root.id)
        steps = await info.context.loaders.many(models.Step, "task_id", root.task_id)
        return root.is_open and admission.completion_barrier(steps, sessions) is None

    @strawberry.field(description="The tests to take, in order.", graphql_type=list[AssessmentStep])
    @staticmethod
    async def steps(root: strawberry.Parent[models.Assessment], info: Info) -> list[StepState]:
        """By the loaders, so that many assessments cost no more statements than one."""
        one, many = info.context.loaders.one, info.context.loaders.many
        task, ticket = await one(models.Task, root.task_id), await one(models.Ticket, root.ticket_id)
        sessions = await many(models.TestSession, "assessment_id", root.id)
        steps = sorted(await many(models.Step, "task_id", root.task_id), key=lambda step: step.position)
        tests = [await one(models.Test, step.test_id) for step in steps]
        now = clock.now()
        return [
            admission.standing(step, test, root, task, ticket, sessions, now)
            for step, test in zip(steps, tests, strict=True)
        ]
