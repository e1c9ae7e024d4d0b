"""What operators and their tools ask: is it alive, can it serve, and figures."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from models import database


async def healthz(request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok")


async def readyz(request: Request) -> Response:
    """The database answers, too."""
    ready = await database.answers()
    return PlainTextResponse("ready" if ready else "the database does not answer", 200 if ready else 503)


async def metrics(request: Request) -> Response:
    """Figures in Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


routes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
