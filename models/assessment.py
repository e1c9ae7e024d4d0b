"""Assessments: one entry of a ticket into its task."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q, RawSQL
from tortoise.queryset import QuerySet

from models import reading
from models.actor import Actor, candidate
from models.event import EventType
from models.moves import Stateful
from models.prepared import Prepared
from models.task import Task
from models.ticket import Ticket


class AssessmentStatus(StrEnum):
    """Where an assessment is in its life."""

    CREATED = "CREATED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    LAPSED = "LAPSED"
    CANCELLED = "CANCELLED"


OPEN = (AssessmentStatus.CREATED, AssessmentStatus.IN_PROGRESS)


class Assessment(Stateful):
    """One entry of a ticket into its task, holding all its steps: a partial unique index keeps one open per ticket."""

    prefix = "asm"
    moved = EventType.ASSESSMENT_STATUS_CHANGED
    candidate_scope = {"ticket_id": "ticket_id"}
    task_scope = "task_id"
    MOVES = {
        AssessmentStatus.CREATED: frozenset(
            {AssessmentStatus.IN_PROGRESS, AssessmentStatus.LAPSED, AssessmentStatus.CANCELLED}
        ),
        AssessmentStatus.IN_PROGRESS: frozenset(
            {AssessmentStatus.COMPLETED, AssessmentStatus.LAPSED, AssessmentStatus.CANCELLED}
        ),
        AssessmentStatus.COMPLETED: frozenset({AssessmentStatus.IN_PROGRESS}),
        AssessmentStatus.LAPSED: frozenset({AssessmentStatus.IN_PROGRESS}),
        AssessmentStatus.CANCELLED: frozenset(),
    }

    task: fields.ForeignKeyRelation[Task] = fields.ForeignKeyField("admit.Task", related_name=False)
    task_id: UUID
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField("admit.Ticket", related_name=False)
    ticket_id: UUID
    link_id: UUID | None = fields.UUIDField(null=True)
    status = fields.CharEnumField(
        AssessmentStatus, AssessmentStatus.__doc__, max_length=16, default=AssessmentStatus.CREATED
    )
    lapses_at: datetime | None = fields.DatetimeField(null=True)  # its task's window and its ticket's never change
    ended_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "assessment"
        indexes = (("ticket_id", "id"), ("organization_id", "id"), ("status", "lapses_at"))

    @classmethod
    async def candidate_of(cls, key: UUID, expires_at: datetime) -> Actor | None:
        """Whose assessment it is that a signed token names, until it expires; the signature is the authority."""
        found = await reading.keys(_CANDIDATE, [key])
        if found is None:
            return None
        organization, ticket, task, person = found
        return candidate(organization, ticket, task, person, key, expires_at)

    @classmethod
    async def of_ticket(cls, ticket: Ticket) -> list[Assessment]:
        """Every assessment of the ticket, oldest first."""
        return await _of_ticket.all(ticket.id)

    @classmethod
    def lapsing(cls, at: datetime) -> QuerySet[Assessment]:
        """The open assessments, of every organization, that nobody sits a test of and whose time has passed.

        Whoever waits for a proctor may still begin after the ticket's time, but not after the task's.
        """
        from models.session import BEGUN, WAITING  # noqa: PLC0415  a session points at its assessment

        due = cls.filter(status__in=OPEN, lapses_at__lte=at).order_by("lapses_at")
        counted = due.annotate(sitting=_sessions(BEGUN), waiting=_sessions(WAITING))
        return counted.filter(Q(waiting=0) | Q(task__closes_at__lte=at), sitting=0)

    @classmethod
    async def of_tickets(cls, keys: Collection[UUID]) -> list[Assessment]:
        """The assessments of these tickets, oldest first; for whoever holds the tickets."""
        return await cls.filter(ticket_id__in=keys).order_by("id")

    @property
    def is_open(self) -> bool:
        """Whether the candidate may go on."""
        return self.status in OPEN

    def concerns(self) -> dict[str, UUID]:
        """Filed under its task and ticket."""
        return {"task_id": self.task_id, "ticket_id": self.ticket_id}


def _sessions(statuses: Collection[str]) -> RawSQL:
    """How many sessions with one of these statuses an assessment has: by its own few, however many others have."""
    names = ", ".join(f"'{status}'" for status in statuses)
    own = 'assessment_id = "assessment"."id"'
    return RawSQL(f"(SELECT count(*) FROM test_session WHERE {own} AND status IN ({names}))")  # noqa: S608  names of ours


_CANDIDATE = (
    "SELECT t.organization_id, t.id, t.task_id, t.candidate_id"
    " FROM assessment a JOIN ticket t ON t.id = a.ticket_id WHERE a.id = {0}"
)
_of_ticket = Prepared(lambda ticket: Assessment.filter(ticket_id=ticket).order_by("id"), UUID)
