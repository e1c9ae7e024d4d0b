"""Tickets: candidates' admissions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

import errors
import models
from schema.candidate import CandidateInput
from schema.context import Info
from schema.declared import Expression, Place, declared
from schema.enums import RunningSessions, TicketStatus
from schema.node import Node, column, connection, optional, relation, view
from schema.refusals import result
from schema.scalars import URL
from schema.task import task_link


def _code(place: Place) -> str:
    return models.ticket.INVITATION_CODE.format(row=place.row)


def _access_link(place: Place) -> str:
    return f"{place.related(models.Task, 'task_id', task_link)} || '/' || {_code(place)}"


@view(models.Ticket, description="A candidate's admission to a task.")
class Ticket(Node):
    """View of models.Ticket."""

    invitation_code: str = column(
        "The code that lets the candidate in; dashes and case do not matter.",
        Expression(_code, is_plain=True, of=("code",)),
    )
    group: str | None = column("The group it was issued for.")
    labels: list[str] = column("Labels to find it by.")
    valid_from: datetime | None = column("From when it lets the candidate in.")
    valid_until: datetime | None = column("Until when it lets the candidate in.")
    extra_time_percent: int = column("Accommodation: this much more time for each test.")
    meeting_url: URL | None = column("The candidate's own conference.")
    finish_redirect_url: URL | None = column("Where the candidate goes on finishing; null leaves it to the task.")
    created_at: datetime = column("When it was issued.")
    access_links: Any = connection(
        "schema.access_link.AccessLink", models.AccessLink, "ticket_id", description="Its shared links."
    )
    assessments: Any = connection(
        "schema.assessment.Assessment", models.Assessment, "ticket_id", description="Its entries into the task."
    )
    test_sessions: Any = connection(
        "schema.session.TestSession", models.TestSession, "ticket_id", description="Its test sessions."
    )

    @strawberry.field(
        description="Its status, as the clock shows it now.",
        graphql_type=TicketStatus,
        metadata=declared(
            Expression(
                lambda place: models.ticket.STATUS_AT.format(row=place.row, now=place.now()),
                of=("status", "valid_from", "valid_until"),
            )
        ),
    )
    @staticmethod
    def status(root: strawberry.Parent[models.Ticket]) -> models.TicketStatus:
        """SCHEDULED and EXPIRED are never stored."""
        return root.current_status

    @strawberry.field(
        description="The Task link plus the code: opens the task at once.",
        graphql_type=URL,
        metadata=declared(Expression(_access_link)),
    )
    @staticmethod
    async def access_link(root: strawberry.Parent[models.Ticket], info: Info) -> str:
        """Made from BASE_URL."""
        task = await info.context.loaders.one(models.Task, root.task_id)
        return info.context.urls.access_link(task.slug, root.invitation_code)

    candidate: Any = relation(
        "schema.candidate.Candidate", models.Candidate, "candidate_id", description="Who is admitted."
    )

    task: Any = relation("schema.task.Task", models.Task, "task_id", description="What it admits to.")


@strawberry.input(description="Tickets to issue, all or none.")
class IssueTicketsInput:
    """What issueTickets takes."""

    task_id: strawberry.ID = column("The task.")
    candidates: list[CandidateInput] = column("Between 1 and 10,000 candidates.")
    group: str | None = optional("A group for all of them, at most 200 characters.")
    labels: list[str] | None = optional("Labels for all of them, at most 20 of 100 characters.")
    valid_from: datetime | None = optional("From when they let their candidates in.")
    valid_until: datetime | None = optional("Until when they let their candidates in.")
    idempotency_key: str | None = optional(
        "Your name for this call: the same key with the same body answers the same tickets, however often it is sent."
    )


@strawberry.type(description="The tickets, in the order in which their candidates were sent.")
class IssueTicketsSuccess:
    """What issueTickets answers."""

    tickets: Sequence[models.Ticket] = strawberry.field(graphql_type=list[Ticket], description="One per candidate.")
    replayed: bool = column("Whether an earlier call with this idempotency key had issued them.")


IssueTicketsResult = result(
    "IssueTicketsResult",
    IssueTicketsSuccess,
    errors.IdempotencyKeyReused,
    errors.InvalidCandidates,
    errors.InvalidInput,
    errors.InvalidWindow,
    errors.TaskArchived,
    errors.TooManyRows,
)


@strawberry.input(description="Tickets to withdraw.")
class RevokeTicketsInput:
    """What revokeTickets takes."""

    ticket_ids: list[strawberry.ID] = column("Between 1 and 1,000 tickets.")
    running_sessions: RunningSessions | None = optional(
        "What becomes of their unfinished test sessions; TERMINATE needs sessions:proctor, too.", RunningSessions.KEEP
    )


@strawberry.type(description="The tickets as they are now, in the order sent.")
class RevokeTicketsSuccess:
    """What revokeTickets answers."""

    tickets: Sequence[models.Ticket] = strawberry.field(graphql_type=list[Ticket], description="The tickets.")


RevokeTicketsResult = result("RevokeTicketsResult", RevokeTicketsSuccess, errors.MoveNotAllowed, errors.TooManyRows)


@strawberry.input(description="Which tickets.")
class TicketIdsInput:
    """What suspendTickets and restoreTickets take."""

    ticket_ids: list[strawberry.ID] = column("Between 1 and 1,000 tickets.")


@strawberry.type(description="The tickets as they are now, in the order sent.")
class SuspendTicketsSuccess:
    """What suspendTickets answers."""

    tickets: Sequence[models.Ticket] = strawberry.field(graphql_type=list[Ticket], description="The tickets.")


@strawberry.type(description="The tickets as they are now, in the order sent.")
class RestoreTicketsSuccess:
    """What restoreTickets answers."""

    tickets: Sequence[models.Ticket] = strawberry.field(graphql_type=list[Ticket], description="The tickets.")


SuspendTicketsResult = result("SuspendTicketsResult", SuspendTicketsSuccess, errors.MoveNotAllowed, errors.TooManyRows)
RestoreTicketsResult = result("RestoreTicketsResult", RestoreTicketsSuccess, errors.MoveNotAllowed, errors.TooManyRows)
