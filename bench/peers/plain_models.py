"""The tables as somebody who begins with Tortoise would map them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise import Model, fields
from uuid_utils.compat import uuid7


class Row(Model):
    """What every table has."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    created_at = fields.DatetimeField(auto_now_add=True)
    organization_id: UUID = fields.UUIDField()

    class Meta:
        abstract = True


class Organization(Model):
    """The tenant."""

    id = fields.UUIDField(primary_key=True)
    name = fields.CharField(max_length=200)

    class Meta:
        table = "organization"


class Task(Row):
    """A task."""

    name = fields.CharField(max_length=200)
    slug = fields.CharField(max_length=80)
    status = fields.CharField(max_length=16)

    class Meta:
        table = "task"


class Step(Row):
    """A step of a task."""

    task_id: UUID = fields.UUIDField()
    test_id: UUID = fields.UUIDField()

    class Meta:
        table = "step"


class Batch(Row):
    """What issued tickets."""

    task_id: UUID = fields.UUIDField()
    body_hash = fields.CharField(max_length=64, default="0" * 64)
    count = fields.IntField()

    class Meta:
        table = "ticket_batch"


class Candidate(Row):
    """A test-taker."""

    full_name = fields.CharField(max_length=200)
    email = fields.CharField(max_length=320, null=True)
    external_id = fields.CharField(max_length=200, null=True)
    attributes: dict[str, Any] = fields.JSONField(default=dict)

    class Meta:
        table = "candidate"


class Ticket(Row):
    """A ticket."""

    task_id: UUID = fields.UUIDField()
    candidate_id: UUID = fields.UUIDField()
    batch_id: UUID = fields.UUIDField()
    status = fields.CharField(max_length=16, default="ISSUED")
    code = fields.CharField(max_length=32)
    labels = fields.TextField(default="[]")
    valid_from = fields.DatetimeField(null=True)
    valid_until = fields.DatetimeField(null=True)
    extra_time_percent = fields.IntField(default=0)
    assessments_allowed = fields.IntField(default=1)

    class Meta:
        table = "ticket"


class Assessment(Row):
    """An entry."""

    task_id: UUID = fields.UUIDField()
    ticket_id: UUID = fields.UUIDField()
    status = fields.CharField(max_length=16, default="CREATED")

    class Meta:
        table = "assessment"


class TestSession(Row):
    """An attempt."""

    __test__ = False

    task_id: UUID = fields.UUIDField()
    ticket_id: UUID = fields.UUIDField()
    assessment_id: UUID = fields.UUIDField()
    step_id: UUID = fields.UUIDField()
    test_id: UUID = fields.UUIDField()
    status = fields.CharField(max_length=20)
    grading = fields.CharField(max_length=20, default="NOT_READY")
    attempt = fields.IntField(default=1)
    base_seconds = fields.IntField(default=3_600)
    started_at = fields.DatetimeField(null=True)
    last_seen_at = fields.DatetimeField(null=True)
    deadline_at = fields.DatetimeField(null=True)
    answered = fields.IntField(default=0)
    total = fields.IntField(default=10)

    class Meta:
        table = "test_session"


class Result(Row):
    """A score."""

    session_id: UUID = fields.UUIDField()
    version = fields.IntField()
    score = fields.FloatField()
    superseded_at = fields.DatetimeField(null=True)

    class Meta:
        table = "result"


class Event(Model):
    """What happened."""

    position = fields.BigIntField(primary_key=True, generated=True)
    id = fields.UUIDField(default=uuid7)
    organization_id: UUID = fields.UUIDField()
    type = fields.CharField(max_length=40)
    subject = fields.CharField(max_length=60)
    actor = fields.CharField(max_length=60, default="bench")
    task_id: UUID | None = fields.UUIDField(null=True)
    ticket_id: UUID | None = fields.UUIDField(null=True)
    session_id: UUID | None = fields.UUIDField(null=True)
    payload: dict[str, Any] = fields.JSONField()
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "event"
