"""The tenant."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.exceptions import DoesNotExist
from tortoise.queryset import QuerySet

from models import chance
from models.actor import Actor
from models.base import Row
from models.prepared import Prepared


def _new_secret() -> bytes:
    return chance.random_bytes(32)


class Organization(Row):
    """A tenant and its settings: `redirect_secret` signs the finish redirects that its partner verifies."""

    prefix = "org"

    name = fields.CharField(max_length=200)
    finish_redirect_url = fields.CharField(max_length=2000, null=True)
    allowed_redirect_hosts: list[str] = fields.JSONField(default=list)
    redirect_secret: bytes = fields.BinaryField(default=_new_secret)
    time_zone = fields.CharField(max_length=64, default="UTC")
    retention_days: int | None = fields.IntField(null=True)

    class Meta:
        table = "organization"

    @classmethod
    def visible_to(cls, actor: Actor) -> QuerySet[Organization]:
        """The credential's own organization."""
        return cls.filter(id=actor.organization)

    @classmethod
    async def own(cls, actor: Actor) -> Organization:
        """The credential's own organization."""
        found = await _own.one(actor.organization)
        if found is None:
            raise DoesNotExist(cls)
        return found

    @property
    def organization_id(self) -> UUID:
        """Its own, so that every row answers the same question."""
        return self.id

    @property
    def settings(self) -> Organization:
        """The settings are columns of the organization."""
        return self


_own = Prepared(lambda key: Organization.filter(id=key), UUID)
