"""Programs' credentials: made with no more rights than their maker has, shown once, revoked for good."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import errors
from models import Actor, ApiKey, EventType, Permission, chance, clock
from models.event import record
from models.unit import transactional
from services.credentials import API_KEY_PREFIX
from services.site import Site
from services.texts import line

_LENGTH = 40  # 40 × log2(31) = 198 random bits
_SHOWN = len(API_KEY_PREFIX) + 6


@dataclass(frozen=True)
class NewKey:
    """A key and its secret, which is nowhere else."""

    api_key: ApiKey
    secret: str


async def create(
    site: Site, actor: Actor, name: str, scopes: Collection[Permission], expires_at: datetime | None
) -> NewKey:
    """Make a key with these scopes, good until `expires_at` or until it is revoked.

    Raises Forbidden for a scope that the actor lacks, InvalidInput.
    """
    actor.must(Permission.MANAGE_KEYS)
    if not actor.permissions.issuperset(scopes):
        raise errors.Forbidden("A key cannot have a scope that its maker lacks.")
    if not scopes:
        raise errors.InvalidInput("scopes", "Give at least one scope.")
    if expires_at is not None and expires_at <= clock.now():
        raise errors.InvalidInput("expiresAt", "A key must end in the future.")
    return await _make(site, actor, line("name", name), [scope for scope in Permission if scope in scopes], expires_at)


@transactional
async def _make(site: Site, actor: Actor, name: str, scopes: list[Permission], expires_at: datetime | None) -> NewKey:
    secret = API_KEY_PREFIX + chance.readable(_LENGTH)
    key = await ApiKey.create(
        organization_id=actor.organization,
        name=name,
        prefix_shown=secret[:_SHOWN],
        hash=site.keys.fingerprint(secret),
        scopes=scopes,
        created_by=actor.id,
        expires_at=expires_at,
    )
    record(EventType.API_KEY_CREATED, key.gid, actor, scopes=scopes)
    return NewKey(key, secret)


@transactional
async def revoke(actor: Actor, key: UUID) -> ApiKey:
    """End a key at once and for good; again changes nothing."""
    row = await ApiKey.seen_by(actor, key)
    actor.must(Permission.MANAGE_KEYS)
    if await ApiKey.revoke(key, clock.now()):
        record(EventType.API_KEY_REVOKED, row.gid, actor)
    await row.refresh_from_db()
    return row
