"""How a page is made, and what a visitor sees when something is refused."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

import errors
from models import chance, clock
from services.site import Site
from web import form_tokens
from web.refusals import Look, look_of

HERE = Path(__file__).parent
log = logging.getLogger("admit.web")


def page(template: str, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any) -> HTMLResponse:
    """The page of this template; whatever is put into it is escaped."""
    return HTMLResponse(TEMPLATES.get_template(template).render(context), status, headers)


def site_of(request: Request) -> Site:
    """The installation that this request reached."""
    site: Site = request.app.state.site
    return site


def address_of(request: Request) -> str:
    """The caller's network address, against which guesses are counted."""
    return request.client.host if request.client else ""


def wants_json(request: Request) -> bool:
    """Whether our own script asks, rather than a browser that shows pages."""
    return request.headers.get("accept", "").startswith("application/json")


def refused(request: Request, exception: errors.AdmitError) -> Response:
    """A refusal or a rejection as a friendly page, or as JSON for our own script."""
    look = look_of(exception)
    again = exception.retry_after if isinstance(exception, (errors.RateLimited, errors.Unavailable)) else None
    headers = {} if again is None else {"Retry-After": str(again)}
    if wants_json(request):
        problems = [asdict(problem) for problem in getattr(exception, "problems", ())]
        body = {"code": type(exception).__name__, "message": exception.text, "problems": problems}
        return JSONResponse(body, look.status, headers)
    return _apology(request, look, exception.text, headers, again=isinstance(exception, errors.CodeUnknown))


def missing(request: Request, exception: HTTPException) -> Response:
    """The router's own refusals (no such page, no such method) in the same look."""
    status, headers = exception.status_code, exception.headers
    look = look_of(errors.NotFound() if status == 404 else errors.BadRequest())._replace(status=status)
    message = "" if exception.detail == HTTPStatus(status).phrase else exception.detail
    if wants_json(request):
        return JSONResponse({"code": "BadRequest", "message": message or look.title, "problems": []}, status, headers)
    return _apology(request, look, message, headers)


def gone(request: Request, exception: Exception) -> Response:
    """Whoever asked has hung up: nobody reads this."""
    return Response(status_code=400)


def broken(request: Request, exception: Exception) -> Response:
    """Our bug: the visitor gets a number that is in the log, and nothing else about it."""
    incident = chance.readable(8)
    log.error("incident %s", incident, exc_info=exception)
    advice = f"Try again in a moment. If you report it, say incident {incident}."
    look = Look(500, "Something went wrong on our side", advice)
    return _apology(request, look, "", None)


def _apology(
    request: Request, look: Look, message: str, headers: Mapping[str, str] | None, *, again: bool = False
) -> Response:
    slug = request.path_params.get("slug") if again else None
    return page(
        "refused.html",
        look.status,
        headers,
        look=look,
        message=message,
        back=_back(request),
        slug=slug,
        token=form_tokens.make(site_of(request), form_tokens.of_welcome(slug)) if slug else "",
        retry_after=(headers or {}).get("Retry-After"),
    )


def _back(request: Request) -> tuple[str, str] | None:
    """Where to go on from here: the address and what the link says."""
    match request.path_params:
        case {"assessment": assessment}:
            return f"/assessments/{assessment}", "Back to your tests"
        case {"slug": slug}:
            return f"/t/{slug}", "Back to the welcome page"
        case {"organization": _}:
            return "/sign-in", "Back to signing in"
    return None


exception_handlers: Mapping[Any, Callable[[Request, Any], Response]] = {
    errors.AdmitError: refused,
    HTTPException: missing,
    ClientDisconnect: gone,
}


def duration(seconds: int | None) -> str:
    """A length of time for people: `1 hour 30 minutes`."""
    if seconds is None:
        return "no time limit"
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "hour"), (minutes, "minute"), (left if not hours else 0, "second")]
    return " ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts if count) or "0 seconds"


def stopwatch(seconds: int) -> str:
    """A length of time as a clock shows it: `1:29:05`."""
    minutes, left = divmod(seconds, 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours}:{rest:02}:{left:02}" if hours else f"{rest}:{left:02}"


def moment(at: datetime) -> str:
    """A time for people, in UTC until the page's script shows it in the visitor's own zone."""
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


@cache
def static(name: str) -> str:
    """The address of one of our files, which changes when the file does."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"


def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(clock=stopwatch, duration=duration, moment=moment)
    made.globals.update(static=static, now=clock.now)
    return made


TEMPLATES = _templates()
