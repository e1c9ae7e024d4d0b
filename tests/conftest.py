"""A database of its own for each test, a clock that stands still until told, and doors to knock at.

TEST_DATABASE_URL and TEST_EVENTS_URL choose PostgreSQL and Redis; without them every test has an SQLite file.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from commands import configured
from models import clock as models_clock
from models import database
from planner.tiers import Planner
from server import create_app
from settings import Settings
from tests import thrift, twins
from tests.log_watch import LogWatch, watching
from tests.process import listener
from tests.world import Clock, Door

POSTGRES = os.environ.get("TEST_DATABASE_URL", "")
REDIS = os.environ.get("TEST_EVENTS_URL", "")
SUFFIX = os.environ.get("TEST_DATABASE_SUFFIX", "")  # lets two suites run beside each other
thrift.save()


def pytest_collection_finish() -> None:
    """All that stays is here."""
    thrift.keep()


@pytest.fixture(scope="session")
def log_watch() -> Iterator[LogWatch]:
    """What the suite has minted and logged."""
    with watching() as watch:
        yield watch


@pytest.fixture(autouse=True)
def no_secret_is_logged(log_watch: LogWatch) -> Iterator[None]:
    """Fail whatever test logs a token, a code or a link that any test has minted."""
    yield
    assert log_watch.leaks() == []


@pytest.fixture(autouse=True)
def every_tier_agrees(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail whatever test asks something that two tiers answer differently; tests that count statements ask once."""
    if "statements" not in request.fixturenames:
        monkeypatch.setattr(Planner, "answer", twins.answer)
    twins.DIFFERENCES.clear()
    yield
    assert twins.DIFFERENCES == []


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The time: 2026-01-02 03:04:05 UTC until the test moves it."""
    made = Clock()
    models_clock.use(made)
    yield made
    models_clock.use(None)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> str:
    """A migrated database for this worker: an SQLite file to copy, or a PostgreSQL database to empty."""
    if POSTGRES:
        url = asyncio.run(_new_postgres(f"admit_{worker_id}{SUFFIX}"))
    else:
        url = f"sqlite:{tmp_path_factory.mktemp('template')}/template.sqlite3"
    asyncio.run(database.migrate(url))
    return url


@pytest.fixture
async def database_url(migrated: str, tmp_path: Path) -> str:
    """An empty database."""
    if POSTGRES:
        await _empty(migrated)
        return migrated
    path = tmp_path / "admit.sqlite3"
    shutil.copyfile(migrated.removeprefix("sqlite:"), path)
    return f"sqlite:{path}"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """The settings of a small, fast installation."""
    return Settings(
        base_url="https://admit.test",
        database_url=database_url,
        database_pool=5,
        events_url=REDIS,
        redis_namespace=f"test:{uuid4()}",  # so that suites beside each other share no budgets
        secret_key="a-secret-for-the-tests-of-forty-characters",
        export_dir=str(tmp_path / "exports"),
        argon2_memory_kib=64,
        sweep_seconds=86_400.0,  # tests sweep when they mean to,
        poll_seconds=86_400.0,  # and no statement is run that they did not cause
    )


@pytest.fixture
async def app(settings: Settings, clock: Clock) -> AsyncIterator[Starlette]:
    """The application, started."""
    made = create_app(settings)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def door(app: Starlette) -> AsyncIterator[Door]:
    """The application's HTTP door, with nobody signed in."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://admit.test") as client:
        yield Door(client)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[str, Starlette]]:
    """A real server on a free port of this machine: its base address, and the application."""
    open_for = listener()
    base_url = f"http://127.0.0.1:{open_for.getsockname()[1]}"
    app = create_app(replace(settings, base_url=base_url))
    quick = replace(settings, shutdown_seconds=min(2, settings.shutdown_seconds))
    server = uvicorn.Server(configured(quick, app, log_config=None))
    running = asyncio.create_task(server.serve([open_for]))
    while not server.started:
        if running.done():
            running.result()
            raise RuntimeError("the server did not start: its log says why")
        await asyncio.sleep(0)
    try:
        yield base_url, app
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def live(settings: Settings, clock: Clock) -> AsyncIterator[Door]:
    """The HTTP door of a real server; `door.base_url` is its address."""
    async with serving(settings) as (base_url, _app), httpx.AsyncClient(base_url=base_url) as client:
        yield Door(client)


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Every SQL statement that is run from now on."""
    seen: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.args:
                seen.append(str(record.args[0]) if isinstance(record.args, tuple) else record.getMessage())

    log, listener = logging.getLogger("tortoise.db_client"), Listener()
    before = log.level
    log.addHandler(listener)
    log.setLevel(logging.DEBUG)
    yield seen
    log.removeHandler(listener)
    log.setLevel(before)


async def _new_postgres(name: str) -> str:
    parts = urlsplit(POSTGRES)
    server = await asyncpg.connect(POSTGRES)
    try:
        await server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await server.execute(f'CREATE DATABASE "{name}"')
        await server.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')  # tests/faults does without this
    finally:
        await server.close()
    return parts._replace(path=f"/{name}").geturl()


async def _empty(url: str) -> None:
    """Delete every row but the migrations' own; for the few that a test leaves it is much quicker than TRUNCATE."""
    connection: Any = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%migration%'"
        )
        whatever_refers_to_them = "SET session_replication_role = replica"
        deletions = [f'DELETE FROM "{row["tablename"]}"' for row in tables]  # noqa: S608  the tables' own names
        from_the_start = "SELECT setval(pg_get_serial_sequence('event', 'position'), 1, false)"
        await connection.execute("; ".join([whatever_refers_to_them, *deletions, from_the_start]))
    finally:
        await connection.close()
