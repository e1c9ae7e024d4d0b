"""An open database without a server in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from models import Organization, batches, database, direct, politeness
from tests.world import Clock


@pytest.fixture
async def rows(database_url: str, clock: Clock) -> AsyncIterator[None]:
    """The empty tables, open."""
    await database.connect(database_url, 10)
    yield
    await database.disconnect()


@pytest.fixture
async def organization(rows: None) -> Organization:
    """Somebody's."""
    return await Organization.create(name="Example University")


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches end when nobody waits, or when they are full, however slow the machine is."""
    monkeypatch.setattr(batches, "SECONDS", 3600)
    monkeypatch.setattr(direct, "PATIENCE", 3600)
    monkeypatch.setattr(politeness, "TURN", 3600)
