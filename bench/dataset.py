"""The data set of every measurement, made once by Admit's own migrations and kept under var/."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import os
import random
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from bench import rows
from bench.rows import Rows, Task
from models import database
from services.keys import Keys

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "var" / "bench"
SECRET_KEY = "the-secret-key-of-the-benchmark-alone"  # noqa: S105  of data that is made up
_WAITING = 50_000  # tens of tickets
_COPIED = 1_000_000  # tickets, beyond which a copy takes too much of the disk
API_KEY = "admit_BENCHBENCHBENCHBENCHBENCHBENCHBENCHBENCH"


@dataclass(frozen=True)
class Dataset:
    """So many tickets in so many tasks. `url` names the database that is copied for each server and never changed."""

    tickets: int
    tasks: int
    url: str

    def code(self, number: int) -> str:
        """The code of a ticket as people read it."""
        text = rows.code(number)
        return f"{text[:4]}-{text[4:9]}-{text[9:]}"

    def task(self, ticket: int) -> Task:
        """The task of a ticket."""
        return Task(rows.task_of(ticket, self.tasks))

    def waiting(self, url: str) -> list[int]:
        """Some tickets, from all over, that let in a candidate who has not come yet; in a copy always the same."""
        chance = random.Random(None if url == self.url else 0)
        tens = chance.sample(range(self.tickets // 10), min(_WAITING, self.tickets // 10))
        return [number for ten in tens for number in (10 * ten, 10 * ten + 1) if rows.waits(number)]


def made(tickets: int, tasks: int, postgres: str = "", folder: Path = KEPT) -> Dataset:
    """The data set, built unless it is there; on the PostgreSQL server of `postgres` if that is given."""
    name = f"bench_{tickets}x{tasks}_{_fingerprint()}"
    if postgres:
        url = urlsplit(postgres)._replace(path=f"/{name}").geturl()
        asyncio.run(_on_postgres(postgres, name, url, tickets, tasks))
        return Dataset(tickets, tasks, url)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.sqlite3"
    if not path.exists():
        for old in folder.glob(f"bench_{tickets}x{tasks}_*"):
            old.unlink()
        _on_sqlite(path, tickets, tasks)
    return Dataset(tickets, tasks, f"sqlite:{path}")


def copied(data: Dataset, to: str, folder: Path) -> str:
    """The URL of a fresh copy, for the server of this name to write in; what is very large is written in itself."""
    if data.tickets > _COPIED:
        return data.url
    if database.is_sqlite(data.url):
        target = folder / f"of_{to}.sqlite3"
        dropped(f"sqlite:{target}")
        shutil.copyfile(database.path_of(data.url), target)
        _on_disk(target)
        return f"sqlite:{target}"
    url = urlsplit(data.url)._replace(path=f"/bench_of_{to}").geturl()
    asyncio.run(_copied(data.url, f"bench_of_{to}"))
    return url


def _on_disk(path: Path) -> None:
    """Wait for the disk: else the first commits of a run would wait until all of the copy is written."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def forgotten(data: Dataset, url: str) -> None:
    """Delete a copy."""
    if url != data.url:
        dropped(url)


def dropped(url: str) -> None:
    """Delete a database."""
    if database.is_sqlite(url):
        path = database.path_of(url)
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()
    else:
        asyncio.run(_dropped(url))


def _fingerprint() -> str:
    """Changes with whatever the data set is made of."""
    files = sorted((ROOT / "migrations").glob("*.py"))
    text = b"".join(file.read_bytes() for file in [*files, Path(rows.__file__)])
    return hashlib.sha256(text).hexdigest()[:8]


def _all(tickets: int, tasks: int) -> Iterator[Rows]:
    yield from rows.small(tasks, tickets, Keys((SECRET_KEY,)).fingerprint(API_KEY))
    yield from rows.large(tasks, tickets)


def _on_sqlite(path: Path, tickets: int, tasks: int) -> None:
    building = path.with_suffix(".building")
    dropped(f"sqlite:{building}")
    asyncio.run(database.migrate(f"sqlite:{building}"))
    connection = sqlite3.connect(building, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000", "foreign_keys=OFF"):
        connection.execute(f"PRAGMA {pragma}")
    for table, parts in groupby(_all(tickets, tasks), lambda one: one[0]):
        _fill(connection, table, parts)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    building.rename(path)


def _fill(connection: sqlite3.Connection, table: str, parts: Iterable[Rows]) -> None:
    """Insert the table's rows. Its indexes are made after them, which is quicker, while they are still in memory."""
    made = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?"
    indexes = connection.execute(made, (table,)).fetchall()
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    connection.execute("BEGIN")
    for _, columns, some in parts:
        places = ", ".join("?" * len(columns))
        connection.executemany(f'INSERT INTO "{table}" ({", ".join(columns)}) VALUES ({places})', some)
    connection.execute("COMMIT")
    for _, sql in indexes:
        connection.execute(sql)


async def _on_postgres(server: str, name: str, url: str, tickets: int, tasks: int) -> None:
    admin = await asyncpg.connect(server)
    try:
        if await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            return
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}_building" WITH (FORCE)')
        await admin.execute(f'CREATE DATABASE "{name}_building"')
        building = urlsplit(url)._replace(path=f"/{name}_building").geturl()
        await database.migrate(building)
        connection = await asyncpg.connect(building)
        await connection.execute("SET session_replication_role = replica")
        for table, columns, some in _all(tickets, tasks):
            source = io.BytesIO(_csv(some))
            await connection.copy_to_table(table, source=source, columns=list(columns), format="csv")
        await connection.execute("ANALYZE")
        await connection.close()
        await admin.execute(f'ALTER DATABASE "{name}_building" RENAME TO "{name}"')
    finally:
        await admin.close()


def _csv(some: list[rows.Row]) -> bytes:
    text = io.StringIO()
    shown = ([f"\\x{cell.hex()}" if isinstance(cell, bytes) else cell for cell in row] for row in some)
    csv.writer(text).writerows(shown)
    return text.getvalue().encode()


async def _copied(template: str, name: str) -> None:
    parts = urlsplit(template)
    admin = await asyncpg.connect(parts._replace(path="/postgres").geturl())
    try:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{parts.path[1:]}"')
    finally:
        await admin.close()


async def _dropped(url: str) -> None:
    parts = urlsplit(url)
    admin = await asyncpg.connect(parts._replace(path="/postgres").geturl())
    try:
        await admin.execute(f'DROP DATABASE IF EXISTS "{parts.path[1:]}" WITH (FORCE)')
    finally:
        await admin.close()
