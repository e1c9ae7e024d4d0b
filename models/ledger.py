"""The time ledger: every second given or taken, with its cause."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from tortoise import fields

from models.base import Owned
from models.session import TestSession


class TimeCause(StrEnum):
    """Why time was given or taken."""

    ACCOMMODATION = "ACCOMMODATION"  # the ticket's extra time
    WINDOW = "WINDOW"  # the task closes before the test's full time
    PAUSE = "PAUSE"  # given back for a pause
    INTERRUPTION = "INTERRUPTION"  # given back where the task stops the clock
    TECHNICAL = "TECHNICAL"
    PROCTOR = "PROCTOR"
    REINSTATEMENT = "REINSTATEMENT"
    OTHER = "OTHER"


class TimeAdjustment(Owned):
    """Signed seconds added to a session's deadline: append-only."""

    prefix = "adj"
    candidate_scope = {"session__ticket_id": "ticket_id"}
    task_scope = "session__task_id"

    session: fields.ForeignKeyRelation[TestSession] = fields.ForeignKeyField("admit.TestSession", related_name=False)
    session_id: UUID
    seconds = fields.IntField()
    cause = fields.CharEnumField(TimeCause, TimeCause.__doc__, max_length=20)
    reason = fields.CharField(max_length=500, null=True)
    actor = fields.CharField(max_length=60)

    class Meta:
        table = "time_adjustment"
        indexes = (("session_id", "id"),)


def deadline(started_at: datetime, base_seconds: int, adjustments: Iterable[int]) -> datetime:
    """Start + base + the ledger's sum, exactly."""
    return started_at + timedelta(seconds=base_seconds + sum(adjustments))
