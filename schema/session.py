"""Test sessions: one attempt at one step each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import strawberry

import models
from models import actions, clock, grading, paper
from models.feed import Feed, stretch
from models.paper import PaperSection as Section
from schema.context import Info
from schema.declared import Expression, Itself, Place, declared
from schema.enums import GradingStatus, TestSessionAction, TestSessionStatus, TimeCause
from schema.event import After, EventConnection, First, Types
from schema.node import Node, column, derived, relation, view
from schema.paper import PaperSection
from schema.result import Result
from schema.scalars import URL


def _of_result(
    kind: Any,
    show: Callable[[models.Result], Any],
    *,
    description: str,
    takes: tuple[str, ...] = (),
    how: Expression | None = None,
) -> Any:
    """What is shown of the result that the caller may see."""

    def shown(actor: models.Actor, session: models.TestSession, results: Sequence[models.Result]) -> Any:
        result = grading.shown(session, results, actor)
        return None if result is None else show(result)

    takes = (*grading.SHOWN_BY, *takes)
    of = grading.SHOWN_OF
    return derived(kind, models.Result, "session_id", shown, description=description, of=of, takes=takes, how=how)


def _column_of_result(kind: Any, column: str, json: Callable[[Place, str], str], *, description: str) -> Any:
    """The column of the same; `json` says how it is written in SQL."""

    def in_sql(place: Place) -> str:
        return grading.shown_in_sql(place.row, json(place, column), everything=place.may(models.Permission.GRADE))

    how = Expression(in_sql, is_json=True)
    return _of_result(kind, attrgetter(column), description=description, takes=(column,), how=how)


@strawberry.type(description="How many of the questions are answered.")
class Progress:
    """Columns of the session."""

    answered: int = column("Questions with an answer.")
    total: int = column("All questions.")


@view(models.TimeAdjustment, description="Seconds given or taken: an entry of the time ledger, never edited.")
class TimeAdjustment:
    """View of models.TimeAdjustment."""

    seconds: int = column("Given, or taken if negative.")
    cause: TimeCause = column("Why.")
    reason: str | None = column("Why, in the words of whoever did it.")
    actor: str = column("The global id of who did it; `system` is the server itself.")
    created_at: datetime = column("When.")


@view(models.TestSession, description="One attempt at one step of a task.")
class TestSession(Node):
    """View of models.TestSession."""

    __test__ = False

    status: TestSessionStatus = column("Where it is in its life.")
    grading: GradingStatus = column("How far scoring has come.")
    attempt: int = column("Which attempt at the step this is, counted from 1.")
    started_at: datetime | None = column("When the clock started; null before.")
    deadline_at: datetime | None = column("Start + duration + the ledger's sum, exactly; null without a time limit.")
    ended_at: datetime | None = column("When it ended; null before.")
    remaining_seconds: int | None = column("The whole seconds left by the server's clock; null without a time limit.")
    last_seen_at: datetime | None = column("When the candidate was last heard of.")
    created_at: datetime = column("When the candidate asked for it.")

    @strawberry.field(description="The server's clock, by which the deadline is judged.")
    @staticmethod
    def server_now() -> datetime:
        """The only clock that counts."""
        return clock.now()

    @strawberry.field(
        description="What staff said when they paused, ended or reinstated it last; null to candidates.",
        graphql_type=str | None,
    )
    @staticmethod
    def status_reason(root: strawberry.Parent[models.TestSession], info: Info) -> str | None:
        """Words among staff, kept out of the log."""
        return None if info.context.actor.is_candidate else root.status_reason

    @strawberry.field(
        description="How many of the questions are answered.", graphql_type=Progress, metadata=declared(Itself())
    )
    @staticmethod
    def progress(root: strawberry.Parent[models.TestSession]) -> models.TestSession:
        """The session's own columns."""
        return root

    test: Any = relation("schema.test.Test", models.Test, "test_id", description="What is taken.")

    ticket: Any = relation("schema.ticket.Ticket", models.Ticket, "ticket_id", description="Whose it is.")

    task: Any = relation("schema.task.Task", models.Task, "task_id", description="The process it belongs to.")

    assessment: Any = relation(
        "schema.assessment.Assessment", models.Assessment, "assessment_id", description="The entry it belongs to."
    )

    result = _of_result(
        Result | None,
        lambda result: result,
        description="Its score as the caller may see it: whoever grades sees the one that counts, others the "
        "newest released one.",
    )
    score = _column_of_result(
        float | None, "score", lambda place, column: place.number(column), description="The points of `result`."
    )
    max_score = _column_of_result(
        float | None,
        "max_score",
        lambda place, column: place.number(column),
        description="The points there were, of `result`.",
    )
    passed = _column_of_result(
        bool | None,
        "passed",
        lambda place, column: place.boolean(column),
        description="Whether `result` reached the pass mark; null where there is none.",
    )
    time_ledger = derived(
        list[TimeAdjustment],
        models.TimeAdjustment,
        "session_id",
        lambda actor, session, adjustments: adjustments,
        description="Every second given or taken: with the start and the duration they sum to the deadline.",
    )

    @strawberry.field(
        description="Everything that happened to it, oldest first; FORBIDDEN without `read`.",
        graphql_type=EventConnection | None,
    )
    @staticmethod
    async def events(
        root: strawberry.Parent[models.TestSession],
        info: Info,
        after: After = None,
        first: First = 100,
        types: Types = None,
    ) -> Feed:
        """Its part of the log, by the loader."""
        info.context.actor.must(models.Permission.READ)
        return await info.context.loaders.feed("session_id", root.id, stretch(first, after, types))

    @strawberry.field(
        description="What the caller could do with it now, as staff.", graphql_type=list[TestSessionAction]
    )
    @staticmethod
    def allowed_actions(root: strawberry.Parent[models.TestSession], info: Info) -> list[models.TestSessionAction]:
        """By its state and the caller's permissions."""
        return actions.allowed(root, info.context.actor)

    @strawberry.field(
        description="Where the candidate goes now that it has ended, signed; null before.", graphql_type=URL | None
    )
    @staticmethod
    async def finish_url(root: strawberry.Parent[models.TestSession], info: Info) -> str | None:
        """The address is checked now, not only when it was set."""
        if not root.has_ended:
            return None
        one = info.context.loaders.one
        organization, task, ticket, assessment = await asyncio.gather(
            one(models.Organization, root.organization_id),
            one(models.Task, root.task_id),
            one(models.Ticket, root.ticket_id),
            one(models.Assessment, root.assessment_id),
        )
        return info.context.urls.finish(organization, task, ticket, assessment, root)

    @strawberry.field(
        description="The questions and the answers so far, without the key: for the candidate once the test has begun, "
        "and for staff with results:write; null to others.",
        graphql_type=list[PaperSection] | None,
    )
    @staticmethod
    async def sections(root: strawberry.Parent[models.TestSession], info: Info) -> Sequence[Section] | None:
        """Nobody reads the questions in the waiting room."""
        actor = info.context.actor
        if not (actor.may(models.Permission.GRADE) or (actor.is_candidate and root.has_begun)):
            return None
        test = await info.context.loaders.one(models.Test, root.test_id)
        answers = await info.context.loaders.many(models.Answer, "session_id", root.id)
        return paper.paper(test, {answer.question_id: answer for answer in answers})
