"""Tasks: one assessment process each, and the steps it delivers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.base import Owned
from models.event import EventType
from models.moves import Stateful
from models.prepared import Prepared
from models.test import Test

_LONGEST_SLUG = 80


class TaskStatus(StrEnum):
    """Whether the task lets candidates in."""

    DRAFT = "DRAFT"
    OPEN = "OPEN"
    CLOSED = "CLOSED"
    ARCHIVED = "ARCHIVED"


class Proctoring(StrEnum):
    """Whether a proctor watches, and through what."""

    NONE = "NONE"
    CONFERENCE = "CONFERENCE"


class Continuation(StrEnum):
    """What the clock does while a candidate is away."""

    CLOCK_RUNS = "CLOCK_RUNS"
    CLOCK_STOPS = "CLOCK_STOPS"


class ResultRelease(StrEnum):
    """When candidates and partners see a result: when staff release it, or as soon as it is graded."""

    MANUAL = "MANUAL"
    AUTOMATIC = "AUTOMATIC"


class Task(Stateful):
    """One assessment process: `slug` makes the Task link and never changes. Times bound when candidates may sit."""

    prefix = "tsk"
    moved = EventType.TASK_STATUS_CHANGED
    candidate_scope = {"id": "task_id"}
    task_scope = "id"
    MOVES = {
        TaskStatus.DRAFT: frozenset({TaskStatus.OPEN, TaskStatus.ARCHIVED}),
        TaskStatus.OPEN: frozenset({TaskStatus.CLOSED}),
        TaskStatus.CLOSED: frozenset({TaskStatus.OPEN, TaskStatus.ARCHIVED}),
        TaskStatus.ARCHIVED: frozenset(),
    }

    name = fields.CharField(max_length=200)
    slug = fields.CharField(max_length=_LONGEST_SLUG, unique=True)
    status = fields.CharEnumField(TaskStatus, TaskStatus.__doc__, max_length=16, default=TaskStatus.DRAFT)
    welcome_title = fields.CharField(max_length=200, null=True)
    welcome_body: str | None = fields.TextField(null=True)
    opens_at: datetime | None = fields.DatetimeField(null=True)
    closes_at: datetime | None = fields.DatetimeField(null=True)
    finish_redirect_url = fields.CharField(max_length=2000, null=True)
    proctoring = fields.CharEnumField(Proctoring, Proctoring.__doc__, max_length=16, default=Proctoring.NONE)
    meeting_url = fields.CharField(max_length=2000, null=True)
    continuation = fields.CharEnumField(
        Continuation, Continuation.__doc__, max_length=16, default=Continuation.CLOCK_RUNS
    )
    result_release = fields.CharEnumField(
        ResultRelease, ResultRelease.__doc__, max_length=16, default=ResultRelease.MANUAL
    )

    class Meta:
        table = "task"
        indexes = (("organization_id", "id"),)

    @classmethod
    async def by_slug(cls, slug: str) -> Task | None:
        """The task that a public Task link names; its welcome page is for everybody."""
        return await _by_slug.one(slug) if can_be_slug(slug) else None

    @classmethod
    async def by_id(cls, key: UUID) -> Task | None:
        """The task that an operator names at the command line; whoever runs commands there may see all of them."""
        return await cls.get_or_none(id=key)

    @property
    def is_open(self) -> bool:
        """Whether staff have opened it."""
        return self.status is TaskStatus.OPEN

    @property
    def is_proctored(self) -> bool:
        """Whether sessions wait for a proctor, in a conference."""
        return self.proctoring is Proctoring.CONFERENCE

    def concerns(self) -> dict[str, UUID]:
        """Filed under itself."""
        return {"task_id": self.id}


LINK = "{base} || '/t/' || {row}.slug"  # services/urls.py's task_link, as SQL


def can_be_slug(text: str) -> bool:
    """Whether a task may have this slug: some texts no database is asked for."""
    return len(text) <= _LONGEST_SLUG and text.isascii() and text.isprintable()


_by_slug = Prepared(lambda slug: Task.filter(slug=slug), str)


class Step(Owned):
    """A test's place in a task. `attempt_limit` None means as often as one likes: a duration overrides the test's."""

    prefix = "stp"
    candidate_scope = {"task_id": "task_id"}
    task_scope = "task_id"

    task: fields.ForeignKeyRelation[Task] = fields.ForeignKeyField("admit.Task", related_name=False)
    task_id: UUID
    test: fields.ForeignKeyRelation[Test] = fields.ForeignKeyField("admit.Test", related_name=False)
    test_id: UUID
    position = fields.IntField()
    required = fields.BooleanField(default=True)
    attempt_limit: int | None = fields.IntField(null=True, default=1)
    duration_seconds: int | None = fields.IntField(null=True)

    class Meta:
        table = "step"
        unique_together = (("task_id", "position"),)
