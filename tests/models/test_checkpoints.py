"""What was committed is copied into SQLite's file beside the COMMITs, and the log stays short."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tortoise.connection import get_connection

from models import Member, Organization, Role, checkpoints, database
from models.direct import Direct
from models.unit import transactional
from tests.conftest import POSTGRES

pytestmark = pytest.mark.skipif(bool(POSTGRES), reason="PostgreSQL has a process for it")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each COMMIT."""
    monkeypatch.setattr(checkpoints, "ROWS", 1)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the connections are asked that speak as Tortoise wants them to."""
    asked: list[str] = []
    ask = Direct.execute_fetchall

    async def heard(self: Direct, sql: str, values: Any = None) -> Any:
        asked.append(sql)
        return await ask(self, sql, values)

    monkeypatch.setattr(Direct, "execute_fetchall", heard)
    return asked


@transactional
async def join(organization: Organization, name: str) -> None:
    """One member joins."""
    await Member.create(organization_id=organization.id, full_name=name, email=f"{name}@example.org", role=Role.VIEWER)


async def copied() -> None:
    """Wait for what is being copied."""
    client: Any = get_connection("default")
    await client._checkpoints._copying


def in_the_file(path: Path) -> list[str]:
    """Who has joined, as far as the file itself says."""
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as file:
        return [name for (name,) in file.execute("SELECT full_name FROM member ORDER BY id")]


async def test_what_was_committed_is_copied_beside(organization: Organization, database_url: str) -> None:
    path = database.path_of(database_url)
    before = in_the_file(path)

    await join(organization, "ada")
    await copied()

    assert (before, in_the_file(path)) == ([], ["ada"])


async def test_a_few_rows_are_not_worth_it(
    organization: Organization, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = get_connection("default")
    monkeypatch.setattr(checkpoints, "ROWS", 3)
    client._checkpoints._seen = client._connection.total_changes

    begun = []
    for name in ("ada", "bob", "eve", "joe"):
        await join(organization, name)
        begun.append(client._checkpoints._copying is not None)
    await copied()

    assert begun == [False, False, True, True]
    assert told == ["PRAGMA wal_checkpoint(PASSIVE)"]


async def test_the_log_begins_anew(organization: Organization, database_url: str) -> None:
    log = Path(f"{database.path_of(database_url)}-wal")

    sizes = set()
    for number in range(30):
        await join(organization, f"member{number}")
        await copied()
        sizes.add(log.stat().st_size)

    assert len(sizes) < 5  # those of the first few, and of the longest
    assert await Member.all().count() == 30


async def test_what_cannot_be_copied_stays_in_the_log(
    organization: Organization, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(self: Direct, sql: str, values: Any = None) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as failing:
        failing.setattr(Direct, "execute_fetchall", refused)
        await join(organization, "ada")
        await copied()
    in_between = in_the_file(database.path_of(database_url))
    await join(organization, "bob")
    await copied()

    assert (in_between, in_the_file(database.path_of(database_url))) == ([], ["ada", "bob"])


async def test_closing_waits_for_it_and_leaves_one_file(
    organization: Organization, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = database.path_of(database_url)

    await join(organization, "ada")
    await database.disconnect()
    left = sorted(file.name for file in path.parent.glob(f"{path.name}*"))
    await database.connect(database_url)
    await join(organization, "bob")

    assert left == [path.name]
    assert [member.full_name for member in await Member.all().order_by("id")] == ["ada", "bob"]
