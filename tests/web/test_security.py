"""What every answer says to browsers and caches, whoever made it; figures; and what happens when a page breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server import create_app
from settings import Settings
from tests.world import Clock, Door
from web.pages import static

GUARDED = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
}


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[tuple[httpx.AsyncClient, Starlette]]:
    """The application with these settings, and a client."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=settings.base_url) as client,
    ):
        yield client, app


async def _bug(request: Request) -> Response:
    raise RuntimeError(f"a secret in {request.url}")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/sign-in", {}, 200),
        ("GET", "/healthz", {}, 200),
        ("GET", "/nothing", {}, 404),
        ("PUT", "/sign-in", {}, 405),
        ("GET", "/sign-in", {"host": "evil.example"}, 400),
        ("POST", "/sign-in", {"content-length": "9999999"}, 413),
        ("OPTIONS", "/graphql", {"origin": "https://evil.example", "access-control-request-method": "POST"}, 400),
        ("POST", "/graphql", {}, 415),
        ("POST", "/graphql", {"authorization": "Bearer x"}, 401),
        ("GET", "/graphql", {"accept": "text/html"}, 200),
        ("GET", "/bug", {}, 500),
    ],
)
async def test_every_answer_is_guarded_and_kept_by_nobody(
    app: Starlette, door: Door, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    app.router.routes.insert(0, Route("/bug", _bug))

    answer = await door.client.request(method, path, headers=headers)

    policy = answer.headers["content-security-policy"]
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in GUARDED} == GUARDED
    assert answer.headers["cache-control"] == "no-store"
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "server" not in answer.headers


async def test_a_bug_is_told_by_a_number_and_nothing_else(
    app: Starlette, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    app.router.routes.insert(0, Route("/bug", _bug))

    answer = await door.client.get("/bug")

    logged = [record for record in caplog.records if record.levelname == "ERROR"]
    incident = logged[0].getMessage().removeprefix("incident ")
    assert incident in answer.text
    assert "a secret" not in answer.text
    assert [record.name for record in logged] == ["admit.web"]


async def test_only_an_installation_behind_tls_forbids_to_do_without(settings: Settings, clock: Clock) -> None:
    async with running(replace(settings, base_url="http://admit.test")) as (client, _app):
        answer = await client.get("/sign-in")

    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize(
    ("address", "caching"),
    [
        (static("site.css"), "public, max-age=31536000, immutable"),
        ("/static/site.css", "no-cache"),
        ("/static/site.css?v=0123456789", "no-cache"),
        ("/static/site.css?v=", "no-cache"),
        (static("site.css").replace("site.css", "sitting.js"), "no-cache"),
        (static("site.css").replace("site.css", "none.css"), "no-store"),
        (static("site.css") + "&x=1", "no-cache"),
    ],
)
async def test_a_file_is_kept_for_ever_under_its_own_version_alone(door: Door, address: str, caching: str) -> None:
    answer = await door.client.get(address)

    assert answer.headers["cache-control"] == caching


async def test_no_answer_names_the_server(live: Door) -> None:
    answers = [await live.client.get(path) for path in ("/sign-in", "/nothing", "/static/site.css")]

    assert not [answer for answer in answers if "server" in answer.headers]


# ---- other origins ---------------------------------------------------------------------------------------------------


async def test_a_preflight_allows_the_named_origins_the_api_and_no_cookies(settings: Settings, clock: Clock) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization, content-type"}
    async with running(replace(settings, allowed_origins="https://app.example")) as (client, _app):
        ours, theirs = [
            await client.options("/graphql", headers={"origin": origin, **asked})
            for origin in ("https://app.example", "https://app.example.evil.example")
        ]
        answer = await client.get("/graphql?query={__typename}", headers={"origin": "https://app.example"})

    assert ours.status_code == 200
    assert ours.headers["access-control-allow-origin"] == "https://app.example"
    assert ours.headers["access-control-max-age"] == "86400"
    assert "access-control-allow-credentials" not in ours.headers
    assert theirs.status_code == 400
    assert "access-control-allow-origin" not in theirs.headers
    assert answer.headers["access-control-expose-headers"] == "Retry-After"
    assert "Origin" in answer.headers["vary"]


async def test_an_allowed_origin_can_read_why_its_body_was_refused(settings: Settings, clock: Clock) -> None:
    async with running(replace(settings, allowed_origins="https://app.example")) as (client, _app):
        headers = {"origin": "https://app.example", "content-type": "application/json"}
        answer = await client.post("/graphql", content=b" " * (settings.list_body_bytes + 1), headers=headers)

    assert answer.status_code == 413
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


# ---- figures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "token", "sent", "status"),
    [
        ("development", "", None, 200),
        ("production", "", None, 404),
        ("production", "", "Bearer ", 404),
        ("production", "figures", None, 401),
        ("production", "figures", "Bearer other", 401),
        ("production", "figures", "Bearer \xff", 401),
        ("production", "figures", "figures", 401),
        ("production", "figures", "Bearer figures", 200),
        ("development", "figures", None, 401),
    ],
)
async def test_figures_are_for_who_has_the_token(
    settings: Settings, clock: Clock, environment: str, token: str, sent: str | None, status: int
) -> None:
    headers = {b"authorization": sent.encode("latin-1")} if sent is not None else {}
    async with running(replace(settings, environment=environment, metrics_token=token)) as (client, _app):
        answer = await client.get("/metrics", headers=headers)

    assert answer.status_code == status
    assert ("python_info" in answer.text) is (status == 200)


# ---- bodies ----------------------------------------------------------------------------------------------------------


async def test_a_page_says_how_much_it_takes_and_our_script_is_told_in_json(settings: Settings, clock: Clock) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    async with running(replace(settings, body_bytes=100)) as (client, _app):
        page = await client.post("/sign-in", content=b"a" * 101, headers=form)
        script = await client.post("/sign-in", content=b"a" * 101, headers={**form, "accept": "application/json"})

    assert page.status_code == script.status_code == 413
    assert "Send at most 100 bytes." in page.text
    assert script.json() == {"code": "BadRequest", "message": "Send at most 100 bytes.", "problems": []}
