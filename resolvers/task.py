"""Setting up tasks, and the page that everybody may read."""

from __future__ import annotations

from typing import Annotated

import strawberry

import models
from resolvers.context import Info
from schema.declared import Found, declared
from schema.task import (
    CloseTaskResult,
    CloseTaskSuccess,
    CreateTaskInput,
    CreateTaskResult,
    CreateTaskSuccess,
    OpenTaskResult,
    OpenTaskSuccess,
    StepInput,
    Task,
    TaskIdInput,
    WelcomePage,
)
from services import tasks

_Id = Annotated[strawberry.ID, strawberry.argument(description="The task.")]
_Slug = Annotated[str, strawberry.argument(description="The last part of the Task link.")]


@strawberry.type
class TaskQueries:
    """Reading one task."""

    @strawberry.field(
        graphql_type=Task | None,
        description="One task.",
        metadata=declared(Found(models.Task, lambda sent: {"id": models.Task.key_of(sent["id"])})),
    )
    async def task(self, info: Info, id: _Id) -> models.Task:
        """Staff's, or a candidate's own."""
        return await tasks.find(info.context.actor, models.Task.key_of(id))

    @strawberry.field(graphql_type=WelcomePage | None, description="The page behind a Task link: public; null if none.")
    async def welcome_page(self, task_slug: _Slug) -> tasks.Welcome | None:
        """For everybody."""
        return await tasks.welcome(task_slug)


@strawberry.type
class TaskMutations:
    """Mutations about tasks."""

    @strawberry.mutation(graphql_type=CreateTaskResult, description="Make a task; openTask then lets candidates in.")
    async def create_task(self, info: Info, input: CreateTaskInput) -> CreateTaskSuccess:
        """Those who manage tasks."""
        return CreateTaskSuccess(task=await tasks.create(info.context.actor, _new(input)))

    @strawberry.mutation(graphql_type=OpenTaskResult, description="Let candidates in. An open task stays open.")
    async def open_task(self, info: Info, input: TaskIdInput) -> OpenTaskSuccess:
        """Those who manage tasks."""
        return OpenTaskSuccess(task=await tasks.open_(info.context.actor, models.Task.key_of(input.task_id)))

    @strawberry.mutation(
        graphql_type=CloseTaskResult, description="Let nobody in any more; running sessions go on to their end."
    )
    async def close_task(self, info: Info, input: TaskIdInput) -> CloseTaskSuccess:
        """Those who manage tasks."""
        return CloseTaskSuccess(task=await tasks.close(info.context.actor, models.Task.key_of(input.task_id)))


def _new(input: CreateTaskInput) -> tasks.NewTask:
    return tasks.NewTask(
        name=input.name,
        steps=[_step(step) for step in input.steps],
        welcome_title=input.welcome.title if input.welcome else None,
        welcome_body=input.welcome.body if input.welcome else None,
        opens_at=input.opens_at,
        closes_at=input.closes_at,
        finish_redirect_url=input.finish_redirect_url,
        proctoring=input.proctoring or models.Proctoring.NONE,
        meeting_url=input.meeting_url,
        continuation=input.continuation or models.Continuation.CLOCK_RUNS,
        result_release=input.result_release or models.ResultRelease.MANUAL,
    )


def _step(step: StepInput) -> tasks.NewStep:
    return tasks.NewStep(
        models.Test.key_of(step.test_id), step.required is not False, step.attempt_limit, step.duration_seconds
    )
