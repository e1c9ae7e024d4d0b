"""One SQLite file, one server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from signal import SIGKILL

import pytest

import errors
from models.alone import alone
from tests.process import running, start


async def test_a_second_server_on_one_sqlite_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    async with running(tmp_path) as first:
        second = await start(tmp_path)
        status = await second.process.wait()

        written = first.log.read_text()
        assert status == 2
        assert (
            f"Another server already uses {tmp_path}/admit.sqlite3: an SQLite database is for one process." in written
        )
        assert "Traceback" not in written
        await first.ready()


async def test_a_server_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as first:
        await first.stop(SIGKILL)

    async with running(tmp_path) as again:
        await again.ready()


async def test_other_tools_may_read_the_file(tmp_path: Path) -> None:
    address = f"file:{tmp_path}/admit.sqlite3?mode=ro"
    async with running(tmp_path):
        with closing(sqlite3.connect(address, uri=True)) as reader:
            found = reader.execute("SELECT count(*) FROM organization").fetchone()

    assert found == (0,)


def test_another_name_for_the_same_file_is_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "other.sqlite3").symlink_to(tmp_path / "admit.sqlite3")

    with (
        alone(f"sqlite:{tmp_path}/admit.sqlite3"),
        pytest.raises(errors.NotPossible),
        alone(f"sqlite:{tmp_path}/other.sqlite3"),
    ):
        pass


def test_postgresql_takes_any_number(tmp_path: Path) -> None:
    with alone("postgres://admit@db/admit"), alone("postgres://admit@db/admit"):
        assert list(tmp_path.iterdir()) == []
