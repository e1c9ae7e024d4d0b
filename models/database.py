"""Where the rows are: SQLite with a connection for writing and one for reading, or a PostgreSQL pool."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tortoise import Model, Tortoise
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext
from tortoise.migrations.api.migrate import migrate as run_migrations

from models import reading, unit
from models.reading import FileReader, Reader
from models.unit import Clients

# synchronous=FULL: what was acknowledged survives a power cut. mmap and cache: see PERFORMANCE.md.
_PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "busy_timeout": 10_000,
    "wal_autocheckpoint": 4_000,  # pages; before it comes to that: see models/checkpoints.py
    "cache_size": -65_536,
    "mmap_size": 268_435_456,
    "temp_store": "MEMORY",
}
_SOON = 3.0  # seconds in which a database that is well answers


def is_sqlite(url: str) -> bool:
    """Whether the URL names an SQLite file, which one process serves alone."""
    return url.startswith("sqlite:")


def path_of(url: str) -> Path:
    """The SQLite file that the URL names: `sqlite:var/admit.sqlite3` or `sqlite:///srv/admit.sqlite3`."""
    return Path(unquote(url.removeprefix("sqlite:").removeprefix("//")))


def config(url: str, pool: int = 10, seconds: float | None = None) -> dict[str, Any]:
    """Tortoise's configuration for `sqlite:path` or `postgres://user@host:port/name` with `pool` connections.

    `seconds` is how long PostgreSQL may take for a statement or a new connection; None is as long as it takes.
    """
    app = {"models": ["models"], "default_connection": "default", "migrations": "migrations"}
    base = {"apps": {"admit": app}, "use_tz": True, "timezone": "UTC"}
    if is_sqlite(url):
        file = {"file_path": str(path_of(url)), **_PRAGMAS}
        connections = {"default": file, "read": file | {"query_only": "ON"}}
        return {
            **base,
            "connections": {name: {"engine": "models.sqlite", "credentials": one} for name, one in connections.items()},
            "routers": [ReadApart],
        }
    scheme = urlsplit(url).scheme
    asyncpg = expand_db_url("asyncpg" + url.removeprefix(scheme))
    asyncpg["engine"] = "models.postgres"
    asyncpg["credentials"] |= {"minsize": 0, "maxsize": pool, "seconds": seconds}
    return {**base, "connections": {"default": asyncpg}}


class ReadApart:
    """Sends reads to their own SQLite connection, except inside a transaction, which must see what it wrote."""

    def db_for_read(self, model: type[Model]) -> str:
        """The connection a SELECT uses."""
        return "default" if unit.is_open() else "read"

    def db_for_write(self, model: type[Model]) -> str:
        """The connection an INSERT, UPDATE or DELETE uses."""
        return "default"


async def connect(url: str, pool: int = 10, seconds: float = 5.0) -> TortoiseContext:
    """Open the database for the whole process; undo with `disconnect`. Raises Unavailable when it is away."""
    context = await Tortoise.init(config=config(url, pool, seconds), _enable_global_fallback=True)
    writes = get_connection("default")
    unit.use(Clients(writes, get_connection("read") if is_sqlite(url) else writes))
    reading.use(FileReader(path_of(url)) if is_sqlite(url) else Reader())
    await connection().execute_query("SELECT 1")  # opened now, where nobody can hang up in the middle of it
    return context


async def disconnect() -> None:
    """Finish what is being written, then close every connection."""
    await unit.drain()
    reading.use(None)
    unit.use(None)
    await Tortoise.close_connections()


async def answers() -> bool:
    """Whether the database can be asked something, and answers soon."""
    asking = asyncio.create_task(connection().execute_query("SELECT 1"))  # not cancelled: it is bounded by itself
    asking.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait({asking}, timeout=_SOON)
    return asking.done() and asking.exception() is None


async def migrate(url: str) -> None:
    """Bring the tables up to date. Raises Tortoise's OperationalError when the database refuses."""
    await run_migrations(config=config(url))
    await Tortoise.close_connections()


def connection() -> BaseDBAsyncClient:
    """The connection that reads go to at this point of the code: the open transaction's, or the readers'."""
    return unit.connection()


OFFLINE = config("sqlite::memory:")  # what `tortoise makemigrations` compares the models with; it opens nothing
