"""Access links and shared links: following one enters at once, unless a machine only looks at it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from services import entry
from web import cookies
from web.pages import address_of, site_of

Page = Callable[[Request], Awaitable[Response]]

# how browsers say that nobody has followed the link yet
EARLY = {
    "sec-purpose": ("prefetch", "prerender"),
    "purpose": ("prefetch", "preview"),
    "x-moz": ("prefetch",),
    "x-purpose": ("preview",),
}


def people_only(page: Page) -> Page:
    """HEAD and prefetches enter nothing: the first gets an empty page, the second none at all."""

    @wraps(page)
    async def guarded(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type="text/html")
        return Response(status_code=204) if is_prefetch(request) else await page(request)

    return guarded


def is_prefetch(request: Request) -> bool:
    """Whether the browser fetches the page in case somebody should want it."""
    return any(word in request.headers.get(name, "").lower() for name, words in EARLY.items() for word in words)


def admitted(request: Request, entered: entry.Entry) -> Response:
    """On to the list of tests, with the candidate's cookie for it."""
    response = RedirectResponse(f"/assessments/{entered.assessment.gid}", 303)
    return cookies.remember(request, response, entered.assessment, entered.token)


@people_only
async def access_link(request: Request) -> Response:
    """Enter by the Task link plus the code."""
    slug, code = request.path_params["slug"], request.path_params["code"]
    return admitted(request, await entry.by_code(site_of(request), address_of(request), slug, code))


@people_only
async def shared_link(request: Request) -> Response:
    """Enter by an encrypted link."""
    return admitted(request, await entry.by_link(site_of(request), address_of(request), request.path_params["token"]))


routes: list[BaseRoute] = [
    Route("/t/{slug}/{code}", access_link, methods=["GET"]),
    Route("/a/{token}", shared_link, methods=["GET"]),
]
