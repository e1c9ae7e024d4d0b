"""From what a caller sends to who that is, at the door and again while a stream runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import errors
from models import ANONYMOUS, Actor, ActorKind, ApiKey, Assessment, Login, Ticket, clock
from services.accounts import ACCESS
from services.site import Site

API_KEY_PREFIX = "admit_"
CANDIDATE = "candidate"
_KEPT = (ActorKind.MEMBER, ActorKind.API_KEY)  # kinds whose credential is a row
_NOTED_EVERY = timedelta(minutes=1)  # how exact `last_used_at` is; a write for every request would be dear


async def authenticate(site: Site, authorization: str | None) -> Actor:
    """Who sends this `Authorization: Bearer …`; ANONYMOUS without one. Raises Unauthenticated if it does not count."""
    if not authorization:
        return ANONYMOUS
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise errors.Unauthenticated
    if token.startswith(API_KEY_PREFIX):
        return await by_secret(site, token)
    return await bearer(site, token)


async def bearer(site: Site, token: str) -> Actor:
    """Who a signed token speaks for: a member, a candidate, a program. Raises Unauthenticated if it does not count."""
    now = clock.now()
    for audience, whom in _SIGNED.items():
        try:
            claims = site.keys.verify(audience, token, now)
        except errors.Unauthenticated:
            continue
        return await whom(UUID(claims["sub"]), datetime.fromtimestamp(claims["exp"], UTC))
    return await _oauth_client(site, token)


async def by_secret(site: Site, secret: str) -> Actor:
    """What the API key with this secret may do. Raises Unauthenticated when the key or the secret no longer counts.

    A secret kept under the fingerprint of an older SECRET_KEY is kept under the newest from now on.
    """
    prints = site.keys.fingerprints(secret)
    key = await ApiKey.by_hashes(prints)
    if key is None or not key.is_live(clock.now()) or not key.knows(prints):
        raise errors.Unauthenticated
    if old := key.printed_as(prints, site.keys.printed_with):
        with suppress(errors.Unavailable):
            await ApiKey.reprint(key.id, old, prints[0], site.keys.printed_with)
    await _note_use(key)
    return key.actor_by(prints)


async def still_counts(actor: Actor) -> bool:
    """Whether the credential that a stream began with is still good now; a stream is a use of it, too."""
    now = clock.now()
    if actor.expires_at is not None and now >= actor.expires_at:
        return False
    match actor.kind:
        case ActorKind.MEMBER if actor.credential_id:
            login = await Login.by_id(actor.credential_id)
            return login is not None and login.is_live(now)
        case ActorKind.API_KEY if actor.credential_id:
            key = await ApiKey.by_id(actor.credential_id)
            if key is None or not key.is_live(now) or (actor.proofs and not key.knows(actor.proofs)):
                return False
            await _note_use(key)
    return True


async def lapsed(actors: Collection[Actor]) -> set[Actor]:
    """Those of them whose credential no longer counts, asked in one statement for each kind."""
    now = clock.now()
    asked = {kind: {one.credential_id for one in actors if one.kind is kind and one.credential_id} for kind in _KEPT}
    logins = {one.id: one for one in await Login.by_ids(asked[ActorKind.MEMBER])}
    keys = {one.id: one for one in await ApiKey.by_ids(asked[ActorKind.API_KEY])}
    gone: set[Actor] = set()
    used: set[ApiKey] = set()
    for actor in actors:
        counts = actor.expires_at is None or now < actor.expires_at
        if actor.kind is ActorKind.MEMBER and actor.credential_id:
            login = logins.get(actor.credential_id)
            counts = counts and login is not None and login.is_live(now)
        elif actor.kind is ActorKind.API_KEY and actor.credential_id:
            key = keys.get(actor.credential_id)
            counts = counts and key is not None and key.is_live(now) and (not actor.proofs or key.knows(actor.proofs))
            if counts and key is not None:
                used.add(key)
        if not counts:
            gone.add(actor)
    for key in used:
        await _note_use(key)
    return gone


def candidate_token(site: Site, assessment: Assessment) -> str:
    """The candidate's credential for one assessment."""
    until = clock.now() + timedelta(seconds=site.limits.candidate_token_seconds)
    return site.keys.sign(CANDIDATE, {"sub": str(assessment.id)}, until)


async def _note_use(key: ApiKey) -> None:
    now = clock.now()
    if key.last_used_at is None or now - key.last_used_at > _NOTED_EVERY:
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
    assessment = await Assessment.by_id(assessment_id)
    if assessment is None:
        raise errors.Unauthenticated
    ticket: Ticket = assessment.ticket
    return Actor(
        ActorKind.CANDIDATE,
        ticket.gid,
        assessment.organization_id,
        expires_at=expires_at,
        ticket_id=ticket.id,
        task_id=ticket.task_id,
        candidate_id=ticket.candidate_id,
        assessment_id=assessment.id,
    )


# Whom a token that we signed speaks for, by its audience.
_SIGNED: Mapping[str, Callable[[UUID, datetime], Awaitable[Actor]]] = {ACCESS: _member, CANDIDATE: _candidate}
