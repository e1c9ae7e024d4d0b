"""Tickets: a candidate's admission to a task."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.exceptions import DoesNotExist
from tortoise.expressions import Q, Subquery
from tortoise.queryset import QuerySet

from models import clock
from models.actor import Actor, candidate
from models.base import Owned
from models.changes import lock
from models.event import EventType
from models.labels import labels_field
from models.moves import Stateful
from models.prepared import Prepared
from models.task import Task


class TicketStatus(StrEnum):
    """Where a ticket is in its life. SCHEDULED and EXPIRED are computed from the clock, never stored."""

    ISSUED = "ISSUED"
    ACTIVATED = "ACTIVATED"
    CONSUMED = "CONSUMED"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    SCHEDULED = "SCHEDULED"
    EXPIRED = "EXPIRED"


USABLE = (TicketStatus.ISSUED, TicketStatus.ACTIVATED)
_LONGEST_CODE = 32
_AT_ONCE = 5_000  # keys in one statement

# What `status_at` and `invitation_code` answer, as SQL.
STATUS_AT = (
    f"CASE WHEN {{row}}.status NOT IN {tuple(map(str, USABLE))} THEN {{row}}.status"
    " WHEN {row}.valid_until <= {now} THEN 'EXPIRED'"
    " WHEN {row}.valid_from > {now} THEN 'SCHEDULED' ELSE {row}.status END"
)
INVITATION_CODE = "substr({row}.code, 1, 4) || '-' || substr({row}.code, 5, 5) || '-' || substr({row}.code, 10)"

_SEPARATORS = re.compile(r"[^A-Z0-9]+")


class Candidate(Owned):
    """The test-taker: personal data lives here and nowhere else."""

    prefix = "cnd"
    candidate_scope = {"id": "candidate_id"}

    full_name = fields.CharField(max_length=200)
    email = fields.CharField(max_length=320, null=True)
    external_id = fields.CharField(max_length=200, null=True)
    locale = fields.CharField(max_length=35, null=True)
    attributes: dict[str, Any] = fields.JSONField(default=dict)

    class Meta:
        table = "candidate"
        indexes = (("organization_id", "external_id"), ("organization_id", "email"))

    @classmethod
    def _of_tasks(cls, own: QuerySet[Candidate], actor: Actor, task_ids: Collection[UUID]) -> QuerySet[Candidate]:
        return own.filter(id__in=Subquery(Ticket.filter(task_id__in=list(task_ids)).values("candidate_id")))


class TicketBatch(Owned):
    """One call that issued tickets, so that the same idempotency key with the same body returns the same tickets."""

    prefix = "bat"
    task_scope = "task_id"

    task: fields.ForeignKeyRelation[Task] = fields.ForeignKeyField("admit.Task", related_name=False)
    task_id: UUID
    idempotency_key = fields.CharField(max_length=200, null=True)
    body_hash = fields.CharField(max_length=64)
    count = fields.IntField()

    class Meta:
        table = "ticket_batch"
        unique_together = (("organization_id", "idempotency_key"),)


class Ticket(Stateful):
    """A candidate's admission: invitation code, validity, group, labels, accommodation, meeting link, redirect."""

    prefix = "tkt"
    moved = EventType.TICKET_STATUS_CHANGED
    candidate_scope = {"id": "ticket_id"}
    task_scope = "task_id"
    MOVES = {
        TicketStatus.ISSUED: frozenset({TicketStatus.ACTIVATED, TicketStatus.SUSPENDED, TicketStatus.REVOKED}),
        TicketStatus.ACTIVATED: frozenset({TicketStatus.CONSUMED, TicketStatus.SUSPENDED, TicketStatus.REVOKED}),
        TicketStatus.SUSPENDED: frozenset({TicketStatus.ISSUED, TicketStatus.ACTIVATED, TicketStatus.REVOKED}),
        TicketStatus.CONSUMED: frozenset({TicketStatus.ACTIVATED, TicketStatus.REVOKED}),
        TicketStatus.REVOKED: frozenset(),
    }

    task: fields.ForeignKeyRelation[Task] = fields.ForeignKeyField("admit.Task", related_name=False)
    task_id: UUID
    candidate: fields.ForeignKeyRelation[Candidate] = fields.ForeignKeyField("admit.Candidate", related_name=False)
    candidate_id: UUID
    batch: fields.ForeignKeyRelation[TicketBatch] = fields.ForeignKeyField("admit.TicketBatch", related_name=False)
    batch_id: UUID
    status = fields.CharEnumField(TicketStatus, TicketStatus.__doc__, max_length=16, default=TicketStatus.ISSUED)
    code = fields.CharField(max_length=_LONGEST_CODE, unique=True)
    group = fields.CharField(max_length=200, null=True)
    labels: list[str] = labels_field()
    valid_from: datetime | None = fields.DatetimeField(null=True)
    valid_until: datetime | None = fields.DatetimeField(null=True)
    extra_time_percent = fields.IntField(default=0)
    meeting_url = fields.CharField(max_length=2000, null=True)
    finish_redirect_url = fields.CharField(max_length=2000, null=True)
    assessments_allowed = fields.IntField(default=1)
    last_refusal = fields.CharField(max_length=40, null=True)
    last_refused_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "ticket"
        indexes = (("organization_id", "id"), ("task_id", "id"), ("task_id", "status", "id"), ("batch_id", "id"))

    @classmethod
    async def refused(cls, key: UUID, refusal: str, at: datetime) -> None:
        """Note that somebody with the right code or link was not let in, and why: staff will be asked about it."""
        await cls.filter(id=key).update(last_refusal=refusal, last_refused_at=at)

    @classmethod
    async def hold(cls, key: UUID) -> Ticket:
        """The ticket, locked: every change to a candidate's assessments and sessions queues up here first."""
        found = await _held.one(key)
        if found is None:
            raise DoesNotExist(cls)
        return found

    @classmethod
    async def lock(cls, key: UUID | None) -> None:
        """Lock it without reading it."""
        await lock("SELECT 1 FROM ticket WHERE id = {0} FOR UPDATE", key)

    @classmethod
    async def hold_all(cls, keys: Collection[UUID]) -> None:
        """Lock these tickets, always in the same order, so that two who want several never wait for each other."""
        ordered = sorted(set(keys))
        for start in range(0, len(ordered), _AT_ONCE):
            some = ordered[start : start + _AT_ONCE]
            await cls.filter(id__in=some).order_by("id").select_for_update().only("id")

    def actor_in(self, assessment_id: UUID | None) -> Actor:
        """The ticket's candidate, without an assessment before they have one."""
        return candidate(self.organization_id, self.id, self.task_id, self.candidate_id, assessment_id)

    def status_at(self, now: datetime) -> TicketStatus:
        """The status as the clock shows it."""
        return status_shown(self.status, self.valid_from, self.valid_until, now)

    def has_expired(self, now: datetime) -> bool:
        """Whether its time has passed, whatever became of it."""
        return self.valid_until is not None and now >= self.valid_until

    @property
    def current_status(self) -> TicketStatus:
        """The status as the clock shows it now."""
        return self.status_at(clock.now())

    @property
    def invitation_code(self) -> str:
        """The code as people read it, in groups: `ABCD-EFGHJ-KMNP`."""
        return grouped(self.code)

    def concerns(self) -> dict[str, UUID]:
        """Filed under its task and itself."""
        return {"task_id": self.task_id, "ticket_id": self.id}


