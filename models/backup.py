"""Copies of an SQLite database that can be trusted: taken while it is written to, checked, and put back.

PostgreSQL has tools of its own for that; `services/backups.py` says which.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import errors
from models import clock

_MIGRATIONS = Path(__file__).parent.parent / "migrations"
_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND NOT (name GLOB 'sqlite*' OR name GLOB 'tortoise*')"
_BESIDE = ("-wal", "-shm")  # what SQLite keeps beside a database in use


@dataclass(frozen=True)
class Contents:
    """What is in a database that was found to be whole: how many rows, and the place and time of the newest event."""

    rows: int
    position: int
    happened_at: datetime | None


def take(database: Path, target: Path) -> Contents:
    """Copy the database as it is at this moment, while others go on writing to it. Raises NotPossible.

    The target is there as a whole or not at all, and is never overwritten.
    """
    if target.exists():
        raise errors.NotPossible(f"{target} is there already, and a backup is not overwritten.")
    if not database.is_file():
        raise errors.NotPossible(f"There is no database at {database}.")
    with _appearing(target) as copy:
        _copy(database, copy)
        return contents(copy)


def put_back(backup: Path, database: Path, *, replace: bool) -> Contents:
    """Make the backup the installation's database; one with organizations in it only if asked, and it is kept aside.

    Raises NotPossible: for a file that is not a whole Admit database, or while a server runs.
    """
    contents(backup)
    if database.exists() and _is_used(database) and not replace:
        raise errors.NotPossible(f"{database} holds an organization: with --replace it is moved aside for the backup.")
    _must_be_idle(database)
    with _appearing(database) as copy:
        _copy(backup, copy)
        found = contents(copy)
        _move_aside(database)
    return found


def contents(path: Path) -> Contents:
    """Look at every page and every reference. Raises NotPossible unless it is a whole database that we can serve."""
    try:
        with closing(_opened(path)) as file:
            known = {migration.stem for migration in _MIGRATIONS.glob("[0-9]*.py")}
            applied = {name for (name,) in file.execute("SELECT name FROM tortoise_migrations WHERE app = 'admit'")}
            if not applied <= known:
                raise errors.NotPossible(f"{path} was made by a newer Admit: {', '.join(sorted(applied - known))}.")
            found = [*file.execute("PRAGMA integrity_check(1)"), *file.execute("PRAGMA foreign_key_check")]
            if found != [("ok",)]:
                raise errors.NotPossible(f"{path} is damaged: {found[-1]}.")
            tables = [name for (name,) in file.execute(_TABLES)]
            rows = sum(file.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables)  # noqa: S608
            newest = file.execute("SELECT position, created_at FROM event ORDER BY position DESC LIMIT 1").fetchone()
    except sqlite3.Error:
        raise errors.NotPossible(f"{path} is not an Admit database, or cannot be read.") from None
    return Contents(rows, newest[0], datetime.fromisoformat(newest[1])) if newest else Contents(rows, 0, None)


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _copy(source: Path, target: Path) -> None:
    try:
        with closing(_opened(source)) as reading, closing(sqlite3.connect(target)) as writing:
            reading.backup(writing)  # all pages in one step: one snapshot, and in WAL mode nobody waits for it
            writing.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
    except sqlite3.Error as failed:  # the disk is full, say
        raise errors.NotPossible(f"{source} could not be copied: {failed}.") from None


@contextmanager
def _appearing(target: Path) -> Iterator[Path]:
    """A file for our eyes only, which gets its name when it is whole and on the disk."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)  # mode 0600
    try:
        yield Path(name)
        os.fsync(handle)
        Path(name).rename(target)
        _sync(target.parent)
    finally:
        os.close(handle)
        Path(name).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_used(database: Path) -> bool:
    try:
        with closing(_opened(database)) as file:
            return bool(file.execute("SELECT 1 FROM organization LIMIT 1").fetchone())
    except sqlite3.OperationalError:
        return False  # it has no tables yet
    except sqlite3.DatabaseError:
        return True  # damaged, which is no reason to lose it


def _must_be_idle(database: Path) -> None:
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(database, timeout=0)) as file:
            file.execute("PRAGMA journal_mode = DELETE")  # which takes being alone with the file
    except sqlite3.OperationalError:
        raise errors.NotPossible(f"{database} is in use: stop the server, and whatever else has it open.") from None
    except sqlite3.DatabaseError:
        return  # damaged: perhaps that is why it is replaced


def _move_aside(database: Path) -> None:
    aside = f"{database}.before-{clock.now():%Y%m%dT%H%M%SZ}"
    for end in ("", *_BESIDE):
        if Path(f"{database}{end}").exists():
            Path(f"{database}{end}").rename(f"{aside}{end}")
