"""What an operator is told about a backup, and that no password is among it."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import errors
from models import database
from services import backups
from tests import process
from tests.process import run
from tests.world import Clock

POSTGRES = "postgres://admit:geheim@db.example:5432/admit?sslmode=require"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An SQLite database with nothing in it."""
    made = f"sqlite:{tmp_path_factory.mktemp('empty') / 'admit.sqlite3'}"
    asyncio.run(database.migrate(made))
    return made


def test_a_backup_tells_where_it_is_what_it_holds_and_what_it_does_not(url: str, tmp_path: Path) -> None:
    target = tmp_path / "today"

    told = backups.take(url, target).splitlines()

    size, sha256 = target.stat().st_size, hashlib.sha256(target.read_bytes()).hexdigest()
    assert told == [
        f"{target} is whole: {size:,} bytes, SHA-256 {sha256}.",
        "It holds 0 rows; the newest event: none.",
        "Not in it: SECRET_KEY, without which its links and keys open nothing, so keep that elsewhere;",
        "and the finished spreadsheets, which can be asked for again.",
    ]


def test_without_a_place_it_is_kept_under_the_time(
    url: str, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    told = backups.take(url, None)

    assert told.startswith("var/backups/admit-20260102T030405Z.sqlite3 is whole: ")
    assert (tmp_path / "var/backups/admit-20260102T030405Z.sqlite3").stat().st_mode & 0o777 == 0o600


def test_for_postgresql_it_says_what_to_run_without_the_password(clock: Clock) -> None:
    with pytest.raises(errors.NotPossible) as dump:
        backups.take(POSTGRES, None)
    with pytest.raises(errors.NotPossible) as load:
        backups.put_back(POSTGRES, Path("admit.dump"), replace=False)

    address = "postgres://admit@db.example:5432/admit"
    assert str(dump.value).splitlines()[1] == (
        f"pg_dump --format=custom --file=admit-20260102T030405Z.dump --dbname={address}"
    )
    assert str(load.value).splitlines()[1] == (f"pg_restore --exit-on-error --no-owner --dbname={address} admit.dump")
    assert "geheim" not in f"{dump.value}{load.value}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://localhost/admit", "postgres://localhost/admit"),
        ("postgres://admit@localhost/admit", "postgres://admit@localhost/admit"),
        ("postgres://admit:a%40b@[::1]:5433/admit", "postgres://admit@[::1]:5433/admit"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert backups.without_password(url) == shown


async def test_nothing_is_restored_under_a_server_that_runs_and_its_backup_can_be_taken(tmp_path: Path) -> None:
    given = {"DATABASE_URL": f"sqlite:{tmp_path}/admit.sqlite3", "SECRET_KEY": process.SECRET}

    async with process.running(tmp_path):
        taken = await run(tmp_path, "backup", "copy", **given)
        refused = await run(tmp_path, "restore", "copy", "--replace", **given)
    restored = await run(tmp_path, "restore", "copy", "--replace", **given)

    assert (taken[0], refused[:2], restored[0]) == (0, (2, ""), 0)
    assert refused[2].startswith(f"Another server already uses {tmp_path}/admit.sqlite3")
    with closing(sqlite3.connect(tmp_path / "admit.sqlite3")) as file:
        assert file.execute("SELECT count(*) FROM tortoise_migrations").fetchone()[0] > 2
