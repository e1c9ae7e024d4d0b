"""Our own style sheets, scripts and pictures."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from web import pages

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


class Files(StaticFiles):
    """The files of web/static: kept for ever under the addresses that pages give them, else asked about each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or that it has not changed."""
        response = await super().get_response(path, scope)
        version = scope["query_string"].decode("latin-1")
        # of the file as it is: kept under the version to come, a file would be an old one for ever
        is_current = bool(version) and pages.static(path).endswith(f"?{version}")
        response.headers["Cache-Control"] = FOR_EVER if is_current else ASK_AGAIN
        return response


routes: list[BaseRoute] = [Mount("/static", Files(directory=Path(__file__).parent / "static"))]
