"""A program's credential."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tortoise import fields

from models.actor import Actor, ActorKind, Permission
from models.base import Owned


class ApiKey(Owned):
    """A secret that a program sends: stored hashed, shown once. `prefix_shown` lets people tell keys apart.

    `task_ids` narrows it to some tasks; None is all of them. While a secret replaces another, both count until
    `previous_until`.
    """

    prefix = "key"

    name = fields.CharField(max_length=200)
    prefix_shown = fields.CharField(max_length=16)
    hash = fields.CharField(max_length=64, unique=True)
    previous_hash = fields.CharField(max_length=64, unique=True, null=True)
    previous_until: datetime | None = fields.DatetimeField(null=True)
    scopes: list[str] = fields.JSONField()
    task_ids: list[str] | None = fields.JSONField(null=True)
    created_by: UUID = fields.UUIDField()
    expires_at: datetime | None = fields.DatetimeField(null=True)
    revoked_at: datetime | None = fields.DatetimeField(null=True)
    last_used_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "api_key"
        indexes = (("organization_id", "id"),)

    @classmethod
    async def by_hashes(cls, hashes: Sequence[str]) -> ApiKey | None:
        """The key whose secret has one of these fingerprints; the secret is the authority."""
        return await cls.filter(hash__in=hashes).first()

    @classmethod
    async def by_id(cls, key: UUID) -> ApiKey | None:
        """The key that a running stream began with."""
        return await cls.get_or_none(id=key)

    @classmethod
    async def used(cls, key: UUID, at: datetime) -> None:
        """Note when the key was used last."""
        await cls.filter(id=key).update(last_used_at=at)

    @classmethod
    async def revoke(cls, key: UUID, at: datetime) -> bool:
        """End the key; False if it had been ended."""
        return bool(await cls.filter(id=key, revoked_at=None).update(revoked_at=at))

    def is_live(self, at: datetime) -> bool:
        """Whether the secret still counts."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    @property
    def actor(self) -> Actor:
        """What this key may do: its scopes and nothing else."""
        return Actor(
            ActorKind.API_KEY,
            self.gid,
            self.organization_id,
            frozenset(Permission(scope) for scope in self.scopes),
            self.id,
            self.id,
            self.expires_at,
        )
