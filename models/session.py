"""Test sessions: one attempt at one step each."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from tortoise import fields
from tortoise.queryset import QuerySet

from models import clock
from models.actor import Actor
from models.assessment import Assessment
from models.event import EventType
from models.moves import Stateful
from models.prepared import Prepared
from models.task import Step, Task
from models.test import Test
from models.ticket import Ticket


class TestSessionStatus(StrEnum):
    """Where a session is in its life."""

    __test__: ClassVar[bool] = False

    AWAITING_PROCTOR = "AWAITING_PROCTOR"
    READY = "READY"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    INTERRUPTED = "INTERRUPTED"
    SUBMITTED = "SUBMITTED"
    TIMED_OUT = "TIMED_OUT"
    TERMINATED = "TERMINATED"
    CANCELLED = "CANCELLED"


class GradingStatus(StrEnum):
    """How far scoring has come."""

    NOT_READY = "NOT_READY"
    PENDING = "PENDING"
    PENDING_MANUAL = "PENDING_MANUAL"
    FULLY_GRADED = "FULLY_GRADED"


class TestSessionAction(StrEnum):
    """What staff can do with a session as it is now."""

    __test__: ClassVar[bool] = False

    ADMIT = "ADMIT"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    TERMINATE = "TERMINATE"
    ADJUST_TIME = "ADJUST_TIME"
    REINSTATE = "REINSTATE"
    GRADE = "GRADE"
    RELEASE = "RELEASE"


S = TestSessionStatus
WAITING = (S.AWAITING_PROCTOR, S.READY)
RUNNING = (S.ACTIVE, S.INTERRUPTED)  # the clock runs
BEGUN = (*RUNNING, S.PAUSED)
UNFINISHED = (*WAITING, *BEGUN)
ENDED = (S.SUBMITTED, S.TIMED_OUT, S.TERMINATED, S.CANCELLED)
_AT_ONCE = 5_000  # keys in one statement


class TestSession(Stateful):
    """One attempt at one step.

    `deadline_at` is `started_at` + `base_seconds` + the sum of its time adjustments, to the second; all three are null
    for a test without a limit. `stopped_at` is when the clock stopped (PAUSED, or INTERRUPTED where the task says so).
    `status_reason` is what staff said when they paused, ended or reinstated it last: words about a person, which stand
    here, where they can be blanked, and not in the log.
    """

    __test__ = False
    prefix = "ses"
    moved = EventType.TEST_SESSION_STATUS_CHANGED
    candidate_scope = {"ticket_id": "ticket_id"}
    task_scope = "task_id"
    MOVES = {
        S.AWAITING_PROCTOR: frozenset({S.READY, S.CANCELLED}),
        S.READY: frozenset({S.ACTIVE, S.CANCELLED}),
        S.ACTIVE: frozenset({S.PAUSED, S.INTERRUPTED, S.SUBMITTED, S.TIMED_OUT, S.TERMINATED, S.CANCELLED}),
        S.INTERRUPTED: frozenset({S.ACTIVE, S.PAUSED, S.SUBMITTED, S.TIMED_OUT, S.TERMINATED, S.CANCELLED}),
        S.PAUSED: frozenset({S.ACTIVE, S.TERMINATED, S.CANCELLED}),
        S.SUBMITTED: frozenset({S.PAUSED}),
        S.TIMED_OUT: frozenset({S.PAUSED}),
        S.TERMINATED: frozenset({S.PAUSED}),
        S.CANCELLED: frozenset({S.PAUSED}),
    }

    task: fields.ForeignKeyRelation[Task] = fields.ForeignKeyField("admit.Task", related_name=False)
    task_id: UUID
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField("admit.Ticket", related_name=False)
    ticket_id: UUID
    assessment: fields.ForeignKeyRelation[Assessment] = fields.ForeignKeyField("admit.Assessment", related_name=False)
    assessment_id: UUID
    step: fields.ForeignKeyRelation[Step] = fields.ForeignKeyField("admit.Step", related_name=False)
    step_id: UUID
    test: fields.ForeignKeyRelation[Test] = fields.ForeignKeyField("admit.Test", related_name=False)
    test_id: UUID
    status = fields.CharEnumField(TestSessionStatus, TestSessionStatus.__doc__, max_length=20)
    grading = fields.CharEnumField(GradingStatus, GradingStatus.__doc__, max_length=20, default=GradingStatus.NOT_READY)
    attempt = fields.IntField()
    base_seconds: int | None = fields.IntField(null=True)
    started_at: datetime | None = fields.DatetimeField(null=True)
    deadline_at: datetime | None = fields.DatetimeField(null=True)
    ended_at: datetime | None = fields.DatetimeField(null=True)
    stopped_at: datetime | None = fields.DatetimeField(null=True)
    last_seen_at: datetime | None = fields.DatetimeField(null=True)
    status_reason = fields.CharField(max_length=500, null=True)
    answered = fields.IntField(default=0)
    total = fields.IntField(default=0)

    class Meta:
        table = "test_session"
        indexes = (
            ("organization_id", "id"),
            ("task_id", "id"),
            ("ticket_id", "id"),
            ("assessment_id", "id"),
            ("status", "deadline_at"),
            ("status", "last_seen_at"),
        )

    @classmethod
    def overdue(cls, at: datetime) -> QuerySet[TestSession]:
        """The running sessions, of every organization, whose deadline has passed: the server closes them itself."""
        return cls.filter(status__in=RUNNING, deadline_at__lte=at, stopped_at=None).order_by("deadline_at")

    @classmethod
    def silent(cls, since: datetime) -> QuerySet[TestSession]:
        """The active sessions, of every organization, that have not been heard of since then."""
        return cls.filter(status=S.ACTIVE, last_seen_at__lt=since).order_by("last_seen_at")

    @classmethod
    async def of_assessment(cls, assessment_id: UUID) -> list[TestSession]:
        """Every session of the assessment, oldest first; for whoever has been shown the assessment."""
        return await _of_assessment.all(assessment_id)

    @classmethod
    async def these(cls, actor: Actor, keys: Collection[UUID]) -> list[TestSession]:
        """Those of these sessions that the actor may know of, oldest first."""
        found: list[TestSession] = []
        ordered = sorted(set(keys))
        for start in range(0, len(ordered), _AT_ONCE):
            found += await cls.visible_to(actor).filter(id__in=ordered[start : start + _AT_ONCE]).order_by("id")
        return found

    @classmethod
    async def unfinished_of(cls, ticket: Ticket) -> list[TestSession]:
        """The ticket's sessions that can still go on."""
        return await cls.filter(ticket_id=ticket.id, status__in=UNFINISHED).order_by("id")

    @property
    def has_begun(self) -> bool:
        """Whether the clock ever ran."""
        return self.started_at is not None

    @property
    def clock_runs(self) -> bool:
        """Whether time is passing for it now."""
        return self.status in RUNNING and self.stopped_at is None

    @property
    def is_timed(self) -> bool:
        """Whether there is a deadline."""
        return self.deadline_at is not None

    @property
    def spends_attempt(self) -> bool:
        """Whether it counts as an attempt: it became ACTIVE, and nobody cancelled it."""
        return self.has_begun and self.status is not S.CANCELLED

    @property
    def is_unfinished(self) -> bool:
        """Whether the session can still go on."""
        return self.status in UNFINISHED

    @property
    def has_ended(self) -> bool:
        """Whether the session is over."""
        return self.status in ENDED

    def remaining(self, now: datetime) -> timedelta | None:
        """The time left; None without a limit or before the start; nothing after the end."""
        if self.deadline_at is None:
            return None
        if self.has_ended:
            return timedelta(0)
        return max(timedelta(0), self.deadline_at - (self.stopped_at or now))

    @property
    def remaining_seconds(self) -> int | None:
        """The whole seconds left, as the clock shows now."""
        left = self.remaining(clock.now())
        return None if left is None else int(left.total_seconds())

    def concerns(self) -> dict[str, UUID]:
        """Filed under its task, its ticket and itself."""
        return {"task_id": self.task_id, "ticket_id": self.ticket_id, "session_id": self.id}


_of_assessment = Prepared(lambda key: TestSession.filter(assessment_id=key).order_by("id"), UUID)
