"""The append-only log of everything that changed, read in one order by everybody."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import Model, fields
from tortoise.queryset import QuerySet

import errors
from models import chance, clock, unit
from models.actor import Actor
from models.base import key_in
from models.changes import insert, insert_last, lock
from models.children import Children
from models.prepared import Prepared


class EventType(StrEnum):
    """What happened."""

    ORGANIZATION_CREATED = "ORGANIZATION_CREATED"
    SIGN_IN_CONFIGURED = "SIGN_IN_CONFIGURED"
    MEMBER_JOINED = "MEMBER_JOINED"
    MEMBER_LOGGED_IN = "MEMBER_LOGGED_IN"
    MEMBER_LOGGED_OUT = "MEMBER_LOGGED_OUT"
    API_KEY_CREATED = "API_KEY_CREATED"
    API_KEY_ROTATED = "API_KEY_ROTATED"
    API_KEY_REVOKED = "API_KEY_REVOKED"
    TEST_CREATED = "TEST_CREATED"
    TEST_STATUS_CHANGED = "TEST_STATUS_CHANGED"
    TASK_CREATED = "TASK_CREATED"
    TASK_STATUS_CHANGED = "TASK_STATUS_CHANGED"
    FINISH_REDIRECT_CONFIGURED = "FINISH_REDIRECT_CONFIGURED"
    TICKETS_ISSUED = "TICKETS_ISSUED"
    TICKET_STATUS_CHANGED = "TICKET_STATUS_CHANGED"
    ACCESS_LINKS_CREATED = "ACCESS_LINKS_CREATED"
    ACCESS_LINK_REVOKED = "ACCESS_LINK_REVOKED"
    ASSESSMENT_STATUS_CHANGED = "ASSESSMENT_STATUS_CHANGED"
    TEST_SESSION_STATUS_CHANGED = "TEST_SESSION_STATUS_CHANGED"
    ANSWERS_SAVED = "ANSWERS_SAVED"
    TIME_ADJUSTED = "TIME_ADJUSTED"
    ANSWER_GRADED = "ANSWER_GRADED"
    RESULT_RECORDED = "RESULT_RECORDED"
    RESULTS_RELEASED = "RESULTS_RELEASED"
    EXPORT_REQUESTED = "EXPORT_REQUESTED"
    EXPORT_PROGRESSED = "EXPORT_PROGRESSED"
    EXPORT_READY = "EXPORT_READY"
    EXPORT_FAILED = "EXPORT_FAILED"
    EXPORT_DOWNLOADED = "EXPORT_DOWNLOADED"


class Event(Model):
    """One change: what, to which thing, by whom, when. It never holds personal data, codes or tokens.

    `position` grows in the order of commits within an organization. `subject` and `actor` are global ids. The task,
    ticket and session it concerns are columns, so that a stream reads only what it asked for.
    """

    prefix = "evt"

    position: int = fields.BigIntField(primary_key=True, generated=True)
    id = fields.UUIDField(default=chance.new_id, unique=True)
    organization_id: UUID = fields.UUIDField()
    type = fields.CharEnumField(EventType, EventType.__doc__, max_length=40)
    subject = fields.CharField(max_length=60)
    actor = fields.CharField(max_length=60)
    task_id: UUID | None = fields.UUIDField(null=True)
    ticket_id: UUID | None = fields.UUIDField(null=True)
    session_id: UUID | None = fields.UUIDField(null=True)
    payload: dict[str, Any] = fields.JSONField(default=dict)
    created_at: datetime = fields.DatetimeField(default=clock.now)

    class Meta:
        table = "event"
        indexes = (
            ("organization_id", "position"),
            ("task_id", "position"),
            ("ticket_id", "position"),
            ("session_id", "position"),
        )

    @property
    def gid(self) -> str:
        """The global id; the same in the stream, the feed and a webhook."""
        return f"{self.prefix}_{self.id}"

    @classmethod
    def key_of(cls, gid: str) -> UUID:
        """The id inside a global id. Raises NotFound for another type's id or no id at all."""
        return key_in(gid, cls.prefix)

    @property
    def cursor(self) -> str:
        """The event's place in the log, as clients send it back."""
        return cursor_of(self.id)

    @classmethod
    def visible_to(cls, actor: Actor) -> QuerySet[Event]:
        """The organization's log in order; a candidate sees its own ticket's part, a narrowed key that of its tasks."""
        log = cls.filter(organization_id=actor.organization).order_by("position")
        if actor.is_candidate:
            return log.filter(ticket_id=actor.ticket_id)
        return log if actor.task_ids is None else log.filter(task_id__in=list(actor.task_ids))

    @classmethod
    def following(
        cls, actor: Actor, position: int, types: Collection[EventType] | None = None, **about: UUID | str
    ) -> QuerySet[Event]:
        """What this actor may know of that came after the position: of these types (None: all), about these things."""
        later = cls.visible_to(actor).filter(position__gt=position, **about)
        return later if types is None else later.filter(type__in=list(types))

    @classmethod
    def pages(
        cls, actor: Actor, types: Collection[EventType], about: Mapping[str, UUID | str], size: int
    ) -> Prepared[Event]:
        """The first so many of what is `following`, for who asks again and again, each time after another position."""
        return Prepared(lambda position: cls.following(actor, position, types, **about).limit(size), int)