_held = Prepared(lambda key: Ticket.filter(id=key).select_for_update(), UUID)


def status_shown(
    kept: TicketStatus, valid_from: datetime | None, valid_until: datetime | None, now: datetime
) -> TicketStatus:
    """The status as the clock shows it, of a ticket whose columns are these."""
    if kept not in USABLE:
        return kept
    if valid_until is not None and now >= valid_until:
        return TicketStatus.EXPIRED
    return TicketStatus.SCHEDULED if valid_from is not None and now < valid_from else kept


def grouped(code: str) -> str:
    """A code as people read it: `ABCD-EFGHJ-KMNP`."""
    return f"{code[:4]}-{code[4:9]}-{code[9:]}"


def normalise(code: str) -> str:
    """A code as it is stored: upper case, without dashes, spaces or whatever else a person's editor put in between."""
    return _SEPARATORS.sub("", code.upper())[:_LONGEST_CODE]  # what is longer than the column is wrong as it is


def with_status(tickets: QuerySet[Ticket], statuses: list[TicketStatus], now: datetime) -> QuerySet[Ticket]:
    """Those whose status, as the clock shows it, is one of these."""
    expired = Q(status__in=USABLE, valid_until__lte=now)
    scheduled = Q(status__in=USABLE, valid_from__gt=now) & (Q(valid_until=None) | Q(valid_until__gt=now))
    present = (Q(valid_until=None) | Q(valid_until__gt=now)) & (Q(valid_from=None) | Q(valid_from__lte=now))
    condition = Q(id__isnull=True)
    for status in statuses:
        match status:
            case TicketStatus.EXPIRED:
                condition |= expired
            case TicketStatus.SCHEDULED:
                condition |= scheduled
            case TicketStatus.ISSUED | TicketStatus.ACTIVATED:
                condition |= Q(status=status) & present
            case _:
                condition |= Q(status=status)
    return tickets.filter(condition)
