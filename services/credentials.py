"""From what a caller sends to who that is, at the door and again while a stream runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import errors
from models import ANONYMOUS, Actor, ActorKind, ApiKey, Assessment, Login, Ticket, clock
from services.accounts import ACCESS
from services.site import Site

API_KEY_PREFIX = "admit_"
CANDIDATE = "candidate"
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
        return await _api_key(site, token)
    return await bearer(site, token)


async def bearer(site: Site, token: str) -> Actor:
    """Who a signed token speaks for: a member or a candidate. Raises Unauthenticated when it does not count."""
    now = clock.now()
    try:
        claims = site.keys.verify(ACCESS, token, now)
    except errors.Unauthenticated:
        claims = site.keys.verify(CANDIDATE, token, now)
        return await _candidate(UUID(claims["sub"]), datetime.fromtimestamp(claims["exp"], UTC))
    return await _member(UUID(claims["sub"]), datetime.fromtimestamp(claims["exp"], UTC))


async def still_counts(actor: Actor) -> bool:
    """Whether the credential that a stream began with is still good now."""
    now = clock.now()
    if actor.expires_at is not None and now >= actor.expires_at:
        return False
    match actor.kind:
        case ActorKind.MEMBER if actor.credential_id:
            login = await Login.by_id(actor.credential_id)
            return login is not None and login.is_live(now)
        case ActorKind.API_KEY if actor.credential_id:
            key = await ApiKey.by_id(actor.credential_id)
            return key is not None and key.is_live(now)
    return True


def candidate_token(site: Site, assessment: Assessment) -> str:
    """The candidate's credential for one assessment."""
    until = clock.now() + timedelta(seconds=site.limits.candidate_token_seconds)
    return site.keys.sign(CANDIDATE, {"sub": str(assessment.id)}, until)


async def _api_key(site: Site, secret: str) -> Actor:
    key = await ApiKey.by_hashes(site.keys.fingerprints(secret))
    now = clock.now()
    if key is None or not key.is_live(now):
        raise errors.Unauthenticated
    if key.last_used_at is None or now - key.last_used_at > _NOTED_EVERY:
        await ApiKey.used(key.id, now)
    return key.actor


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