async def head(organization_id: UUID) -> int:
    """The newest position of the organization's log; 0 when it is empty."""
    return (await heads([organization_id])).get(organization_id, 0)


async def heads(organization_ids: Collection[UUID]) -> Mapping[UUID, int]:
    """The newest position of each of these organizations' logs: for the server itself, which wakes those who wait."""
    keys = list(organization_ids)
    logs = await _newest.of(keys)
    return {key: events[0].position for key, events in zip(keys, logs, strict=True) if events}


_newest = Children(lambda organization: Event.filter(organization_id=organization).limit(1), by="-position")


async def end(actor: Actor) -> str:
    """The cursor of the newest event that the actor may know of; BEGINNING when there is none."""
    newest = await Event.visible_to(actor).order_by("-position").first()
    return newest.cursor if newest else BEGINNING


def cursor_of(key: UUID) -> str:
    """A place in the log as clients see it: opaque. It names the event there, so that it fits this log alone.

    A position would fit any: after a backup was restored, positions are given out again, to other events.
    """
    return urlsafe_b64encode(key.bytes).decode("ascii").rstrip("=")


BEGINNING = cursor_of(UUID(int=0))  # the place before the oldest event


async def position_of(organization_id: UUID, cursor: str) -> int:
    """The position in the organization's log that a cursor means. Raises BadRequest for one that is not in it."""
    if cursor == BEGINNING:
        return 0
    try:
        key = UUID(bytes=urlsafe_b64decode(cursor.encode("ascii") + b"=="))
    except ValueError:
        raise errors.BadRequest("The cursor is not one of ours.") from None
    found = await Event.filter(organization_id=organization_id, id=key).first().values_list("position")
    if found is None:  # another log's, or of an event that happened after the backup that was restored
        raise errors.BadRequest("The cursor is not in this log: read afresh, and go on from the log's head.")
    return int(found[0])


def record(
    type_: EventType,
    subject: str,
    actor: Actor,
    *,
    task_id: UUID | None = None,
    ticket_id: UUID | None = None,
    session_id: UUID | None = None,
    **payload: Any,
) -> None:
    """Write to the log, in the transaction that is open, that `actor` did this to `subject`."""
    unit.current().events.append(
        {
            "id": chance.new_id_text(),
            "organization_id": actor.organization,
            "type": type_,
            "subject": subject,
            "actor": actor.gid,
            "task_id": task_id,
            "ticket_id": ticket_id,
            "session_id": session_id,
            "payload": payload,
            "created_at": clock.now(),
        }
    )


async def write(events: Sequence[Mapping[str, Any]]) -> None:
    """Insert a transaction's events, last of all, one transaction of an organization at a time.

    PostgreSQL hands out positions before it commits: without the lock a reader could see 8 before 7 and never see 7.
    SQLite has one writer, who writes the events of all that is committed together at once.
    """
    if unit.writing().capabilities.dialect != "postgres":
        insert_last(Event, events)
        return
    for organization_id in sorted({event["organization_id"] for event in events}):
        await lock("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended({0}, 0))", str(organization_id))
    await insert(Event, events)
