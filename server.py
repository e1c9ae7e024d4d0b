"""The composition root: settings → collaborators → schema → routes → lifespan. `python server.py` serves."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from models import database
from resolvers.door import Door
from resolvers.roots import make_schema
from services import clockwork, exporting
from services.guesses import Guesses
from services.keys import Keys
from services.passwords import Passwords
from services.pulse import Pulse
from services.site import Limits, Site
from services.urls import Urls
from services.wakeups import wakeups
from settings import Settings
from web import assessment, dashboard, exports, graphiql, health, links, pages, sitting, staff, welcome
from web.security import SecurityHeaders

HERE = Path(__file__).parent


def make_site(settings: Settings) -> Site:
    """The collaborators that services share."""
    keys = Keys(settings.secrets)
    budgets = {
        "address": settings.guesses_per_address,
        "task": settings.guesses_per_task,
        "log_in_address": settings.log_ins_per_address,
        "log_in_email": settings.log_ins_per_email,
    }
    return Site(
        keys=keys,
        urls=Urls(settings.base_url, keys, timedelta(seconds=settings.download_seconds)),
        passwords=Passwords(settings.password_minimum, memory_cost=settings.argon2_memory_kib),
        limits=Limits(**{field.name: getattr(settings, field.name) for field in fields(Limits)}),
        guesses=Guesses(budgets, settings.guess_window_seconds),
        pulse=Pulse(),
        export_dir=Path(settings.export_dir),
    )


def create_app(settings: Settings) -> Starlette:
    """The whole application. The database must have been migrated."""
    site = make_site(settings)
    door = Door(
        make_schema(settings.query_tokens),
        site,
        origins=settings.origins,
        init_seconds=settings.websocket_init_seconds,
        operations=settings.websocket_operations,
        body_bytes=settings.body_bytes,
        list_body_bytes=settings.list_body_bytes,
        page=graphiql.response,
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await database.connect(settings.database_url, settings.database_pool)
        sweep = clockwork.run(site, settings.sweep_seconds)
        background = [asyncio.create_task(work) for work in (exporting.run(site), sweep)]
        try:
            async with wakeups(site.pulse, settings.events_url, settings.poll_seconds):
                yield
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await database.disconnect()

    routes = [
        Route("/graphql", door),
        WebSocketRoute("/graphql", door),
        *health.routes,
        *welcome.routes,
        *links.routes,
        *assessment.routes,
        *sitting.routes,
        *exports.routes,
        *staff.routes,
        *dashboard.routes,
        *graphiql.routes,
        Mount("/static", StaticFiles(directory=HERE / "web" / "static")),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(
                CORSMiddleware,
                allow_origins=settings.origins,
                allow_methods=("GET", "POST"),
                allow_headers=("Authorization", "Content-Type"),
                expose_headers=("Retry-After",),
            ),
        ],
        exception_handlers=pages.exception_handlers,
    )
    app.router.redirect_slashes = False
    app.state.site = site
    return app


if __name__ == "__main__":
    from commands import main

    raise SystemExit(main(sys.argv[1:], create_app, make_site))
