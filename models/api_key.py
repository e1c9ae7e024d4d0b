"""A program's credential."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache, cached_property
from uuid import UUID

from tortoise import fields
from tortoise.expressions import F, Q
from tortoise.queryset import QuerySet

from models import clock, reading
from models.actor import ORGANIZATION_WIDE, Actor, ActorKind, Permission
from models.base import Owned
from models.together import Together


class ApiKey(Owned):
    """A secret that a program sends: stored hashed, shown once. `prefix_shown` lets people tell keys apart.

    `task_ids` narrows it to some tasks; None is all of them. While a secret replaces another, both count until
    `previous_until`. `printed_with` and `previous_printed_with` name the SECRET_KEY behind a hash, None if not known.
    """

    prefix = "key"

    name = fields.CharField(max_length=200)
    prefix_shown = fields.CharField(max_length=16)
    hash = fields.CharField(max_length=64, unique=True)
    printed_with = fields.CharField(max_length=16, null=True)
    previous_hash = fields.CharField(max_length=64, unique=True, null=True)
    previous_printed_with = fields.CharField(max_length=16, null=True)
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
    async def by_hashes(cls, hashes: Sequence[str], came: int | None = None) -> ApiKey | None:
        """The key whose secret has one of these fingerprints, or had until lately; the secret is the authority.

        It is as it was at the moment when the request `came`, or later: see models/together.py.
        """
        return await _asked(tuple(hashes), came)

    @classmethod
    def by_hashes_at_once(cls, hashes: Sequence[str]) -> ApiKey | None:
        """The same, if nobody has to wait for it. Raises Unanswered."""
        return reading.the_at_once(cls, _by_hashes(len(hashes)), hashes)

    @classmethod
    async def by_id(cls, key: UUID) -> ApiKey | None:
        """The key that a running stream began with."""
        try:
            return await reading.the(cls, "id = {0}", [key])
        except reading.Unanswered:  # Tortoise says why
            return await cls.get_or_none(id=key)

    @classmethod
    async def used(cls, key: UUID, at: datetime, since: datetime) -> None:
        """Note when the key was used last, unless that is known from `since` on."""
        await cls.filter(Q(last_used_at=None) | Q(last_used_at__lt=since), id=key).update(last_used_at=at)

    @classmethod
    async def reprint(cls, key: UUID, old: str, new: str, printed_with: str) -> None:
        """Keep the same secret, present or previous, under another fingerprint, if that is how it is kept now."""
        await cls.filter(id=key, hash=old).update(hash=new, printed_with=printed_with)
        await cls.filter(id=key, previous_hash=old).update(previous_hash=new, previous_printed_with=printed_with)

    @classmethod
    async def rotate(
        cls, key: UUID, old: str, new: str, printed_with: str, prefix_shown: str, previous_until: datetime | None
    ) -> bool:
        """Replace the secret, which counts on until `previous_until`; False if it is another one by now."""
        return bool(
            await cls.filter(id=key, hash=old, revoked_at=None).update(
                hash=new,
                printed_with=printed_with,
                prefix_shown=prefix_shown,
                previous_hash=old if previous_until else None,
                previous_printed_with=F("printed_with") if previous_until else None,
                previous_until=previous_until,
            )
        )

    @classmethod
    async def revoke(cls, key: UUID, at: datetime) -> bool:
        """End the key; False if it had been ended."""
        return bool(await cls.filter(id=key, revoked_at=None).update(revoked_at=at))

    @classmethod
    def _of_tasks(cls, own: QuerySet[ApiKey], actor: Actor, task_ids: Collection[UUID]) -> QuerySet[ApiKey]:
        return own.filter(Q(id=actor.id) | Q(created_by=actor.id))  # itself, and what it made

    def is_live(self, at: datetime) -> bool:
        """Whether the key still counts."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def knows(self, hashes: Collection[str]) -> bool:
        """Whether a secret with these fingerprints is the key's, or the one before it in its last hours."""
        return self.hash in hashes or (self.previous_hash in hashes and self.previous_secret_until is not None)

    def printed_as(self, hashes: Sequence[str], printed_with: str) -> str | None:
        """Under which of these fingerprints the secret is kept, unless it is the first, known as `printed_with`."""
        for kept, by in ((self.hash, self.printed_with), (self.previous_hash, self.previous_printed_with)):
            if kept in hashes and (kept, by) != (hashes[0], printed_with):
                return kept
        return None

    @property
    def previous_secret_until(self) -> datetime | None:
        """When the secret before this one stops counting; None when it has, or there was none."""
        return self.previous_until if self.previous_until and clock.now() < self.previous_until else None

    @property
    def narrowed_to(self) -> frozenset[UUID] | None:
        """The tasks that it is confined to; None for all."""
        return None if self.task_ids is None else frozenset(map(UUID, self.task_ids))

    @cached_property  # a row does not change once it was read
    def actor(self) -> Actor:
        """What this key may do: its scopes, in its tasks, and nothing else."""
        scopes = frozenset(Permission(scope) for scope in self.scopes)
        return Actor(
            ActorKind.API_KEY,
            self.gid,
            self.organization_id,
            scopes if self.task_ids is None else scopes - ORGANIZATION_WIDE,
            self.id,
            self.id,
            self.expires_at,
            task_ids=self.narrowed_to,
        )

    def actor_by(self, hashes: Collection[str]) -> Actor:
        """The same for whoever comes with a secret that has these fingerprints, until that secret ends."""
        proofs = frozenset(hashes)
        known = self._by_proofs.get(proofs)
        if known is None:
            ends = self.expires_at, None if self.hash in hashes else self.previous_until
            until = min((end for end in ends if end is not None), default=None)
            known = self._by_proofs[proofs] = replace(self.actor, expires_at=until, proofs=proofs)
        return known

    @cached_property
    def _by_proofs(self) -> dict[frozenset[str], Actor]:
        return {}


@cache
def _by_hashes(count: int) -> str:
    among = ", ".join(f"{{{at}}}" for at in range(count))
    return f"hash IN ({among}) OR previous_hash IN ({among})"


async def _by_secret(hashes: tuple[str, ...]) -> ApiKey | None:
    return await reading.the(ApiKey, _by_hashes(len(hashes)), hashes)


_asked = Together(_by_secret)  # a program asks for many things at once
