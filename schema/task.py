"""Tasks, their steps and their public welcome page."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import Any

import strawberry

import errors
import models
from schema.context import Info
from schema.declared import Expression, Place, declared
from schema.enums import Continuation, Proctoring, ResultRelease, TaskStatus
from schema.filters import TestSessionFilter, TicketFilter
from schema.node import Node, column, connection, derived, optional, relation, view
from schema.refusals import result
from schema.scalars import URL


def task_link(place: Place) -> str:
    """What services/urls.py calls so."""
    return models.task.LINK.format(base=place.base_url(), row=place.row)


@strawberry.type(description="What the page behind a Task link shows to everybody.")
class WelcomePage:
    """Read off the welcome page that the services make."""

    title: str = column("The heading; the task's name unless it has its own.")
    body: str = column("The text in Markdown, as staff wrote it.")
    body_html: str = column("The text as safe markup, to be put into a page as it is.")
    task_name: str = column("The task's name.")
    is_open: bool = column("Whether candidates may come in now.")
    opens_at: datetime | None = column("From when candidates may come in.")
    closes_at: datetime | None = column("Until when candidates may come in.")


@view(models.Step, description="A test's place in a task.")
class Step(Node):
    """View of models.Step."""

    position: int = column("The place, counted from 1.")
    required: bool = column("Whether the assessment waits for it.")
    attempt_limit: int | None = column("How many attempts there are; null for as many as one likes.")
    duration_seconds: int | None = column("A time limit in place of the test's own.")

    test: Any = relation("schema.test.Test", models.Test, "test_id", description="What is taken here.")


@view(models.Task, description="One assessment process: tests, and how they are delivered.")
class Task(Node):
    """View of models.Task."""

    name: str = column("Its name.")
    slug: str = column("Its name in the Task link; it never changes.")
    status: TaskStatus = column("Whether it lets candidates in.")
    opens_at: datetime | None = column("From when candidates may come in.")
    closes_at: datetime | None = column("Until when candidates may come in.")
    finish_redirect_url: URL | None = column("Where candidates go on finishing; null leaves it to the organization.")
    proctoring: Proctoring = column("Whether a proctor watches, and through what.")
    meeting_url: URL | None = column("The conference of the task.")
    continuation: Continuation = column("What the clock does while a candidate is away.")
    result_release: ResultRelease = column("When candidates and partners see a result.")
    created_at: datetime = column("When it was made.")
    tickets: Any = connection(
        "schema.ticket.Ticket", models.Ticket, "task_id", description="Its admissions.", filter=TicketFilter
    )

    test_sessions: Any = connection(
        "schema.session.TestSession",
        models.TestSession,
        "task_id",
        description="Its test sessions.",
        filter=TestSessionFilter,
    )

    @strawberry.field(
        description="The Task link: constant and public.",
        graphql_type=URL,
        metadata=declared(Expression(task_link)),
    )
    @staticmethod
    def link(root: strawberry.Parent[models.Task], info: Info) -> str:
        """Made from BASE_URL."""
        return info.context.urls.task_link(root.slug)

    steps = derived(
        list[Step],
        models.Step,
        "task_id",
        lambda actor, task, steps: sorted(steps, key=attrgetter("position")),
        description="The tests it delivers, in order.",
        takes=("position",),
    )

    @strawberry.field(description="What the page behind the Task link shows.", graphql_type=WelcomePage)
    @staticmethod
    def welcome(root: strawberry.Parent[models.Task], info: Info) -> Any:
        """The same that the page shows."""
        return info.context.welcome_of(root)


@strawberry.input(description="A test's place in a new task.")
class StepInput:
    """One step; steps are taken in the order sent."""

    test_id: strawberry.ID = column("A published test.")
    required: bool | None = optional("Whether the assessment waits for it.", True)
    attempt_limit: int | None = optional("How many attempts there are; null for as many as one likes.", 1)
    duration_seconds: int | None = optional("A time limit in place of the test's own, at most a week.")


@strawberry.input(description="What the page behind the Task link shows.")
class WelcomeInput:
    """The welcome page."""

    title: str | None = optional("The heading; the task's name by default.")
    body: str | None = optional("The text in Markdown, at most 20,000 characters; HTML in it is shown as text.")


@strawberry.input(description="A new task. It lets candidates in once it is opened.")
class CreateTaskInput:
    """What createTask takes."""

    name: str = column("Its name.")
    steps: list[StepInput] = column("The tests it delivers, in order, at most 50.")
    welcome: WelcomeInput | None = optional("What the page behind the Task link shows.")
    opens_at: datetime | None = optional("From when candidates may come in.")
    closes_at: datetime | None = optional("Until when candidates may come in.")
    finish_redirect_url: URL | None = optional("Where its candidates go on finishing: https, on an allowed host.")
    proctoring: Proctoring | None = optional("Whether a proctor watches, and through what.", models.Proctoring.NONE)
    meeting_url: URL | None = optional("The https address of the task's conference.")
    continuation: Continuation | None = optional(
        "What the clock does while a candidate is away.", models.Continuation.CLOCK_RUNS
    )
    result_release: ResultRelease | None = optional(
        "When candidates and partners see a result.", models.ResultRelease.MANUAL
    )


@strawberry.input(description="Which task.")
class TaskIdInput:
    """What openTask and closeTask take."""

    task_id: strawberry.ID = column("The task.")


@strawberry.type(description="The task, not yet open.")
class CreateTaskSuccess:
    """What createTask answers."""

    task: models.Task = strawberry.field(graphql_type=Task, description="The new task.")


@strawberry.type(description="The task, open.")
class OpenTaskSuccess:
    """What openTask answers."""

    task: models.Task = strawberry.field(graphql_type=Task, description="The task as it is now.")


@strawberry.type(description="The task, closed.")
class CloseTaskSuccess:
    """What closeTask answers."""

    task: models.Task = strawberry.field(graphql_type=Task, description="The task as it is now.")


CreateTaskResult = result(
    "CreateTaskResult",
    CreateTaskSuccess,
    errors.InvalidInput,
    errors.InvalidSteps,
    errors.InvalidWindow,
    errors.RedirectRefused,
    errors.TestNotPublished,
    errors.TooManyRows,
)
OpenTaskResult = result("OpenTaskResult", OpenTaskSuccess, errors.MoveNotAllowed, errors.TaskArchived)
CloseTaskResult = result("CloseTaskResult", CloseTaskSuccess, errors.MoveNotAllowed, errors.TaskArchived)
