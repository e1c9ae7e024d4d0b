"""What was answered, what it scored, and what the instructor marked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.queryset import QuerySet

from models import clock
from models.actor import Actor, Permission
from models.base import Owned
from models.session import ENDED, TestSession

_AT_ONCE = 5_000  # keys in one statement


class Answer(Owned):
    """The newest answer to one question of a session: the one with the highest client sequence."""

    prefix = "ans"
    candidate_scope = {"session__ticket_id": "ticket_id"}
    task_scope = "session__task_id"

    session: fields.ForeignKeyRelation[TestSession] = fields.ForeignKeyField("admit.TestSession", related_name=False)
    session_id: UUID
    question_id = fields.CharField(max_length=48)
    content: dict[str, Any] = fields.JSONField()  # {"value": …}: Tortoise takes a bare string for JSON text
    sequence = fields.BigIntField()
    received_at: datetime = fields.DatetimeField(default=clock.now)

    class Meta:
        table = "answer"
        unique_together = (("session_id", "question_id"),)

    @classmethod
    async def of(cls, session: TestSession) -> dict[str, Answer]:
        """The session's answers by question; for whoever has been shown the session."""
        return {answer.question_id: answer for answer in await cls.filter(session_id=session.id)}

    @classmethod
    async def keep(cls, answers: Sequence[Answer]) -> None:
        """Write these answers over whatever was there before."""
        if not answers:
            return
        await cls.bulk_create(
            answers, on_conflict=["session_id", "question_id"], update_fields=["content", "sequence", "received_at"]
        )

    @property
    def value(self) -> Any:
        """Option id, list of option ids, boolean, number or text; None where the answer was taken back."""
        return self.content["value"]


class Result(Owned):
    """One version of a session's score, never edited: a newer version supersedes it.

    `marks` maps question ids to points. Candidates and partners see released versions only.
    """

    prefix = "res"
    candidate_scope = {"session__ticket_id": "ticket_id"}
    task_scope = "session__task_id"

    session: fields.ForeignKeyRelation[TestSession] = fields.ForeignKeyField("admit.TestSession", related_name=False)
    session_id: UUID
    version = fields.IntField()
    score = fields.FloatField()
    max_score = fields.FloatField()
    passed = fields.BooleanField(null=True)
    marks: dict[str, float] = fields.JSONField()
    released_at: datetime | None = fields.DatetimeField(null=True)
    superseded_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "result"
        unique_together = (("session_id", "version"),)

    @classmethod
    def visible_to(cls, actor: Actor) -> QuerySet[Result]:
        """Whoever grades sees every version; everybody else sees what was released."""
        own = super().visible_to(actor)
        return own if actor.may(Permission.GRADE) else own.filter(released_at__isnull=False)

    @classmethod
    async def of(cls, session: TestSession) -> list[Result]:
        """Every version of the session's result, oldest first; for grading."""
        return await cls.filter(session_id=session.id).order_by("version")

    @classmethod
    async def unreleased_of(cls, session_ids: Collection[UUID]) -> list[Result]:
        """The versions of these sessions that count and are not released."""
        wanted, found = sorted(session_ids), list[Result]()
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            found += await cls.filter(session_id__in=some, superseded_at=None, released_at=None).order_by("id")
        return found

    @classmethod
    async def release(cls, keys: Collection[UUID], at: datetime) -> None:
        """Let candidates and partners see these versions from now on."""
        wanted = list(keys)
        for start in range(0, len(wanted), _AT_ONCE):
            await cls.filter(id__in=wanted[start : start + _AT_ONCE]).update(released_at=at)

    @classmethod
    async def supersede(cls, session: TestSession, at: datetime) -> None:
        """Whatever version counted does not any more."""
        await cls.filter(session_id=session.id, superseded_at=None).update(superseded_at=at)


SHOWN_OF = ("status", "ended_at")  # the columns of the session that `shown` asks for,
SHOWN_BY = ("version", "superseded_at", "released_at", "created_at")  # and of its results


_version = attrgetter("version")


def shown(session: TestSession, results: Sequence[Result], actor: Actor) -> Result | None:
    """The version that this actor is shown, of the session's that it may see.

    Whoever grades sees the one that counts. Everybody else goes on seeing the newest released one until a newer is
    released; what was scored before a reinstatement counts for nothing.
    """
    if actor.may(Permission.GRADE):
        current = [one for one in results if one.superseded_at is None]
    else:
        ended_at = session.ended_at if session.has_ended else None
        current = [one for one in results if one.released_at and ended_at and one.created_at >= ended_at]
    return max(current, key=_version, default=None) if len(current) != 1 else current[0]


def shown_in_sql(session: str, column: str, *, everything: bool) -> str:
    """The column of what `shown` answers, for the session that bears this name in a statement."""
    ended = f"{session}.status IN {tuple(map(str, ENDED))}"
    released = f"released_at IS NOT NULL AND {ended} AND created_at >= {session}.ended_at"
    counts = "superseded_at IS NULL" if everything else released
    rows = f"FROM result WHERE session_id = {session}.id AND organization_id = {session}.organization_id AND {counts}"
    return f"(SELECT {column} {rows} ORDER BY version DESC LIMIT 1)"


class Review(Owned):
    """An instructor's mark and comment on one answer: append-only, the newest counts."""

    prefix = "rev"
    task_scope = "session__task_id"

    session: fields.ForeignKeyRelation[TestSession] = fields.ForeignKeyField("admit.TestSession", related_name=False)
    session_id: UUID
    question_id = fields.CharField(max_length=48)
    points = fields.FloatField()
    comment: str | None = fields.TextField(null=True)
    reviewer = fields.CharField(max_length=60)

    class Meta:
        table = "review"
        indexes = (("session_id", "id"),)

    @classmethod
    async def of(cls, session: TestSession) -> list[Review]:
        """Every mark that instructors gave in the session, oldest first; for grading."""
        return await cls.filter(session_id=session.id).order_by("created_at", "id")
