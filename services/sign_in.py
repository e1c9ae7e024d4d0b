"""Signing in with the organization's own accounts: who of its provider's people is which member."""

from __future__ import annotations

from dataclasses import dataclass

import errors
from models import EventType, IdentityProvider, Member, Role, clock
from models.changes import add
from models.event import record
from models.unit import transactional
from services import accounts, identity_providers
from services.accounts import SignedIn
from services.identity_providers import CLIENT_SECRET, secret_of
from services.site import Site
from services.texts import problem_of_line

_SUBJECT_LIMIT = 255


@dataclass(frozen=True)
class Person:
    """Who came, in the words of a provider whose signature was checked."""

    subject: str
    email: str | None
    is_email_verified: bool
    name: str | None


async def arrive(site: Site, address: str, used: IdentityProvider, person: Person) -> SignedIn:
    """Sign in whoever the provider said came: a member it knows, one with that e-mail address, or a new one.

    Raises SignInFailed when the provider was configured anew meanwhile, NotAMember, EmailTaken.
    """
    signed_in = await _arrive(site, used, person)
    await identity_providers.arrived(site, address)
    return signed_in


@transactional
async def _arrive(site: Site, used: IdentityProvider, person: Person) -> SignedIn:
    provider = await IdentityProvider.of(used.organization_id)
    if provider is None:
        raise errors.SignInFailed
    member = await _known(provider, person) or await _joined(provider, person)
    signed_in = await accounts.let_in(site, member)
    # asked last: whoever configures or removes the provider at this moment ends this log-in, or is seen here
    if not await identity_providers.is_same(site, used):
        raise errors.SignInFailed
    if provider.proved_at is None and member.role is Role.OWNER:
        await IdentityProvider.note(used, proved_at=clock.now())
    if not site.keys.is_newest(CLIENT_SECRET, used.client_secret):
        await IdentityProvider.note(used, client_secret=site.keys.seal(CLIENT_SECRET, secret_of(site, used)))
    return signed_in


async def _known(provider: IdentityProvider, person: Person) -> Member | None:
    if problem_of_line(person.subject, _SUBJECT_LIMIT):
        raise errors.SignInFailed
    member = await Member.by_subject(provider.organization_id, provider.issuer, person.subject)
    if member is not None:
        return member
    member = await Member.by_email(_address(person))
    if member is None or member.organization_id != provider.organization_id:
        return None
    if not await Member.bind(member.id, provider.issuer, person.subject):
        raise errors.NotAMember("The provider knows the member with your e-mail address as somebody else.")
    return member


async def _joined(provider: IdentityProvider, person: Person) -> Member:
    email = _address(person)
    if provider.default_role is None or email.rpartition("@")[2] not in provider.allowed_domains:
        raise errors.NotAMember
    name = (person.name or "").strip()
    made = Member(
        organization_id=provider.organization_id,
        full_name=email.partition("@")[0][:200] if problem_of_line(name, 200) else name,
        email=email,
        role=provider.default_role,
        oidc_issuer=provider.issuer,
        oidc_subject=person.subject,
    )
    if await add(made):
        record(EventType.MEMBER_JOINED, made.gid, made.actor, role=made.role)
        return made
    member = await Member.by_subject(provider.organization_id, provider.issuer, person.subject)  # two came at once
    if member is None:
        raise errors.EmailTaken("Your e-mail address belongs to a member of another organization.")
    return member


def _address(person: Person) -> str:
    """The person's e-mail address, which counts only when the provider has checked it. Raises NotAMember."""
    if not person.email or not person.is_email_verified:
        raise errors.NotAMember("The provider does not vouch for your e-mail address.")
    try:
        return accounts.address_of(person.email)
    except errors.InvalidInput:
        raise errors.NotAMember("The provider does not tell your e-mail address.") from None
