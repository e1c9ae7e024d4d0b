"""A backup is whole or not there, and it is put back where it does no harm."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tortoise import Tortoise
from tortoise.migrations.api.migrate import migrate

import errors
from models import backup, database

ORGANIZATION = (
    "INSERT INTO organization (id, created_at, name, allowed_redirect_hosts, redirect_secret, time_zone) "
    "VALUES ('{}', '2026-01-02', 'Hill School', '[]', 'x', 'UTC')"
)
EVENT = (
    "INSERT INTO event (id, organization_id, type, subject, actor, payload, created_at) "
    "VALUES ('{}', '1', 'TASK_CREATED', 'tsk_1', 'mem_1', '{{}}', '2026-01-02 03:04:05+00:00')"
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without an organization."""
    path = tmp_path_factory.mktemp("template") / "admit.sqlite3"
    asyncio.run(database.migrate(f"sqlite:{path}"))
    return path


@pytest.fixture
def used(template: Path, tmp_path: Path) -> Path:
    """A database with an organization and three events, of which the second is gone."""
    path = tmp_path / "installation" / "admit.sqlite3"
    path.parent.mkdir()
    shutil.copyfile(template, path)
    events = [EVENT.format(number) for number in (1, 2, 3)]
    run(path, ORGANIZATION.format(1), *events, "DELETE FROM event WHERE id = '2'")
    return path


def run(path: Path, *statements: str) -> None:
    """Change a database."""
    with closing(sqlite3.connect(path)) as file, file:
        for statement in statements:
            file.execute(statement)


def organizations(path: Path) -> int:
    """How many are in a database."""
    with closing(sqlite3.connect(path)) as file:
        count: int = file.execute("SELECT count(*) FROM organization").fetchone()[0]
        return count


def files(folder: Path) -> list[str]:
    """What lies in the folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_backup_is_one_private_file_that_says_what_it_holds(used: Path, tmp_path: Path) -> None:
    target = tmp_path / "backups" / "today"

    found = backup.take(used, target)

    assert (found.rows, found.position, str(found.happened_at)) == (3, 3, "2026-01-02 03:04:05+00:00")
    assert (target.stat().st_mode & 0o777, target.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert files(target.parent) == ["today"]
    assert organizations(target) == 1


def test_a_backup_holds_what_was_committed_before_and_nothing_that_is_not_committed_yet(
    used: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(used)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute(ORGANIZATION.format(2))
        writer.commit()
        writer.execute(ORGANIZATION.format(3))
        backup.take(used, tmp_path / "backup")
        writer.commit()

    assert organizations(tmp_path / "backup") == 2
    assert organizations(used) == 3


def test_a_backup_never_overwrites(used: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("kept")

    with pytest.raises(errors.NotPossible) as refused:
        backup.take(used, target)

    assert str(refused.value) == f"{target} is there already, and a backup is not overwritten."
    assert target.read_text() == "kept"


def damage(path: Path) -> None:
    """Lose what an index holds, which nobody notices who only counts rows."""
    with closing(sqlite3.connect(path)) as file:
        of_events = "SELECT rootpage FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'event'"
        (page,) = file.execute(of_events).fetchone()
    with path.open("r+b") as raw:
        raw.seek((page - 1) * 4096 + 3)
        raw.write(b"\0\0")  # how many cells the page has


def renew(path: Path) -> None:
    """Say that a migration was made that we do not know."""
    run(path, "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES ('admit', '9999_later', '2030-01-01')")


def orphan(path: Path) -> None:
    """Leave a task without its organization."""
    run(path, "UPDATE organization SET id = '9'", "INSERT INTO login SELECT '1', '2', 0, '3', NULL, '4', '5'")


def empty_out(path: Path) -> None:
    """Leave nothing."""
    path.write_bytes(b"")


def write_over(path: Path) -> None:
    """Leave something else."""
    path.write_text("not a database " * 1_000)


def another(path: Path) -> None:
    """Leave another program's database."""
    path.unlink()
    run(path, "CREATE TABLE cake (kind TEXT)")


SPOILT: list[tuple[Callable[[Path], None], str]] = [
    (damage, "is damaged"),
    (renew, "was made by a newer Admit: 9999_later"),
    (orphan, "is damaged"),
    (empty_out, "is not an Admit database"),
    (write_over, "is not an Admit database"),
    (another, "is not an Admit database"),
    (Path.unlink, "is not an Admit database"),
]


