"""OAuth 2.0 for partner programs: a client is an API key, and exchanges its secret for short-lived access tokens.

Authlib judges the request and writes the answer (RFC 6749, 4.4). It does not wait for a database, so the client that
sent the request is found first, and is the only one that Authlib's server knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from authlib.oauth2.rfc6750 import BearerTokenGenerator

import errors
from models import Actor, Permission, clock
from services import credentials
from services.site import Site

GRANT = "client_credentials"
METHODS = ["client_secret_basic", "client_secret_post"]
TOKEN_PATH, JWKS_PATH = "/oauth/token", "/.well-known/jwks.json"


@dataclass(frozen=True)
class Answer:
    """What the token endpoint says."""

    status: int
    body: Mapping[str, Any]
    headers: Sequence[tuple[str, str]]


async def token(site: Site, address: str, authorization: str | None, form: Sequence[tuple[str, str]]) -> Answer:
    """Exchange a client's credentials for an access token; a refusal is an answer of RFC 6749, too.

    Raises RateLimited after too many wrong secrets from one address.
    """
    headers = {"Authorization": authorization} if authorization else {}
    try:
        client_id, secret = _credentials(headers, form)
        client = _Client(site, await _found(site, address, client_id, secret), secret)
    except OAuth2Error as refused:
        return Answer(*refused())
    answer: Answer = _Server(client).create_token_response(_Request(headers, dict(form)))
    return answer


def metadata(site: Site) -> dict[str, Any]:
    """What a client can find out by itself: RFC 8414."""
    base = site.oauth.issuer
    return {
        "issuer": base,
        "token_endpoint": base + TOKEN_PATH,
        "jwks_uri": base + JWKS_PATH,
        "scopes_supported": [permission.value for permission in Permission],
        "response_types_supported": [],
        "grant_types_supported": [GRANT],
        "token_endpoint_auth_methods_supported": METHODS,
    }


def resource(site: Site) -> dict[str, Any]:
    """What the tokens open, and who issues them: RFC 9728."""
    return {
        "resource": site.oauth.audience,
        "authorization_servers": [site.oauth.issuer],
        "scopes_supported": [permission.value for permission in Permission],
        "bearer_methods_supported": ["header"],
    }


def _credentials(headers: Mapping[str, str], form: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """The client's id and secret, given in one of the two ways. Raises what Authlib would say without them."""
    fields = dict(form)
    if len(fields) < len(form):
        raise InvalidRequestError("A parameter is repeated.")
    if not fields.get("grant_type"):
        raise InvalidRequestError("The parameter grant_type is missing.")
    if fields["grant_type"] != GRANT:
        raise OAuth2Error(f"Only {GRANT} is supported.", error="unsupported_grant_type")
    if headers and fields.get("client_secret"):
        raise InvalidRequestError("Give the client's credentials in one way, not in two.")
    try:
        basic = extract_basic_authorization(headers)
    except ValueError:
        raise _wrong() from None
    client_id, secret = basic if headers else (fields.get("client_id"), fields.get("client_secret"))
    if not client_id or not secret:
        raise _wrong()
    if fields.get("client_id") not in (None, "", client_id):
        raise InvalidRequestError("The form names another client than the header.")
    return client_id, secret


async def _found(site: Site, address: str, client_id: str, secret: str) -> Actor:
    """What the client may do; every wrong pair of id and secret gets the same answer."""
    await site.guesses.spend(client_address=address)
    try:
        actor = await credentials.by_secret(site, secret)
    except errors.Unauthenticated:
        raise _wrong() from None
    if actor.gid != client_id:
        raise _wrong()
    await site.guesses.refund(client_address=address)
    return actor


def _wrong() -> InvalidClientError:
    return InvalidClientError("The client is unknown, its secret is wrong, or it has ended.", status_code=401)


class _Client(ClientMixin):  # type: ignore[misc]  # Authlib has no types
    """The API key that was found, as Authlib asks about it."""

    def __init__(self, site: Site, actor: Actor, secret: str) -> None:
        self._site, self._actor, self._secret = site, actor, secret

    def get_client_id(self) -> str:
        return self._actor.gid

    def check_client_secret(self, secret: str) -> bool:
        return secret == self._secret  # the one by which the key was found

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == GRANT

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """All that the key may, or what is asked for; None, which Authlib refuses, when that is more."""
        wanted = set(scope.split()) if scope else self._actor.permissions
        granted = [permission for permission in Permission if permission in wanted]
        return " ".join(granted) if wanted and wanted <= self._actor.permissions else None

    def seconds(self, *_: object) -> int:
        """How long a token counts: never longer than the secret that it was given for."""
        most = self._site.limits.oauth_token_seconds
        ends = self._actor.expires_at
        return most if ends is None else min(most, int((ends - clock.now()).total_seconds()))

    def make(self, scope: str, **_: object) -> str:
        """A new access token."""
        good_for = timedelta(seconds=self.seconds())
        return self._site.oauth.make(self._actor.gid, scope.split(), clock.now(), good_for)


class _Request(OAuth2Request):  # type: ignore[misc]
    """The request as Authlib reads it; whether it came by https is the operator's to see to, not Authlib's."""

    def __init__(self, headers: Mapping[str, str], fields: dict[str, str]) -> None:
        super().__init__("POST", "https://localhost" + TOKEN_PATH, headers=headers)
        self.payload = BasicOAuth2Payload(fields)
        self.fields = fields

    @property
    def form(self) -> dict[str, str]:
        return self.fields


class _Grant(ClientCredentialsGrant):  # type: ignore[misc]
    """RFC 6749, 4.4, with both ways to give a secret."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS


class _Server(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server for one request, which knows one client and keeps nothing."""

    def __init__(self, client: _Client) -> None:
        super().__init__([permission.value for permission in Permission])
        self._one = client
        self.register_grant(_Grant)
        self.register_token_generator("default", BearerTokenGenerator(client.make, None, client.seconds))

    def query_client(self, client_id: str) -> _Client | None:
        return self._one if client_id == self._one.get_client_id() else None

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def handle_response(self, status: int, body: Mapping[str, Any], headers: Sequence[tuple[str, str]]) -> Answer:
        return Answer(status, body, headers)

    def save_token(self, token: object, request: object) -> None:
        """A token is known by its signature."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""
