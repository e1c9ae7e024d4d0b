"""What an identity provider says about itself: read afresh each time, and only what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

import errors
from services.outbound import Outbound

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_USUAL = ("RS256",)  # what OpenID Connect lets everybody count on
_WELL_KNOWN = "/.well-known/openid-configuration"
_LIMIT = 500


@dataclass(frozen=True)
class Discovered:
    """The provider's addresses, how its ID tokens may be signed, and how we prove who we are."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    id_token_signing_alg_values_supported: tuple[str, ...]
    token_endpoint_auth_method: str


def issuer(outbound: Outbound, url: str) -> str:
    """An issuer as it is stored: to the letter as its provider writes it. Raises InvalidInput for what is none."""
    if not _is_address(outbound, url):
        raise errors.InvalidInput("issuer", "Give the provider's issuer: an https address with nothing after its path.")
    return url


async def discover(outbound: Outbound, url: str) -> Discovered:
    """The metadata of the provider with this issuer. Raises IdentityProviderUnreachable, for another's too."""
    document = await _document(outbound, url.rstrip("/") + _WELL_KNOWN)
    if document.get("issuer") != url:
        raise errors.IdentityProviderUnreachable("The provider at this address calls itself something else.")
    found = {name: document.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    userinfo = document.get("userinfo_endpoint")
    if not all(_is_address(outbound, one, query=True) for one in found.values()):
        raise errors.IdentityProviderUnreachable
    return Discovered(
        issuer=url,
        **{name: str(one) for name, one in found.items()},
        userinfo_endpoint=str(userinfo) if _is_address(outbound, userinfo, query=True) else None,
        # never what the provider lists beside them: `none`, or our own secret as the key
        id_token_signing_alg_values_supported=_common(document, "id_token_signing_alg_values_supported") or _USUAL,
        token_endpoint_auth_method=_method(document.get("token_endpoint_auth_methods_supported")),
    )


async def _document(outbound: Outbound, url: str) -> dict[str, Any]:
    try:
        async with outbound.client() as client:
            answer = await client.get(url)
        document = answer.json() if answer.status_code == 200 else None
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, RecursionError):
        raise errors.IdentityProviderUnreachable from None
    if not isinstance(document, dict):
        raise errors.IdentityProviderUnreachable
    return document


def _is_address(outbound: Outbound, url: object, *, query: bool = False) -> bool:
    """Whether it is an address that may be asked and that a browser may be sent to."""
    if not isinstance(url, str) or not 0 < len(url) <= _LIMIT or not url.isascii() or not url.isprintable():
        return False
    if any(one in url for one in ' \\"<>#@') or ("?" in url and not query):
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and outbound.may_ask(parts.scheme, parts.hostname or "")
    except ValueError:
        return False


def _common(document: dict[str, Any], name: str) -> tuple[str, ...]:
    listed = document.get(name)
    return tuple(one for one in ALGORITHMS if isinstance(listed, list) and one in listed)


def _method(listed: object) -> str:
    """Basic is what everybody has; the form is used where the provider lists that and not the other."""
    by_form = isinstance(listed, list) and "client_secret_post" in listed and "client_secret_basic" not in listed
    return "client_secret_post" if by_form else "client_secret_basic"
