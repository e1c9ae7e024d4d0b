"""The candidate's cookie: one for each assessment, and the proof that a form or a fetch came from our own page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

import errors
from models import Actor, Assessment
from services import credentials
from web.pages import site_of

NAME = "candidate"
CSRF = "csrf"


def remember(request: Request, response: Response, assessment: Assessment, token: str) -> Response:
    """Keep the candidate's token in the browser, for the pages of this assessment alone, until the browser closes."""
    secure = site_of(request).urls.base_url.startswith("https:")
    path = f"/assessments/{assessment.gid}"
    response.set_cookie(NAME, token, path=path, httponly=True, samesite="lax", secure=secure)
    return response


async def reader(request: Request) -> Actor:
    """Who looks at this assessment's pages. Raises Unauthenticated without the assessment's own cookie."""
    actor = await credentials.bearer(site_of(request), request.cookies.get(NAME, ""))
    if actor.assessment_id != Assessment.key_of(request.path_params["assessment"]):
        raise errors.Unauthenticated
    return actor


async def writer(request: Request) -> Actor:
    """Who changes something here. Raises Forbidden unless our own page, shown to this very person, sent the request."""
    actor = await reader(request)
    must_be_ours(request)
    request.state.body_limit = site_of(request).limits.list_body_bytes  # every essay of a test may come at once
    given = request.headers.get("x-csrf-token") or (await fields(request)).get(CSRF, "")
    if not site_of(request).keys.check(CSRF, request.cookies[NAME], given):
        raise errors.Forbidden("This did not come from your own page: reload it and try again.")
    return actor


def csrf(request: Request) -> str:
    """The token that `writer` expects back."""
    return site_of(request).keys.stamp(CSRF, request.cookies[NAME])


def must_be_ours(request: Request) -> None:
    """Raise Forbidden for a request that another site's page made.

    Every current browser says so in Sec-Fetch-Site; an older one in Origin, which is `null` under our no-referrer.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin", "null")
    ours = site in ("same-origin", "none") if site else origin in ("null", site_of(request).urls.base_url)
    if not ours:
        raise errors.Forbidden("This came from another site: open the page here and try again.")


async def fields(request: Request) -> Mapping[str, str]:
    """A form's fields; of several with one name the last."""
    return dict(await pairs(request))


async def pairs(request: Request) -> list[tuple[str, str]]:
    """A form's fields as they were sent. Raises BadRequest for what is no form."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return []
    try:
        return parse_qsl((await body(request)).decode(), keep_blank_values=True, max_num_fields=5_000)
    except ValueError:
        raise errors.BadRequest from None


async def body(request: Request) -> bytes:
    """The whole body. Raises HTTPException 413 as soon as it is longer than the installation allows."""
    if not hasattr(request.state, "body"):
        limit = getattr(request.state, "body_limit", site_of(request).limits.body_bytes)
        if int(request.headers.get("content-length") or 0) > limit:
            raise _too_large(limit)
        request.state.body = await _read(request.stream(), limit)
    kept: bytes = request.state.body
    return kept


async def _read(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    read = bytearray()
    async for chunk in chunks:
        read += chunk
        if len(read) > limit:
            raise _too_large(limit)
    return bytes(read)


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"Send at most {limit:,} bytes.", {"Connection": "close"})
