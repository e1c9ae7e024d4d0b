"""Shared links: revocable, expiring, encrypted ways to a ticket."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.expressions import F
from tortoise.queryset import QuerySet

from models import clock
from models.actor import Actor
from models.base import Owned
from models.children import Of, children
from models.ticket import Ticket


class AccessLinkStatus(StrEnum):
    """Whether the link still lets its candidate in."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    SPENT = "SPENT"
    REVOKED = "REVOKED"


class AccessLink(Owned):
    """A link to a ticket. A use is an assessment that it opened: opening it again costs nothing.

    The link itself carries only this row's id, `version` and expiry; raising the version makes older links void.
    """

    prefix = "lnk"
    task_scope = "ticket__task_id"

    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField("admit.Ticket", related_name=False)
    ticket_id: UUID
    version = fields.IntField(default=1)
    expires_at: datetime | None = fields.DatetimeField(null=True)
    max_uses: int | None = fields.IntField(null=True)
    use_count = fields.IntField(default=0)
    last_opened_at: datetime | None = fields.DatetimeField(null=True)
    revoked_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "access_link"
        indexes = (("ticket_id", "id"),)

    @classmethod
    async def by_id(cls, key: UUID) -> AccessLink | None:
        """The link that a decrypted token names; the token is the authority."""
        return await cls.get_or_none(id=key)

    @classmethod
    async def hold(cls, key: UUID) -> AccessLink | None:
        """The same, locked; its ticket's lock is held."""
        return await cls.select_for_update().get_or_none(id=key)

    @classmethod
    async def unlimited(
        cls, actor: Actor, tickets: Sequence[UUID], expires_at: datetime | None
    ) -> Sequence[Sequence[AccessLink]]:
        """For each ticket its links with this expiry and no limit of uses that still count, oldest first."""

        def narrow(links: QuerySet[AccessLink]) -> QuerySet[AccessLink]:
            return links.filter(expires_at=expires_at, max_uses=None, revoked_at=None)

        return await children(cls, actor, Of("ticket_id"), tickets, narrow=narrow)

    @classmethod
    async def opened(cls, key: UUID, at: datetime) -> None:
        """Note when the link was followed last."""
        await cls.filter(id=key).update(last_opened_at=at)

    @classmethod
    async def use(cls, key: UUID) -> None:
        """Count one assessment that the link opened."""
        await cls.filter(id=key).update(use_count=F("use_count") + 1)

    @property
    def is_spent(self) -> bool:
        """Whether it has opened as many assessments as it may."""
        return self.max_uses is not None and self.use_count >= self.max_uses

    def status_at(self, now: datetime) -> AccessLinkStatus:
        """The status as the clock shows it."""
        if self.revoked_at is not None:
            return AccessLinkStatus.REVOKED
        if self.expires_at is not None and now >= self.expires_at:
            return AccessLinkStatus.EXPIRED
        if self.is_spent:
            return AccessLinkStatus.SPENT
        return AccessLinkStatus.ACTIVE

    @property
    def status(self) -> AccessLinkStatus:
        """The status as the clock shows it now."""
        return self.status_at(clock.now())