@pytest.mark.parametrize(("spoil", "why"), SPOILT, ids=lambda each: getattr(each, "__name__", ""))
def test_what_is_not_whole_or_not_ours_is_not_put_back(
    used: Path, tmp_path: Path, spoil: Callable[[Path], None], why: str
) -> None:
    source, target = tmp_path / "backup", tmp_path / "elsewhere" / "admit.sqlite3"
    backup.take(used, source)
    spoil(source)

    with pytest.raises(errors.NotPossible, match=why):
        backup.put_back(source, target, replace=True)

    assert not target.parent.exists()


@pytest.mark.parametrize(("spoil", "why"), SPOILT, ids=lambda each: getattr(each, "__name__", ""))
def test_a_database_that_is_not_whole_or_not_ours_is_not_backed_up(
    used: Path, tmp_path: Path, spoil: Callable[[Path], None], why: str
) -> None:
    target = tmp_path / "backups" / "today"
    spoil(used)

    with pytest.raises(errors.NotPossible):
        backup.take(used, target)

    assert not target.parent.exists() or files(target.parent) == []


def test_a_backup_is_put_back_where_nothing_is(used: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "backup", tmp_path / "elsewhere" / "admit.sqlite3"
    taken = backup.take(used, source)

    found = backup.put_back(source, target, replace=False)

    assert found == taken
    assert (organizations(target), files(target.parent)) == (1, ["admit.sqlite3"])
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_backup_is_put_back_where_no_organization_is(used: Path, tmp_path: Path) -> None:
    source = tmp_path / "backup"
    backup.take(used, source)
    run(used, "DELETE FROM organization")

    backup.put_back(source, used, replace=False)

    assert organizations(used) == 1


def test_a_database_in_use_is_replaced_only_if_asked_and_then_kept_aside(used: Path, tmp_path: Path) -> None:
    source = tmp_path / "backup"
    backup.take(used, source)
    run(used, ORGANIZATION.format(2))

    with pytest.raises(errors.NotPossible, match="--replace"):
        backup.put_back(source, used, replace=False)
    before = organizations(used)
    backup.put_back(source, used, replace=True)

    aside = [path for path in used.parent.iterdir() if path.name.endswith("Z")]
    assert (before, organizations(used)) == (2, 1)
    assert [organizations(path) for path in aside] == [2]


def test_a_damaged_database_is_replaced_and_kept_aside_as_it_is(used: Path, tmp_path: Path) -> None:
    source = tmp_path / "backup"
    backup.take(used, source)
    write_over(used)

    backup.put_back(source, used, replace=True)

    (aside,) = [path for path in used.parent.iterdir() if path.name.endswith("Z")]
    assert organizations(used) == 1
    assert aside.read_text().startswith("not a database")


def test_nothing_is_put_back_under_a_program_that_has_the_database_open(used: Path, tmp_path: Path) -> None:
    source = tmp_path / "backup"
    backup.take(used, source)
    run(used, ORGANIZATION.format(2))

    with closing(sqlite3.connect(used)) as server:
        server.execute("PRAGMA journal_mode = WAL")
        server.execute("SELECT 1 FROM organization").fetchall()
        with pytest.raises(errors.NotPossible) as refused:
            backup.put_back(source, used, replace=True)

    assert str(refused.value) == f"{used} is in use: stop the server, and whatever else has it open."
    assert organizations(used) == 2


async def test_a_backup_of_an_older_version_is_accepted_and_can_be_migrated(tmp_path: Path) -> None:
    old, source, target = (tmp_path / name for name in ("old", "backup", "new"))
    await migrate(config=database.config(f"sqlite:{old}"), target="admit.0001_initial")
    await Tortoise.close_connections()
    backup.take(old, source)

    backup.put_back(source, target, replace=False)
    await database.migrate(f"sqlite:{target}")

    with closing(sqlite3.connect(target)) as file:
        applied = [name for (name,) in file.execute("SELECT name FROM tortoise_migrations")]
        file.execute("SELECT task_ids FROM api_key")
    assert applied[0] == "0001_initial"
    assert len(applied) > 1
