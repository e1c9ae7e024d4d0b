"""Why a candidate can or cannot get in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from schema.assessment import Assessment
from schema.enums import AccessLinkStatus, TaskStatus, TicketStatus
from schema.node import column, lazy


@strawberry.type(description="One thing in the way.")
class DiagnosisReason:
    """View of services' reason."""

    code: str = column("The refusal that the candidate meets.")
    message: str = column("The sentence that the candidate reads.")
    advice: str = column("What staff can do.")


@strawberry.type(description="How many attempts at a step the open assessment has used.")
class StepAttempts:
    """View of services' count."""

    step: Any = strawberry.field(graphql_type=lazy("schema.task.Step"), description="The step.")
    used: int = column("Attempts that have begun.")
    limit: int | None = column("How many there are; null for as many as one likes.")


@strawberry.type(description="How a shared link of the ticket stands; its address is not shown.")
class LinkDiagnosis:
    """View of services' link state."""

    reason: DiagnosisReason | None = column("What is in its way; null while it works.")

    @strawberry.field(description="The link's global id.")
    @staticmethod
    def link_id(root: strawberry.Parent[Any]) -> strawberry.ID:
        """Of an AccessLink."""
        return strawberry.ID(root.link.gid)

    @strawberry.field(description="Whether it still lets the candidate in.", graphql_type=AccessLinkStatus)
    @staticmethod
    def status(root: strawberry.Parent[Any]) -> Any:
        """As the clock shows it."""
        return root.link.status

    @strawberry.field(description="Older links than this version are void.")
    @staticmethod
    def version(root: strawberry.Parent[Any]) -> int:
        """The row's."""
        return int(root.link.version)

    @strawberry.field(description="When it was followed last.", graphql_type=datetime | None)
    @staticmethod
    def last_opened_at(root: strawberry.Parent[Any]) -> Any:
        """By whoever; a mail scanner counts."""
        return root.link.last_opened_at


@strawberry.type(description="The last time that somebody with the right code or link was not let in.")
class LastRefusal:
    """View of services' last refusal."""

    code: str = column("The refusal that they met.")
    at: datetime = column("When.")


@strawberry.type(description="Why this person can or cannot get in now, and what to do.")
class AccessDiagnosis:
    """View of services' diagnosis."""

    ticket_status: TicketStatus = column("The ticket's status, as the clock shows it.")
    task_status: TaskStatus = column("Whether the task lets candidates in.")
    can_enter: bool = column("Whether the code lets the candidate in now.")
    reasons: list[DiagnosisReason] = column(
        "Everything in the way of a new entry. A begun test is come back to in spite of it."
    )
    open_assessment: Assessment | None = column("What the candidate comes back to; null if nothing is open.")
    assessments_used: int = column("How many assessments the ticket has opened.")
    assessments_allowed: int = column("How many it may open.")
    attempts: list[StepAttempts] = column("The attempts of the open assessment, step by step.")
    links: list[LinkDiagnosis] = column("The ticket's shared links, oldest first.")
    last_refusal: LastRefusal | None = column("The last refusal to this person; null if there was none.")
