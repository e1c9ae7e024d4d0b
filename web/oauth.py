"""The doors of OAuth 2.0: the token endpoint, and what a client can find out by itself."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

import errors
from services import oauth
from web import cookies
from web.pages import address_of, site_of

# So long a copy of the keys may lack a new one that already signs, after `rotate-secret` at once; `prepare` publishes
# it first. Admit itself asks no copy.
PUBLIC = {"Cache-Control": "public, max-age=300"}


async def token(request: Request) -> Response:
    """Exchange a client's credentials for an access token."""
    site, authorization = site_of(request), request.headers.get("authorization")
    try:
        form = await cookies.pairs(request)
        answer = await oauth.token(site, address_of(request), authorization, form)
    except errors.Rejected as refused:
        return _rejected(refused)
    return JSONResponse(answer.body, answer.status, dict(answer.headers))


async def metadata(request: Request) -> Response:
    """RFC 8414: where tokens are had, and how."""
    return JSONResponse(oauth.metadata(site_of(request)), headers=PUBLIC)


async def resource(request: Request) -> Response:
    """RFC 9728: what they open."""
    return JSONResponse(oauth.resource(site_of(request)), headers=PUBLIC)


async def jwks(request: Request) -> Response:
    """RFC 7517: the public keys by which anybody can check them."""
    return JSONResponse(site_of(request).oauth.jwks(), headers=PUBLIC)


def _rejected(refused: errors.Rejected) -> Response:
    """RFC 6749 has no word for it; this one is its authorization endpoint's."""
    wait = getattr(refused, "retry_after", None)
    error = "invalid_request" if wait is None else "temporarily_unavailable"
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return JSONResponse({"error": error, "error_description": refused.text}, refused.status, headers)


routes: list[BaseRoute] = [
    Route(oauth.TOKEN_PATH, token, methods=["POST"]),
    Route(oauth.JWKS_PATH, jwks, methods=["GET"]),
    Route("/.well-known/oauth-authorization-server", metadata, methods=["GET"]),
    Route("/.well-known/oauth-protected-resource/graphql", resource, methods=["GET"]),
]
