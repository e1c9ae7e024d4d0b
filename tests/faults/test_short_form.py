"""Every fault in its short form, on the database that the other tests run on; `make faults` takes longer over it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import POSTGRES
from tests.faults.cluster import Cluster
from tests.faults.figures import Figures, Length, NotHere, table
from tests.faults.scripts import EVERYWHERE, ON_POSTGRES, play, postgres_and_redis
from tests.redis_server import Redis


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on() -> AsyncIterator[tuple[Cluster, Redis] | None]:
    """A PostgreSQL and a Redis that may be stopped, when the tests run on PostgreSQL."""
    if not POSTGRES:
        yield None
        return
    try:
        async with postgres_and_redis() as made:
            yield made
    except NotHere as missing:
        if os.environ.get("CI") == "true":  # .ci/run installs it
            raise
        pytest.skip(str(missing))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("fault", ON_POSTGRES if POSTGRES else EVERYWHERE)
async def test_nothing_acknowledged_is_lost(fault: str, on: tuple[Cluster, Redis] | None) -> None:
    try:
        figures = await play(fault, Length.SHORT, on)
    except NotHere as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))

    assert figures.broken == [], f"{fault}: {figures.verdict}"


def test_the_table_shows_what_was_seen() -> None:
    held = Figures("kill -9", "SQLite", load=33.4, acknowledged=1234)
    broken = Figures("cut off", "PostgreSQL", acknowledged=5, lost=1)
    held.back_within(10, 1.25)
    broken.must("nothing is lost", kept=False)

    assert table([held, broken]).splitlines() == [
        "| fault   | database   | load/s | acknowledged | lost | recovered in | verdict         |",
        "| ------- | ---------- | ------ | ------------ | ---- | ------------ | --------------- |",
        "| kill -9 | SQLite     | 33     | 1,234        | 0    | 1.2 s        | held            |",
        "| cut off | PostgreSQL | –      | 5            | 1    | –            | nothing is lost |",
    ]
