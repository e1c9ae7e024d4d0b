"""An SQLite file is one process's: a second server on it is refused, where both would often find it locked."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

import errors
from models.database import is_sqlite, path_of


@contextmanager
def alone(url: str) -> Iterator[None]:
    """Have an SQLite database to ourselves; whoever kills us frees it. Raises NotPossible when a server has it.

    Other tools may read the file. PostgreSQL takes any number of servers.
    """
    if not is_sqlite(url):
        yield
        return
    path = path_of(url).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    # a file of its own: SQLite gives up its locks when anybody in the process closes the database's
    with path.with_name(f"{path.name}.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise errors.NotPossible(
                f"Another server already uses {path_of(url)}: an SQLite database is for one process. "
                "Stop that one, or set DATABASE_URL to PostgreSQL for several."
            ) from None
        yield
