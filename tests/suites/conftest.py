"""The started server, and an organization in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import REDIS
from tests.node import SUITES, Stage, node_for, set_the_stage
from tests.process import Running, running
from tests.world import Door


@asynccontextmanager
async def started(folder: Path, database_url: str, **more: Any) -> AsyncIterator[Running]:
    """A process that serves the database which TEST_DATABASE_URL chooses; it must not meet a bug of ours."""
    known = {"DATABASE_URL": database_url, "EVENTS_URL": REDIS, "REDIS_NAMESPACE": folder.name, **more}
    async with running(folder, **known) as made:
        yield made
        assert made.process.returncode is None, made.log.read_text()
        assert "Traceback" not in made.log.read_text(), made.log.read_text()


@pytest.fixture
async def server(tmp_path: Path, database_url: str) -> AsyncIterator[Running]:
    """As a user starts it."""
    async with started(tmp_path, database_url) as made:
        yield made


@pytest.fixture
async def visitor(server: Running) -> AsyncIterator[Door]:
    """The server's door, with nobody signed in."""
    async with httpx.AsyncClient(base_url=server.base_url, trust_env=False) as client:
        yield Door(client)


@pytest.fixture
def node() -> str:
    """Node with the suites' packages."""
    return node_for(SUITES)


@pytest.fixture
async def stage(node: str, visitor: Door) -> Stage:
    """An open task with three tickets."""
    return await set_the_stage(node, visitor, SUITES)
