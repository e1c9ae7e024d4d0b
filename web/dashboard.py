"""The staff's live dashboard: an empty page that its script fills through GraphQL and keeps current by the stream."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from services import staff as log_ins
from web import staff
from web.pages import page, site_of


async def dashboard(request: Request) -> Response:
    """For whoever is signed in; others are shown the way in. Which task (`?task=tsk_…`) is the script's to read."""
    if not await staff.is_signed_in(request):
        return RedirectResponse(staff.way_in(request.query_params.get("task", "")), 303)
    organization, member = await log_ins.holder(site_of(request), staff.cookie(request))
    return page("dashboard.html", organization=organization, member=member, csrf=staff.csrf(request))


routes: list[BaseRoute] = [Route("/dashboard", dashboard, methods=["GET"])]
