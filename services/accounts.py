"""Signing up, logging in, and the tokens that follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

import errors
from models import Actor, ActorKind, EventType, IdentityProvider, Login, Member, Organization, Role, clock
from models.changes import add
from models.event import record
from models.unit import transactional
from services.site import Site
from services.texts import line

ACCESS = "access"
REFRESH = "refresh"


@dataclass(frozen=True)
class SignedIn:
    """A member who has just proved who they are, and the tokens to go on with."""

    organization: Organization
    member: Member
    access_token: str
    refresh_token: str


async def sign_up(site: Site, organization_name: str, full_name: str, email: str, password: str) -> SignedIn:
    """Make an organization and its owner, signed in.

    Raises InvalidInput, PasswordTooWeak or EmailTaken.
    """
    site.passwords.check(password)
    address = address_of(email)
    names = line("organizationName", organization_name), line("fullName", full_name)
    return await _make(site, *names, address, await site.passwords.hash(password))


@transactional
async def _make(site: Site, organization_name: str, full_name: str, email: str, password_hash: str) -> SignedIn:
    if await Member.by_email(email):
        raise errors.EmailTaken
    organization = await Organization.create(name=organization_name)
    member = Member(
        organization_id=organization.id, full_name=full_name, email=email, role=Role.OWNER, password_hash=password_hash
    )
    if not await add(member):  # two sign-ups at once: the unique index lets one of them in
        raise errors.EmailTaken
    record(EventType.ORGANIZATION_CREATED, organization.gid, member.actor)
    return await _sign_in(site, organization, member)


async def log_in(site: Site, address: str, email: str, password: str) -> SignedIn:
    """Sign a member in by e-mail address and password; `address` is the caller's network address.

    Raises CredentialsWrong for either being wrong, SingleSignOnRequired when both are right and the organization has
    its members sign in elsewhere, RateLimited after too many.
    """
    known_as = _known_as(email)
    subjects = {"log_in_address": address, "log_in_email": known_as or email}
    # counted before the hashing is awaited: a crowd of guesses sent at once spends the budget like any other
    await site.guesses.spend(**subjects)
    member = await Member.by_email(known_as) if known_as else None
    if not await site.passwords.verify(member.password_hash if member else None, password) or member is None:
        raise errors.CredentialsWrong
    await site.guesses.refund(**subjects)
    return await _by_password(site, member)


@transactional
async def _by_password(site: Site, member: Member) -> SignedIn:
    signed_in = await let_in(site, member)
    # asked last: whoever enforces it at this moment ends this log-in, or is seen here
    provider = await IdentityProvider.of(member.organization_id)
    if provider is not None and provider.is_enforced:
        raise errors.SingleSignOnRequired(site.urls.sign_in(signed_in.organization))
    return signed_in


@transactional
async def let_in(site: Site, member: Member) -> SignedIn:
    """Sign in a member who has proved who they are."""
    organization = await Organization.own(member.actor)
    return await _sign_in(site, organization, member)


async def _sign_in(site: Site, organization: Organization, member: Member) -> SignedIn:
    login = await Login.create(
        organization_id=organization.id,
        member_id=member.id,
        expires_at=clock.now() + timedelta(seconds=site.limits.refresh_token_seconds),
    )
    record(EventType.MEMBER_LOGGED_IN, member.gid, member.actor)
    return SignedIn(organization, member, *tokens(site, login))


async def log_out(site: Site, actor: Actor, refresh_token: str | None) -> bool:
    """End the log-in of the refresh token, or else of the access token that the actor came with; False if it had ended.

    Raises Unauthenticated without either, Forbidden for a credential that is no log-in.
    """
    if refresh_token is not None:
        return await _end(UUID(site.keys.verify(REFRESH, refresh_token, clock.now())["sub"]))
    if actor.organization_id is None:
        raise errors.Unauthenticated
    if actor.kind is not ActorKind.MEMBER or actor.credential_id is None:
        raise errors.Forbidden
    return await _end(actor.credential_id)


@transactional
async def _end(key: UUID) -> bool:
    login = await Login.by_id(key)
    if login is None or not await Login.revoke(key, clock.now()):
        return False
    record(EventType.MEMBER_LOGGED_OUT, login.member.gid, login.member.actor)
    return True


def tokens(site: Site, login: Login) -> tuple[str, str]:
    """An access token and the refresh token of the log-in's present generation."""
    who = {"sub": str(login.id), "gen": login.generation}
    soon = clock.now() + timedelta(seconds=site.limits.access_token_seconds)
    return site.keys.sign(ACCESS, who, min(soon, login.expires_at)), site.keys.sign(REFRESH, who, login.expires_at)


async def refresh(site: Site, token: str) -> SignedIn:
    """Exchange a refresh token for new tokens; good once.

    Raises Unauthenticated. A token that comes a second time was stolen from somebody: the whole log-in ends.
    """
    claims = site.keys.verify(REFRESH, token, clock.now())
    signed_in = await _exchange(site, UUID(claims["sub"]), int(claims["gen"]))
    if signed_in is None:
        raise errors.Unauthenticated
    return signed_in


@transactional
async def _exchange(site: Site, key: UUID, generation: int) -> SignedIn | None:
    login = await Login.by_id(key)
    if login is None or not login.is_live(clock.now()):
        return None
    if not await Login.exchange(key, generation):
        if await Login.revoke(key, clock.now()):
            record(EventType.MEMBER_LOGGED_OUT, login.member.gid, login.member.actor, reason="refresh token reused")
        return None
    login.generation = generation + 1
    organization = await Organization.own(login.member.actor)
    return SignedIn(organization, login.member, *tokens(site, login))


def address_of(email: str) -> str:
    """The e-mail address as it is stored and compared. Raises InvalidInput for what is none."""
    try:
        return validate_email(email.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise errors.InvalidInput("email", "This is not an e-mail address.") from None


def _known_as(email: str) -> str | None:
    """The address as it would be stored, or None for what nobody can have signed up with."""
    try:
        return address_of(email)
    except errors.InvalidInput:
        return None
