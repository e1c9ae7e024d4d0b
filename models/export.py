"""Spreadsheets being made."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q

from models.base import Owned
from models.moves import Moves
from models.task import Task


class ExportStatus(StrEnum):
    """How far the spreadsheet is."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    READY = "READY"
    FAILED = "FAILED"


class Export(Owned):
    """A spreadsheet of a task's direct links: progress from 0 to 1, row count and SHA-256 once it is there.

    `heartbeat_at` says that its worker lives, and tells one worker's claim from another's.
    """

    prefix = "exp"
    task_scope = "task_id"
    MOVES: ClassVar[Moves] = {
        ExportStatus.QUEUED: frozenset({ExportStatus.RUNNING}),
        ExportStatus.RUNNING: frozenset(ExportStatus),  # taken over, put back, or ended
        ExportStatus.READY: frozenset(),
        ExportStatus.FAILED: frozenset(),
    }

    task: fields.ForeignKeyRelation[Task] = fields.ForeignKeyField("admit.Task", related_name=False)
    task_id: UUID
    status = fields.CharEnumField(ExportStatus, ExportStatus.__doc__, max_length=16, default=ExportStatus.QUEUED)
    progress = fields.FloatField(default=0.0)
    rows: int | None = fields.IntField(null=True)
    sha256 = fields.CharField(max_length=64, null=True)
    ticket_filter: dict[str, Any] = fields.JSONField(default=dict)
    links_expire_at: datetime | None = fields.DatetimeField(null=True)
    requested_by = fields.CharField(max_length=60)
    heartbeat_at: datetime | None = fields.DatetimeField(null=True)
    ready_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "export"
        indexes = (("organization_id", "id"), ("status", "id"))

    @classmethod
    async def by_id(cls, key: UUID) -> Export | None:
        """The export that a signed download address names; the signature is the authority."""
        return await cls.get_or_none(id=key)

    @classmethod
    async def unfinished(cls, stale_before: datetime) -> Export | None:
        """The oldest that a worker may take up: queued, or left by a process that died."""
        abandoned = Q(status=ExportStatus.RUNNING, heartbeat_at__lt=stale_before)
        return await cls.filter(Q(status=ExportStatus.QUEUED) | abandoned).order_by("id").first()

    async def advance(self, to: ExportStatus, heartbeat_at: datetime | None, **columns: Any) -> bool:
        """Write the status and `columns` if the table allows it; False when another worker has the export by now."""
        changes = {"status": to, "heartbeat_at": heartbeat_at, **columns}
        mine = Export.filter(id=self.id, status=self.status, heartbeat_at=self.heartbeat_at)
        if to not in self.MOVES[self.status] or not await mine.update(**changes):
            return False
        self.update_from_dict(changes)
        return True

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return not self.MOVES[self.status]
