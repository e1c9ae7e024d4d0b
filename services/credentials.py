"""From what a caller sends to who that is, at the door and again while a stream runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeGuard
from uuid import UUID

import errors
from models import ANONYMOUS, PERMISSIONS, Actor, ActorKind, ApiKey, Assessment, Login, Role, clock
from services.accounts import ACCESS
from services.site import Site

API_KEY_PREFIX = "admit_"
CANDIDATE = "candidate"
_KEPT = (ActorKind.MEMBER, ActorKind.API_KEY)  # kinds whose credential is a row
_TOKENS = 5_000  # candidates' that came lately
_NOTED_EVERY = timedelta(minutes=1)  # how exact `last_used_at` is; a write for every request would be dear


async def authenticate(site: Site, authorization: str | None) -> Actor:
    """Who sends this `Authorization: Bearer …`; ANONYMOUS without one. Raises Unauthenticated if it does not count."""
    if not authorization:
        return ANONYMOUS
    token = _token(authorization)
    if token.startswith(API_KEY_PREFIX):
        return await by_secret(site, token)
    return await bearer(site, token)


def prints_in(site: Site, authorization: str) -> tuple[str, ...] | None:
    """The fingerprints of the API key's secret that is in such a header; None if there is something else."""
    token = _token(authorization)
    return site.keys.fingerprints(token) if token.startswith(API_KEY_PREFIX) else None


def at_once(site: Site, prints: Sequence[str]) -> Actor | None:
    """Who sends the API key's secret with these fingerprints, if it counts and there is nothing to note or to wait for.

    Raises Unanswered for a database that has to be waited for.
    """
    key = ApiKey.by_hashes_at_once(prints)
    if not _is_secret_of(key, prints) or key.printed_as(prints, site.keys.printed_with) or _is_to_be_noted(key):
        return None
    return key.actor_by(prints)


def _token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise errors.Unauthenticated
    return token


async def bearer(site: Site, token: str) -> Actor:
    """Who a signed token speaks for: a member, a candidate, a program. Raises Unauthenticated if it does not count."""
    known = site.candidates.get(token)
    if known is not None and known.expires_at is not None and clock.now() < known.expires_at:
        return known
    try:
        claims = site.keys.read(token, clock.now())
    except errors.Unauthenticated:
        return await _oauth_client(site, token)
    whom = _SIGNED.get(claims["aud"])
    if whom is None:  # it was signed for another purpose than to speak for somebody
        raise errors.Unauthenticated
    actor = await whom(UUID(claims["sub"]), datetime.fromtimestamp(claims["exp"], UTC))
    if actor.is_candidate:
        _remember(site, token, actor)
    return actor


async def by_secret(site: Site, secret: str) -> Actor:
    """What the API key with this secret may do. Raises Unauthenticated when the key or the secret no longer counts.

    A secret kept under the fingerprint of an older SECRET_KEY is kept under the newest from now on.
    """
    return await by_prints(site, site.keys.fingerprints(secret))


async def by_prints(site: Site, prints: Sequence[str], came: int | None = None) -> Actor:
    """The same of the secret with these fingerprints, for a request that `came` at that moment."""
    key = await ApiKey.by_hashes(prints, came)
    if not _is_secret_of(key, prints):
        raise errors.Unauthenticated
    if old := key.printed_as(prints, site.keys.printed_with):
        with suppress(errors.Unavailable):
            await ApiKey.reprint(key.id, old, prints[0], site.keys.printed_with)
    await _note_use(key)
    return key.actor_by(prints)


async def lapsed(actors: Collection[Actor]) -> set[Actor]:
    """Those whose credential no longer counts, or for less than it did; asked in one statement for all log-ins.

    Those with whom a stream goes on have used their API key.
    """
    now = clock.now()
    asked = {kind: {one.credential_id for one in actors if one.kind is kind and one.credential_id} for kind in _KEPT}
    roles = await Login.roles(asked[ActorKind.MEMBER], now)
    found = [await ApiKey.by_id(one) for one in asked[ActorKind.API_KEY]]  # at most one: it shares with itself alone
    keys = {one.id: one for one in found if one is not None and one.is_live(now)}
    gone = {one for one in actors if not _counts(one, roles, keys, now)}
    for used in keys.keys() & {one.credential_id for one in actors if one not in gone}:
        await _note_use(keys[used])
    return gone


def candidate_token(site: Site, actor: Actor) -> str:
    """The candidate's credential for one assessment, now that it is kept: whoever came in goes on at once."""
    until = (clock.now() + timedelta(seconds=site.limits.candidate_token_seconds)).replace(microsecond=0)
    token = site.keys.sign(CANDIDATE, {"sub": str(actor.assessment_id)}, until)
    _remember(site, token, actor.until(until))
    return token


def _remember(site: Site, token: str, actor: Actor) -> None:
    """Whose an assessment is never changes, so that the token says who comes with it until it ends."""
    if len(site.candidates) >= _TOKENS:
        site.candidates.clear()
    site.candidates[token] = actor


def _counts(actor: Actor, roles: Mapping[UUID, Role], keys: Mapping[UUID, ApiKey], now: datetime) -> bool:
    if actor.expires_at is not None and now >= actor.expires_at:
        return False
    match actor.kind:
        case ActorKind.MEMBER if actor.credential_id:
            role = roles.get(actor.credential_id)
            return role is not None and actor.permissions <= PERMISSIONS[role]
        case ActorKind.API_KEY if actor.credential_id:
            key = keys.get(actor.credential_id)
            return key is not None and actor.is_within(key.actor) and (not actor.proofs or key.knows(actor.proofs))
    return True


def _is_secret_of(key: ApiKey | None, prints: Collection[str]) -> TypeGuard[ApiKey]:
    return key is not None and key.is_live(clock.now()) and key.knows(prints)


def _is_to_be_noted(key: ApiKey) -> bool:
    return key.last_used_at is None or clock.now() - key.last_used_at > _NOTED_EVERY


async def _note_use(key: ApiKey) -> None:
    if _is_to_be_noted(key):
        now = clock.now()
        with suppress(errors.Unavailable):  # a full disk keeps nobody from reading
            await ApiKey.used(key.id, now, now - _NOTED_EVERY)


async def _oauth_client(site: Site, token: str) -> Actor:
    """An API key as it is now, with those of its scopes that the access token was given."""
    claims = site.oauth.read(token, clock.now())
    key = await ApiKey.by_id(ApiKey.key_of(claims.client_id))
    if key is None or not key.is_live(clock.now()):
        raise errors.Unauthenticated
    await _note_use(key)
    until = min(claims.expires_at, key.expires_at or claims.expires_at)
    permissions = frozenset(one for one in key.actor.permissions if one in claims.scopes)
    return replace(key.actor, permissions=permissions, expires_at=until)


async def _member(login_id: UUID, expires_at: datetime) -> Actor:
    login = await Login.by_id(login_id)
    if login is None or not login.is_live(clock.now()):
        raise errors.Unauthenticated
    return replace(login.member.actor, credential_id=login.id, expires_at=expires_at)


async def _candidate(assessment_id: UUID, expires_at: datetime) -> Actor:
    actor = await Assessment.candidate_of(assessment_id, expires_at)
    if actor is None:
        raise errors.Unauthenticated
    return actor


# Whom a token that we signed speaks for, by its audience.
_SIGNED: Mapping[str, Callable[[UUID, datetime], Awaitable[Actor]]] = {ACCESS: _member, CANDIDATE: _candidate}
