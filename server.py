"""The composition root: settings → collaborators → schema → routes → lifespan. `python server.py` serves."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import timedelta
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, WebSocketRoute
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from models import database
from planner.extension import Planned
from planner.front import Front
from planner.tiers import planner_of
from resolvers.door import Door
from resolvers.over_http import FIXED
from resolvers.quick import Quick
from resolvers.roots import make_schema
from resolvers.short import Short
from schema.bounds import Bounds
from services import clockwork, exporting
from services.bucket import Bucket
from services.counters import Counters, Fallback, Memory
from services.guesses import Allowance, Guesses
from services.keys import Keys
from services.oauth_tokens import OAuthTokens
from services.outbound import Outbound
from services.passwords import Passwords
from services.pulse import Pulse
from services.shared_counters import Shared
from services.site import Limits, Site
from services.urls import Urls
from services.wakeups import wakeups
from settings import Settings
from web import (
    assessment,
    dashboard,
    exports,
    files,
    graphiql,
    health,
    links,
    oauth,
    oidc,
    pages,
    sitting,
    staff,
    welcome,
)
from web.bodies import Bodies, BodyBounds
from web.bugs import Bugs
from web.hosts import Hosts, is_among
from web.security import SecurityHeaders, headers_of

EXPOSED = ("Retry-After",)  # headers that pages of other origins may read


def make_site(settings: Settings) -> Site:
    """The collaborators that services share."""
    keys = Keys(settings.secrets)
    url = settings.limits_url or settings.events_url
    shared = Shared(url, settings.redis_namespace) if url else None
    here: Counters = Memory()
    lenient = Fallback(shared, here) if shared else here
    return Site(
        keys=keys,
        urls=Urls(settings.base_url, keys, timedelta(seconds=settings.download_seconds)),
        passwords=Passwords(settings.password_minimum, memory_cost=settings.argon2_memory_kib),
        limits=Limits(**{field.name: getattr(settings, field.name) for field in fields(Limits)}),
        guesses=Guesses(shared or here, lenient, _allowances(settings), settings.guess_window_seconds),
        bucket=Bucket(lenient, settings.cost_capacity, settings.cost_per_second),
        shared=shared,
        pulse=Pulse(),
        outbound=Outbound(
            settings.hosts_inside,
            loopback=not settings.is_production,
            seconds=settings.outbound_seconds,
            size=settings.outbound_bytes,
        ),
        oauth=OAuthTokens(settings.secrets, settings.base_url),
        export_dir=Path(settings.export_dir),
    )


def _allowances(settings: Settings) -> dict[str, Allowance]:
    """How often what may be tried before it has to wait."""
    return {
        "address": Allowance(settings.guesses_per_address, strict=True),
        "task": Allowance(settings.guesses_per_task, strict=True),
        "whole": Allowance(settings.guesses_in_all, strict=True),
        "log_in_address": Allowance(settings.log_ins_per_address),
        "log_in_email": Allowance(settings.log_ins_per_email, settings.log_ins_undelayed),
        "client_address": Allowance(settings.log_ins_per_address),
        "elsewhere_address": Allowance(settings.log_ins_per_address),
        "returned_address": Allowance(settings.log_ins_per_address),
    }


def create_app(settings: Settings) -> Starlette:
    """The whole application. The database must have been migrated."""
    site = make_site(settings)
    schema = make_schema(_bounds(settings), Planned)
    planner = planner_of(schema._schema, settings.plans, settings.plan_characters)  # noqa: SLF001  it has no public name
    door = Door(
        schema,
        site,
        origins=settings.origins,
        init_seconds=settings.websocket_init_seconds,
        operations=settings.websocket_operations,
        body_bytes=settings.body_bytes,
        list_body_bytes=settings.list_body_bytes,
        shows_schema=not settings.is_production,
        front=Front(planner, schema.shelf, schema.bounds),
        page=graphiql.response,
    )

    short = _short(settings, door)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, asyncio.Event]]:
        await database.connect(settings.database_url, settings.database_pool, settings.database_timeout_seconds)
        sweep = clockwork.run(site, settings.sweep_seconds)
        background = [asyncio.create_task(work) for work in (exporting.run(site), sweep)]
        try:
            async with wakeups(site.pulse, settings.events_url, settings.poll_seconds, settings.redis_namespace):
                yield {"stopping": asyncio.Event()}  # set by web/http_wire.py when no more is to begin
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            if site.shared:
                await site.shared.close()
            await database.disconnect()

    routes = [
        Route("/graphql", door),
        WebSocketRoute("/graphql", door),
        *health.routes(settings.metrics_token, metrics_to_all=not settings.is_production),
        *welcome.routes,
        *links.routes,
        *assessment.routes,
        *sitting.routes,
        *exports.routes,
        *staff.routes,
        *oidc.routes,
        *oauth.routes,
        *dashboard.routes,
        *graphiql.routes,
        *files.routes,
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=_guards(settings, short),
        exception_handlers=pages.exception_handlers,
    )
    app.router.redirect_slashes = False
    app.state.site, app.state.short = site, short
    return app


def _short(settings: Settings, door: Door) -> Short:
    """The short way to the door."""
    headers = headers_of(only_tls=_only_tls(settings))
    return Short(
        door,
        is_ours=partial(is_among, frozenset(settings.hosts)),
        headers={name: value for name, value in headers.items() if name not in FIXED},
        origins=settings.origins,
        exposed=EXPOSED,
        body_bytes=min(settings.body_bytes, settings.list_body_bytes),
        is_direct=not settings.proxies,
    )


def _only_tls(settings: Settings) -> bool:
    return settings.base_url.startswith("https:")


def _bounds(settings: Settings) -> Bounds:
    """What one document may have."""
    names = [field.name for field in fields(Bounds) if hasattr(settings, f"query_{field.name}")]
    return Bounds(**{name: getattr(settings, f"query_{name}") for name in names})


def _guards(settings: Settings, short: Short) -> list[Middleware]:
    """What every request passes, the outermost first."""
    largest = max(settings.body_bytes, settings.list_body_bytes)
    return [
        *([Middleware(ProxyHeadersMiddleware, list(settings.proxies))] if settings.proxies else []),
        Middleware(Quick, short),
        Middleware(SecurityHeaders, only_tls=_only_tls(settings)),
        Middleware(Hosts, settings.hosts),
        Middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type"),
            expose_headers=EXPOSED,
            max_age=86_400,
        ),
        Middleware(Bodies, BodyBounds(largest, max(1, settings.body_bytes), settings.body_seconds)),
        Middleware(Bugs),
    ]


if __name__ == "__main__":
    from commands import main

    raise SystemExit(main(sys.argv[1:], create_app, make_site))
