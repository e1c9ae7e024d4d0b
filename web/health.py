"""What operators and their tools ask: is it alive, can it serve, and figures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hmac import compare_digest

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from models import database


async def healthz(request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok")


async def readyz(request: Request) -> Response:
    """The database answers, too."""
    ready = await database.answers()
    return PlainTextResponse("ready" if ready else "the database does not answer", 200 if ready else 503)


def metrics(token: str, *, to_all: bool) -> Callable[[Request], Awaitable[Response]]:
    """Figures in Prometheus' text format, for whoever has the token; without one for all, or not to be found."""

    async def shown(request: Request) -> Response:
        if not token and not to_all:
            raise HTTPException(404)
        given = request.headers.get("authorization", "").encode()
        if token and not compare_digest(given, f"Bearer {token}".encode()):
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return shown


def routes(metrics_token: str, *, metrics_to_all: bool) -> list[BaseRoute]:
    """What is asked where."""
    figures = metrics(metrics_token, to_all=metrics_to_all)
    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", figures)]
