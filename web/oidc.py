"""Signing in with the organization's own accounts: to its identity provider and back, by OpenID Connect.

Authorization code with PKCE, state and nonce, all Authlib's doing. What has to be remembered in between is sealed in a
cookie of this organization's path alone, for some minutes, and forgotten when its bearer comes back and is looked at.
"""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from authlib.integrations.starlette_client import StarletteIntegration, StarletteOAuth2App
from authlib.oidc.core import CodeIDToken
from joserfc.errors import InvalidClaimError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

import errors
from models import IdentityProvider, Organization, clock
from services import discovery, identity_providers, sign_in, staff
from services.sign_in import Person
from web import staff as staff_pages
from web.links import people_only
from web.pages import address_of, page, refused, site_of

COOKIE = "sign-in"
LEEWAY = 60  # seconds that the provider's clock may differ from ours
SCOPE = "openid email profile"

log = logging.getLogger("admit.web")
logging.getLogger("authlib").setLevel(logging.INFO)  # below, it logs codes and secrets


@people_only
async def start(request: Request) -> Response:
    """Off to the organization's provider: a person is, not a picture or a frame of another site's page."""
    if request.headers.get("sec-fetch-dest", "document") != "document":
        return Response(status_code=403)
    site, key = site_of(request), _organization(request)
    provider = await identity_providers.leave(site, address_of(request), key)
    request.scope["session"] = {}
    client = await _client(request, provider)
    response: Response = await client.authorize_redirect(request, _callback_url(request, key))
    return _remember(request, response, staff_pages.task_of(request.query_params.get("task", "")))


@people_only
async def callback(request: Request) -> Response:
    """Back from it: signed in and on to the dashboard, or told why not.

    Either way this journey is over; only whoever comes when there are too many may come again.
    """
    try:
        response = await _arrived(request)
    except errors.Refused as refusal:
        response = refused(request, refusal)
    response.delete_cookie(COOKIE, path=_path(request))
    return response


async def _arrived(request: Request) -> Response:
    site = site_of(request)
    request.scope["session"], task = _remembered(request)
    provider = await identity_providers.come_back(site, address_of(request), _organization(request))
    person = await _person(request, provider)
    signed_in = await sign_in.arrive(site, address_of(request), provider, person)
    # A redirect would still be the other site's doing, and the browser would keep the strict cookie from it: a page of
    # our own asks for the next one.
    response = page("signed_in.html", onward=staff_pages.dashboard(task))
    return staff_pages.keep(request, response, *staff.cookie_for(site, signed_in))


async def _person(request: Request, provider: IdentityProvider) -> Person:
    """Who came, if all that the provider and the browser say can be trusted. Raises SignInFailed."""
    if request.query_params.get("iss", provider.issuer) != provider.issuer:
        raise errors.SignInFailed
    client = await _client(request, provider)
    must_be = {
        "iss": {"essential": True, "value": provider.issuer},
        "aud": {"essential": True, "value": provider.client_id},
    }
    try:
        token = await client.authorize_access_token(request, claims_options=must_be, leeway=LEEWAY)
        return await _described(client, token)
    except errors.AdmitError:
        raise
    except Exception as fault:  # whatever a provider or a visitor sends, it is their fault and says nothing to us
        log.warning("a sign-in failed: %s", type(fault).__name__)
        raise errors.SignInFailed from None


async def _described(client: _Client, token: dict[str, Any]) -> Person:
    claims = token["userinfo"]
    if "email" not in claims and client.server_metadata["userinfo_endpoint"]:
        more = await client.userinfo(token=token)
        claims = {**more, **claims} if more.get("sub") == claims["sub"] else claims
    email, name = claims.get("email"), claims.get("name")
    return Person(
        subject=claims["sub"],
        email=email if isinstance(email, str) else None,
        is_email_verified=claims.get("email_verified") is True,
        name=name if isinstance(name, str) else None,
    )


class _Claims(CodeIDToken):  # type: ignore[misc]  # Authlib has no types
    """An ID token's claims, judged by our clock."""

    def validate(self, now: float | None = None, leeway: int = 0) -> None:
        """Raise what Authlib raises for a claim that is missing or wrong, and for an audience besides us."""
        super().validate(int(clock.now().timestamp()), leeway)
        # OpenID Connect Core, 3.1.3.7 (3): we trust no other audience, and Authlib is content to be one of several
        named = [self["aud"]] if isinstance(self["aud"], str) else self["aud"]
        if any(one != self.params["client_id"] for one in named):
            raise InvalidClaimError("aud")


class _Client(StarletteOAuth2App):  # type: ignore[misc]  # Authlib has no types
    """Authlib's client, which demands an ID token that fits its access token."""

    async def parse_id_token(self, token: dict[str, Any], nonce: str, **how: Any) -> Any:
        """The claims of the ID token, which has to be there. Raises what Authlib and joserfc raise."""
        how["claims_cls"] = partial(_claims, token.get("access_token"))
        return await super().parse_id_token(token, nonce, **how)


def _claims(access_token: str | None, claims: Any, header: Any, options: Any, params: dict[str, Any]) -> _Claims:
    return _Claims(claims, header, options, {**params, "access_token": access_token})


async def _client(request: Request, provider: IdentityProvider) -> _Client:
    """A client of this provider alone. Its metadata are read by us: Authlib would take any setting from them."""
    site = site_of(request)
    found = await discovery.discover(site.outbound, provider.issuer)
    known = {name: value for name, value in vars(found).items() if name != "token_endpoint_auth_method"}
    name = f"{provider.organization_id}"
    return _Client(
        StarletteIntegration(name),
        name,
        client_id=provider.client_id,
        client_secret=identity_providers.secret_of(site, provider),
        client_kwargs={
            "scope": SCOPE,
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": found.token_endpoint_auth_method,
            "transport": site.outbound,
            "trust_env": False,
            "follow_redirects": False,
        },
        **known,
    )


def _remember(request: Request, response: Response, task: str) -> Response:
    """Keep what the way back needs in the browser."""
    site = site_of(request)
    age = site.limits.sign_in_seconds
    until = int((clock.now() + timedelta(seconds=age)).timestamp())
    kept = json.dumps({"until": until, "task": task, "session": request.session})
    sealed = site.keys.seal(_purpose(request), kept)
    secure = site.urls.base_url.startswith("https:")
    # lax: the way back is a link from the provider's site, which a strict cookie would not follow
    response.set_cookie(COOKIE, sealed, age, path=_path(request), httponly=True, samesite="lax", secure=secure)
    return response


def _remembered(request: Request) -> tuple[dict[str, Any], str]:
    """What was kept. Raises SignInFailed for whoever has not left from here, or too long ago: nobody is asked then."""
    opened = site_of(request).keys.unseal(_purpose(request), request.cookies.get(COOKIE, ""))
    kept: dict[str, Any] = json.loads(opened) if opened else {"until": 0}
    if clock.now().timestamp() >= kept["until"]:
        raise errors.SignInFailed
    return kept["session"], kept["task"]


def _purpose(request: Request) -> str:
    return f"sign-in/{_organization(request)}"


def _organization(request: Request) -> UUID:
    return Organization.key_of(request.path_params["organization"])


def _path(request: Request) -> str:
    return f"/sign-in/{request.path_params['organization']}"


def _callback_url(request: Request, key: UUID) -> str:
    return site_of(request).urls.sign_in_callback(Organization(id=key))


routes: list[BaseRoute] = [
    Route("/sign-in/{organization}", start, methods=["GET"]),
    Route("/sign-in/{organization}/callback", callback, methods=["GET"]),
]
