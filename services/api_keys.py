"""Programs' credentials: made with no more rights than their maker has, shown once, replaced, revoked for good."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import errors
from models import Actor, ActorKind, ApiKey, EventType, Permission, Task, chance, clock
from models.event import record
from models.unit import transactional
from services.credentials import API_KEY_PREFIX
from services.site import Site
from services.texts import line

TASKS = 100  # every statement carries a narrowed key's tasks, some of them a hundred times
OVERLAP = 86_400
LONGEST_OVERLAP = 30 * 86_400
_LENGTH = 40  # 40 × log2(31) = 198 random bits
_SHOWN = len(API_KEY_PREFIX) + 6


@dataclass(frozen=True)
class NewKey:
    """A key and its secret, which is nowhere else."""

    api_key: ApiKey
    secret: str


async def create(
    site: Site,
    actor: Actor,
    name: str,
    scopes: Collection[Permission],
    expires_at: datetime | None,
    task_ids: Sequence[UUID] | None = None,
) -> NewKey:
    """Make a key with these scopes, in these tasks (None: in all), good until `expires_at` or until it is revoked.

    Raises NotFound for a task that is not there, Forbidden for a scope, a task or a time that the actor lacks,
    TooManyRows for no task or too many, InvalidInput.
    """
    tasks = await _tasks(site, actor, task_ids)
    actor.must(Permission.MANAGE_KEYS)
    _must_cover(actor, scopes, tasks)
    await _must_outlast(actor, expires_at)
    if not scopes:
        raise errors.InvalidInput("scopes", "Give at least one scope.")
    if expires_at is not None and expires_at <= clock.now():
        raise errors.InvalidInput("expiresAt", "A key must end in the future.")
    key = ApiKey(
        organization_id=actor.organization,
        name=line("name", name),
        scopes=[scope for scope in Permission if scope in scopes],
        task_ids=None if tasks is None else sorted(map(str, tasks)),
        created_by=actor.id,
        expires_at=expires_at,
    )
    return await _make(site, actor, key)


@transactional
async def _make(site: Site, actor: Actor, key: ApiKey) -> NewKey:
    secret, key.prefix_shown = _secret()
    key.hash, key.printed_with = site.keys.fingerprint(secret), site.keys.printed_with
    await key.save()
    narrowed: dict[str, Any] = {} if key.task_ids is None else {"tasks": len(key.task_ids)}
    record(EventType.API_KEY_CREATED, key.gid, actor, scopes=key.scopes, **narrowed)
    return NewKey(key, secret)


async def rotate(site: Site, actor: Actor, key: UUID, overlap_seconds: int = OVERLAP) -> NewKey:
    """Give the key another secret at once; the one before it counts until the overlap is over, and no older one does.

    Raises Forbidden for a key that may what the actor may not or ends later, and for one that rotates itself without
    its present secret; InvalidInput, ApiKeyEnded for one that is revoked or has expired, ApiKeyJustRotated when
    somebody else was quicker: of two at the same moment one gets through.
    """
    row = await ApiKey.seen_by(actor, key)
    actor.must(Permission.MANAGE_KEYS)
    _must_cover(actor, row.actor.permissions, row.narrowed_to)
    await _must_outlast(actor, row.expires_at)
    if actor.credential_id == row.id and row.hash not in actor.proofs:
        raise errors.Forbidden(
            "A key rotates itself with its present secret alone: not with the one before, or a token."
        )
    if not 0 <= overlap_seconds <= LONGEST_OVERLAP:
        raise errors.InvalidInput("overlapSeconds", f"Give between 0 and {LONGEST_OVERLAP:,} seconds.")
    return await _rotate(site, actor, row, overlap_seconds)


@transactional
async def _rotate(site: Site, actor: Actor, row: ApiKey, overlap_seconds: int) -> NewKey:
    now = clock.now()
    if not row.is_live(now):
        raise errors.ApiKeyEnded
    secret, shown = _secret()
    until = now + timedelta(seconds=overlap_seconds) if overlap_seconds else None
    rotated = await ApiKey.rotate(row.id, row.hash, site.keys.fingerprint(secret), site.keys.printed_with, shown, until)
    await row.refresh_from_db()
    if not rotated:
        raise errors.ApiKeyJustRotated if row.is_live(now) else errors.ApiKeyEnded
    record(EventType.API_KEY_ROTATED, row.gid, actor, overlap=overlap_seconds)
    return NewKey(row, secret)


@transactional
async def revoke(actor: Actor, key: UUID) -> ApiKey:
    """End a key at once and for good; again changes nothing."""
    row = await ApiKey.seen_by(actor, key)
    actor.must(Permission.MANAGE_KEYS)
    if await ApiKey.revoke(key, clock.now()):
        record(EventType.API_KEY_REVOKED, row.gid, actor)
    await row.refresh_from_db()
    return row


async def _tasks(site: Site, actor: Actor, task_ids: Sequence[UUID] | None) -> frozenset[UUID] | None:
    """The tasks that are asked for, all of them the actor's to see."""
    if task_ids is None:
        return None
    limit = min(TASKS, site.limits.rows_per_call)
    if not 1 <= len(task_ids) <= limit:
        actor.must(Permission.MANAGE_KEYS)
        raise errors.TooManyRows(limit)
    wanted = frozenset(task_ids)
    if await Task.visible_to(actor).filter(id__in=list(wanted)).count() < len(wanted):
        raise errors.NotFound
    return wanted


def _must_cover(actor: Actor, scopes: Collection[Permission], tasks: frozenset[UUID] | None) -> None:
    """Nobody hands out, or takes over, more than they have."""
    if not actor.permissions.issuperset(scopes):
        raise errors.Forbidden("A key cannot have a scope that whoever makes or rotates it lacks.")
    if actor.task_ids is not None and (tasks is None or not actor.task_ids.issuperset(tasks)):
        raise errors.Forbidden("A key that is narrowed to tasks can only make and rotate keys for those.")


async def _must_outlast(actor: Actor, ends_at: datetime | None) -> None:
    """No key hands out, or takes over, more time than it has itself: its token may end sooner, which is no bound."""
    own = await ApiKey.by_id(actor.id) if actor.kind is ActorKind.API_KEY and actor.id else None
    if own is not None and own.expires_at is not None and (ends_at is None or own.expires_at < ends_at):
        raise errors.Forbidden("A key can only make and rotate keys that end no later than itself (expiresAt).")


def _secret() -> tuple[str, str]:
    """A new secret, and what is shown of it."""
    secret = API_KEY_PREFIX + chance.readable(_LENGTH)
    return secret, secret[:_SHOWN]
