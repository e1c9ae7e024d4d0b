"""Staff come in and go out by a browser: the sign-in page, the cookie, and access tokens for the pages' scripts."""

from __future__ import annotations

import re
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

import errors
from models import clock
from services import accounts, staff
from web import cookies, form_tokens
from web.pages import page, site_of

FORM = "sign-in"
CSRF = "staff"  # the purpose of the tokens that prove a request came from a page of this very log-in
DOOR = "/sign-in"
_TASK = re.compile(r"tsk_[0-9a-f-]{36}")


async def sign_in_page(request: Request) -> Response:
    """The form; whoever is signed in goes on to the dashboard."""
    task = request.query_params.get("task", "")
    return RedirectResponse(_dashboard(task), 303) if await is_signed_in(request) else _form(request, task)


async def sign_in(request: Request) -> Response:
    """Check the password and keep the log-in in a cookie; what is refused is said on the form."""
    cookies.must_be_ours(request)
    form = await cookies.fields(request)
    email, task = form.get("email", ""), form.get("task", "")
    try:
        _must_be_our_form(request, form.get("token", ""))
        signed_in = await accounts.log_in(site_of(request), _address(request), email, form.get("password", ""))
    except (errors.CredentialsWrong, errors.RateLimited, errors.BadRequest) as refused:
        return _form(request, task, refused, email)
    return _keep(request, task, *staff.cookie_for(site_of(request), signed_in))


async def sign_out(request: Request) -> Response:
    """End the log-in, here and in every tab, and forget the cookie."""
    if await is_signed_in(request):
        await must_be_the_holders(request)
        await staff.sign_out(site_of(request), cookie(request))
    response = RedirectResponse(DOOR, 303)
    response.delete_cookie(staff.COOKIE)
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


def cookie(request: Request) -> str:
    """The staff cookie as it came; empty without one."""
    return request.cookies.get(staff.COOKIE, "")


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


def _dashboard(task: str) -> str:
    return "/dashboard" + _asking(task)


def _asking(task: str) -> str:
    """The query that names the task; nothing for anything but a task's id, so that nobody is led elsewhere."""
    return f"?task={task}" if _TASK.fullmatch(task) else ""


def _form(request: Request, task: str, refused: errors.AdmitError | None = None, email: str = "") -> Response:
    status = refused.status if isinstance(refused, errors.Rejected) else 403 if refused else 200
    headers = {"Retry-After": str(refused.retry_after)} if isinstance(refused, errors.RateLimited) else {}
    message = refused.text if refused else ""
    form = form_tokens.make(site_of(request), FORM)
    return page("sign_in.html", status, headers, message=message, email=email, task=task, token=form)


def _keep(request: Request, task: str, value: str, until: datetime) -> Response:
    response = RedirectResponse(_dashboard(task), 303)
    age = int((until - clock.now()).total_seconds())
    secure = site_of(request).urls.base_url.startswith("https:")
    response.set_cookie(staff.COOKIE, value, max_age=age, httponly=True, samesite="strict", secure=secure)
    return response


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


routes: list[BaseRoute] = [
    Route(DOOR, sign_in_page, methods=["GET"]),
    Route(DOOR, sign_in, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/dashboard/token", token, methods=["POST"]),
]
