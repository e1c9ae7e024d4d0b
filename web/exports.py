"""Downloading spreadsheets."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

from services import exports
from web.pages import site_of

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def download(request: Request) -> FileResponse:
    """The file, for whoever has the signed address while it is good."""
    until, signature = (request.query_params.get(name, "") for name in ("until", "signature"))
    found = await exports.download(site_of(request), request.path_params["gid"], until, signature)
    return FileResponse(found.path, media_type=XLSX, filename=found.filename, headers={"Cache-Control": "no-store"})


routes = [Route("/exports/{gid}.xlsx", download, methods=["GET"])]
