"""Backing up a running installation and putting a backup back: what the operator is told about it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import errors
from models import backup, clock, database
from models.backup import Contents

_LEFT_OUT = (
    "Not in it: SECRET_KEY, without which its links and keys open nothing, so keep that elsewhere;",
    "and the finished spreadsheets, which can be asked for again.",
)
_RESTORED = (
    "Whatever was changed, revoked or signed out after that is as it was before: revoke it again.",
    "Streams whose cursor is of a later event are refused, and read afresh. Now start the server.",
)


def take(url: str, target: Path | None) -> str:
    """Back the database up while it is served; what was written, line by line. Raises NotPossible."""
    name = f"admit-{clock.now():%Y%m%dT%H%M%SZ}"
    if not database.is_sqlite(url):
        raise errors.NotPossible(
            "PostgreSQL has a tool for this, and the password goes into PGPASSWORD or ~/.pgpass:\n"
            f"pg_dump --format=custom --file={target or f'{name}.dump'} --dbname={without_password(url)}"
        )
    target = target or Path("var/backups") / f"{name}.sqlite3"
    found = backup.take(database.path_of(url), target)
    with target.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    size = f"{target.stat().st_size:,} bytes, SHA-256 {sha256}"
    return "\n".join([f"{target} is whole: {size}.", _told(found), *_LEFT_OUT])


def put_back(url: str, source: Path, *, replace: bool) -> str:
    """Put a backup back while no server runs; what it held, line by line. Raises NotPossible."""
    if not database.is_sqlite(url):
        raise errors.NotPossible(
            "PostgreSQL has a tool for this; into an empty database, and then start the server, which migrates it:\n"
            f"pg_restore --exit-on-error --no-owner --dbname={without_password(url)} {source}"
        )
    found = backup.put_back(source, database.path_of(url), replace=replace)
    return "\n".join([f"{database.path_of(url)} is {source} now.", _told(found), *_RESTORED])


def without_password(url: str) -> str:
    """The database's address as it may be shown, in the form that PostgreSQL's own tools read."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}", query="").geturl()


def _told(found: Contents) -> str:
    newest = f"event {found.position} of {found.happened_at:%Y-%m-%d %H:%M:%S} UTC" if found.happened_at else "none"
    return f"It holds {found.rows:,} rows; the newest event: {newest}."
