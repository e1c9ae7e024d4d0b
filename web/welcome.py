"""The public page behind a Task link: what the task is, and the place to type an invitation code."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

import errors
from models import TestSessionStatus, clock
from services import entry, tasks
from web import cookies, form_tokens, links
from web.pages import address_of, page, site_of

HINT = "It is in your invitation. Dashes, spaces and case do not matter."
FINISH = {"ticket", "session", "status", "time", "signature"}  # what a blank finish redirect leads here with


async def show(request: Request) -> Response:
    """The Welcome page; a candidate whom the server sent here after the last test is thanked instead."""
    welcome = await tasks.welcome(request.path_params["slug"])
    if welcome is None:
        raise errors.NotFound("There is no such invitation page.")
    return _thanks(request, welcome) if request.query_params.keys() >= FINISH else _invitation(request, welcome)


async def enter(request: Request) -> Response:
    """Enter by the code that was typed."""
    slug, form = request.path_params["slug"], await cookies.fields(request)
    cookies.must_be_ours(request)
    form_tokens.must_be_good(site_of(request), form_tokens.of_welcome(slug), form.get("form_token", ""))
    return links.admitted(
        request, await entry.by_code(site_of(request), address_of(request), slug, form.get("code", ""))
    )


def _invitation(request: Request, welcome: tasks.Welcome) -> Response:
    slug = request.path_params["slug"]
    return page(
        "welcome.html",
        title=welcome.title,
        body=welcome.body_html,
        state=_state(welcome),
        opens_at=welcome.opens_at,
        slug=slug,
        token=form_tokens.make(site_of(request), form_tokens.of_welcome(slug)),
        hint=HINT,
        wrong=False,
    )


def _thanks(request: Request, welcome: tasks.Welcome) -> Response:
    submitted = request.query_params["status"] == TestSessionStatus.SUBMITTED
    return page("thanks.html", title=welcome.task_name, submitted=submitted)


def _state(welcome: tasks.Welcome) -> str:
    """`open`, `early`, `over`, or `closed` by staff."""
    now = clock.now()
    if welcome.is_open:
        return "open"
    if welcome.opens_at is not None and now < welcome.opens_at:
        return "early"
    return "over" if welcome.closes_at is not None and now >= welcome.closes_at else "closed"


routes: list[BaseRoute] = [Route("/t/{slug}", show, methods=["GET"]), Route("/t/{slug}", enter, methods=["POST"])]
