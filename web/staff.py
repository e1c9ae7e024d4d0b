"""Staff come in and go out by a browser: the sign-in page, the cookie, and access tokens for the pages' scripts."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

import errors
from models import clock
from services import accounts, staff
from services.site import Site
from web import cookies, form_tokens
from web.pages import page, site_of

FORM = "sign-in"
CSRF = "staff"  # the purpose of the tokens that prove a request came from a page of this very log-in
DOOR = "/sign-in"
_TASK = re.compile(r"tsk_[0-9a-f-]{36}")
_ORGANIZATION = re.compile(r"org_[0-9a-f-]{36}")


async def sign_in_page(request: Request) -> Response:
    """The form; whoever is signed in goes on to the dashboard.

    Whoever names an organization, by its link or its id, is shown the link to its own accounts, and has to follow it:
    a form that ended at another site is what our Content-Security-Policy keeps browsers from.
    """
    task, asked = request.query_params.get("task", ""), request.query_params.get("organization", "")
    if await is_signed_in(request):
        return RedirectResponse(dashboard(task), 303)
    named = _ORGANIZATION.search(asked)
    refused = errors.BadRequest("That is not the sign-in link of an organization.") if asked and not named else None
    return _form(request, task, refused, elsewhere=f"{DOOR}/{named[0]}" if named else "")


async def sign_in(request: Request) -> Response:
    """Check the password and keep the log-in in a cookie; what is refused is said on the form."""
    cookies.must_be_ours(request)
    form = await cookies.fields(request)
    email, task = form.get("email", ""), form.get("task", "")
    try:
        _must_be_our_form(request, form.get("token", ""))
        signed_in = await accounts.log_in(site_of(request), _address(request), email, form.get("password", ""))
    except errors.SingleSignOnRequired as elsewhere:
        return _form(request, task, elsewhere, email, elsewhere.start_url)
    except (errors.CredentialsWrong, errors.RateLimited, errors.BadRequest) as refused:
        return _form(request, task, refused, email)
    response = RedirectResponse(dashboard(task), 303)
    return keep(request, response, *staff.cookie_for(site_of(request), signed_in))


async def sign_out(request: Request) -> Response:
    """End the log-in, here and in every tab, and forget the cookie."""
    return await _signed_out(request, staff.sign_out)


async def sign_out_everywhere(request: Request) -> Response:
    """End every log-in of the member, on all devices, and forget the cookie."""
    return await _signed_out(request, staff.sign_out_everywhere)


async def _signed_out(request: Request, end: Callable[[Site, str], Awaitable[None]]) -> Response:
    if await is_signed_in(request):
        await must_be_the_holders(request)
        await end(site_of(request), cookie(request))
    response = RedirectResponse(DOOR, 303)
    response.delete_cookie(cookie_name(request), secure=_has_tls(request))
    return response


async def token(request: Request) -> Response:
    """A new access token for the dashboard's script; `expiresIn` does not depend on the browser's clock."""
    await must_be_the_holders(request)
    made, until = await staff.access(site_of(request), cookie(request))
    left = int((until - clock.now()).total_seconds())
    return JSONResponse({"accessToken": made, "expiresAt": until.isoformat(), "expiresIn": left})


def way_in(task: str) -> str:
    """Where to sign in, to come back to this task's dashboard."""
    return DOOR + _asking(task)


def cookie_name(request: Request) -> str:
    """With TLS one that browsers take from this very host alone, and not from others of its domain."""
    return f"__Host-{staff.COOKIE}" if _has_tls(request) else staff.COOKIE


def cookie(request: Request) -> str:
    """The staff cookie as it came; empty without one."""
    return request.cookies.get(cookie_name(request), "")


def csrf(request: Request) -> str:
    """The token that `must_be_the_holders` expects back."""
    return site_of(request).keys.stamp(CSRF, cookie(request))


async def is_signed_in(request: Request) -> bool:
    """Whether the cookie names a log-in that counts."""
    try:
        await staff.holder(site_of(request), cookie(request))
    except errors.Unauthenticated:
        return False
    return True


async def must_be_the_holders(request: Request) -> None:
    """Raise Unauthenticated without a log-in, Forbidden unless a page of this very log-in sent the request."""
    await staff.holder(site_of(request), cookie(request))
    cookies.must_be_ours(request)
    given = request.headers.get("x-csrf-token") or (await cookies.fields(request)).get(cookies.CSRF, "")
    if not site_of(request).keys.check(CSRF, cookie(request), given):
        raise errors.Forbidden("This did not come from your own page: reload it and try again.")


def _must_be_our_form(request: Request, given: str) -> None:
    if not form_tokens.is_good(site_of(request), FORM, given):
        raise errors.BadRequest("This page was open for too long. Try again.")


def task_of(text: str) -> str:
    """The task that was asked for; nothing for anything but a task's id, so that nobody is led elsewhere."""
    return text if _TASK.fullmatch(text) else ""


def dashboard(task: str) -> str:
    """The address of the task's dashboard, or of the one for all tasks."""
    return "/dashboard" + _asking(task)


def _asking(task: str) -> str:
    return f"?task={task}" if task_of(task) else ""


def _form(
    request: Request, task: str, refused: errors.AdmitError | None = None, email: str = "", elsewhere: str = ""
) -> Response:
    status = refused.status if isinstance(refused, errors.Rejected) else 403 if refused else 200
    headers = {"Retry-After": str(refused.retry_after)} if isinstance(refused, errors.RateLimited) else {}
    message = refused.text if refused else ""
    form = form_tokens.make(site_of(request), FORM)
    there = elsewhere and elsewhere + _asking(task)
    return page("sign_in.html", status, headers, message=message, email=email, task=task, token=form, elsewhere=there)


def keep(request: Request, response: Response, value: str, until: datetime) -> Response:
    """Keep the log-in in the browser until then."""
    age = int((until - clock.now()).total_seconds())
    name, secure = cookie_name(request), _has_tls(request)
    response.set_cookie(name, value, max_age=age, httponly=True, samesite="strict", secure=secure)
    return response


def _has_tls(request: Request) -> bool:
    return site_of(request).urls.base_url.startswith("https:")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


routes: list[BaseRoute] = [
    Route(DOOR, sign_in_page, methods=["GET"]),
    Route(DOOR, sign_in, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/sign-out/everywhere", sign_out_everywhere, methods=["POST"]),
    Route("/dashboard/token", token, methods=["POST"]),
]
