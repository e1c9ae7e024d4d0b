"""An organization's own accounts: the one provider where its members sign in, as staff configure it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import errors
from models import Actor, ActorKind, EventType, IdentityProvider, Login, Organization, Permission, Role, clock
from models.event import record
from models.unit import transactional
from services import accounts, discovery
from services.site import Site

CLIENT_SECRET = "client-secret"  # noqa: S105  what it is sealed for
DOMAINS = 100
_ID_LIMIT, _SECRET_LIMIT = 255, 1_000
_VISIBLE = re.compile(r"[\x20-\x7e]+")  # what RFC 6749 lets an id and a secret of a client be made of


@dataclass(frozen=True)
class Wanted:
    """A provider as staff describe it. Without a secret the one before stays; without a role nobody joins."""

    issuer: str
    client_id: str
    client_secret: str | None
    allowed_domains: Sequence[str]
    default_role: Role | None
    enforced: bool


async def configure(site: Site, actor: Actor, wanted: Wanted) -> Organization:
    """Let members sign in at this provider; a new one is asked whether it is one.

    Raises InvalidInput, TooManyRows, IdentityProviderUnreachable, and SignInUnproved for enforcing what no owner came
    in by as it is configured. Enforcing it ends every log-in but the caller's.
    """
    _must(actor)
    discovery.issuer(site.outbound, wanted.issuer)
    _check_visible("clientId", wanted.client_id, _ID_LIMIT)
    if wanted.client_secret is not None:
        _check_visible("clientSecret", wanted.client_secret, _SECRET_LIMIT)
    if wanted.default_role is Role.OWNER:
        raise errors.InvalidInput("defaultRole", "Owners are made by owners: choose another role for who joins.")
    domains = _domains(wanted.allowed_domains)
    if wanted.default_role is not None and not domains:
        raise errors.InvalidInput("allowedDomains", "Say whose e-mail addresses may join with the default role.")
    known = await IdentityProvider.of(actor.organization)
    if known is None or known.issuer != wanted.issuer:  # one that has gone away can still be configured, and unenforced
        await discovery.discover(site.outbound, wanted.issuer)
    return await _save(site, actor, wanted, domains)


@transactional
async def _save(site: Site, actor: Actor, wanted: Wanted, domains: list[str]) -> Organization:
    organization = await Organization.visible_to(actor).select_for_update().get()
    known = await IdentityProvider.of(organization.id)
    provider = known or IdentityProvider(organization_id=organization.id)
    is_other = known is None or (known.issuer, known.client_id) != (wanted.issuer, wanted.client_id)
    if wanted.client_secret is None and is_other:  # never the secret of one provider to another
        raise errors.InvalidInput("clientSecret", "Give the secret that the provider gave this client.")
    was = None if known is None else site.keys.unseal(CLIENT_SECRET, known.client_secret)
    secret = wanted.client_secret or was
    if secret is None:
        raise errors.InvalidInput("clientSecret", "The secret can no longer be read: give it again.")
    if is_other or secret != was:
        provider.proved_at = None
    if wanted.enforced and provider.proved_at is None:
        raise errors.SignInUnproved
    if wanted.enforced and not provider.is_enforced:
        await _end_log_ins(actor)
    provider.issuer, provider.client_id = wanted.issuer, wanted.client_id
    if secret != was or not site.keys.is_newest(CLIENT_SECRET, provider.client_secret):
        provider.client_secret = site.keys.seal(CLIENT_SECRET, secret)
    provider.allowed_domains, provider.default_role = domains, wanted.default_role
    provider.is_enforced = wanted.enforced
    await provider.save()
    about: dict[str, Any] = {"role": wanted.default_role, "domains": len(domains), "enforced": wanted.enforced}
    record(EventType.SIGN_IN_CONFIGURED, organization.gid, actor, removed=False, **about)
    return organization


@transactional
async def remove(actor: Actor, organization_id: UUID) -> Organization:
    """Forget the provider: members sign in by password again. Once more changes nothing. Raises NotFound."""
    organization = await Organization.visible_to(actor).select_for_update().get_or_none(id=organization_id)
    if organization is None:
        raise errors.NotFound
    _must(actor)
    provider = await IdentityProvider.of(organization.id)
    if provider is not None:
        await provider.delete()
        record(EventType.SIGN_IN_CONFIGURED, organization.gid, actor, removed=True)
    return organization


async def leave(site: Site, address: str, organization_id: UUID) -> IdentityProvider:
    """Where somebody is off to, to sign in. Raises NotFound when that is here.

    Each way makes us ask the provider something, so it spends one of the address's failed log-ins, there and back
    apart: whoever has left can come back, however many leave behind one address. Raises RateLimited.
    """
    await site.guesses.spend(elsewhere_address=address)
    return await _of(organization_id)


async def come_back(site: Site, address: str, organization_id: UUID) -> IdentityProvider:
    """Where somebody comes back from. Raises NotFound when the provider is gone, RateLimited."""
    await site.guesses.spend(returned_address=address)
    return await _of(organization_id)


async def arrived(site: Site, address: str) -> None:
    """Somebody has come from this address, left, come back and signed in: both ways are given back."""
    await site.guesses.refund(elsewhere_address=address)
    await site.guesses.refund(returned_address=address)


async def is_same(site: Site, used: IdentityProvider) -> bool:
    """Whether the provider that somebody left for is still the organization's: issuer, client and secret."""
    now = await IdentityProvider.of(used.organization_id)
    if now is None or (now.issuer, now.client_id) != (used.issuer, used.client_id):
        return False
    return now.client_secret == used.client_secret or secret_of(site, now) == secret_of(site, used)


async def _of(organization_id: UUID) -> IdentityProvider:
    provider = await IdentityProvider.of(organization_id)
    if provider is None:
        raise errors.NotFound
    return provider


def secret_of(site: Site, provider: IdentityProvider) -> str:
    """The client's secret. Raises IdentityProviderUnreachable when the key that sealed it is gone."""
    secret = site.keys.unseal(CLIENT_SECRET, provider.client_secret)
    if secret is None:
        raise errors.IdentityProviderUnreachable("The organization must give its client secret again.")
    return secret


async def _end_log_ins(actor: Actor) -> None:
    for member in await Login.revoke_others(actor, clock.now()):
        record(EventType.MEMBER_LOGGED_OUT, member.gid, actor, reason="single sign-on enforced")


def _must(actor: Actor) -> None:
    """Raise Forbidden for a role without the permission, and for every program: it could let itself in as a person."""
    actor.must(Permission.MANAGE_ORGANIZATION)
    if actor.kind is not ActorKind.MEMBER:
        raise errors.Forbidden("How people sign in is for people to say, not for a key.")


def _check_visible(field: str, value: str, limit: int) -> None:
    if len(value) > limit or not _VISIBLE.fullmatch(value):
        raise errors.InvalidInput(field, f"Give what the provider gave: at most {limit:,} plain characters.")


def _domains(wanted: Sequence[str]) -> list[str]:
    """The domains in the form in which e-mail addresses are kept, each once."""
    if len(wanted) > DOMAINS:
        raise errors.TooManyRows(DOMAINS)
    found = []
    for domain in wanted:
        try:
            found.append(accounts.address_of(f"somebody@{domain.strip()}").rpartition("@")[2])
        except errors.InvalidInput:
            raise errors.InvalidInput("allowedDomains", "Give domains, like example.org.") from None
    return list(dict.fromkeys(found))
