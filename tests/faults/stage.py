"""Where a fault happens: a database of its own, and servers of `python server.py` that stand on it."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests import process
from tests.faults.cluster import Cluster
from tests.process import Running
from tests.redis_server import Redis

# what the crowd of a script asks for is no attack
GENEROUS = {
    "GUESSES_PER_ADDRESS": "1000000",
    "GUESSES_PER_TASK": "1000000",
    "GUESSES_IN_ALL": "1000000",
    "COST_CAPACITY": "0",
    "RECHECK_SECONDS": "1",
}


@dataclass
class Stage:
    """One database, SQLite's file or PostgreSQL's with a Redis, and the servers on it."""

    folder: Path
    database: str
    cluster: Cluster | None = None
    redis: Redis | None = None
    name: str = ""  # of PostgreSQL's database
    environment: dict[str, str] = field(default_factory=dict)
    servers: list[Running] = field(default_factory=list)

    @property
    def postgres(self) -> Cluster:
        """The cluster, of a stage that has one."""
        if self.cluster is None:
            raise RuntimeError("this fault is PostgreSQL's")
        return self.cluster

    async def serve(self, again: Running | None = None, program: Path = process.SERVER, **environment: str) -> Running:
        """A server that serves, perhaps in the place of one that is gone."""
        port = urlsplit(again.base_url).port if again else None
        chosen = {**GENEROUS, **self.environment, **environment}
        server = await process.start(self.folder, port=port, program=program, **chosen)
        self.servers.append(server)
        await server.ready()
        return server

    def log(self) -> str:
        """All that the servers have written."""
        log = self.folder / "server.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def noise(self) -> int:
        """How many tracebacks and errors of ours are in the log."""
        return len(re.findall(r"Traceback|INTERNAL|incident", self.log()))


@asynccontextmanager
async def stage(cluster: Cluster | None = None, redis: Redis | None = None) -> AsyncIterator[Stage]:
    """An empty stage; what runs on it is gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="admit-stage-"))
    made = Stage(folder, "PostgreSQL" if cluster else "SQLite", cluster, redis)
    if cluster:
        made.name = await cluster.create()
        made.environment["DATABASE_URL"] = cluster.url(made.name)
    if redis:
        made.environment["EVENTS_URL"] = redis.url
    try:
        yield made
    finally:
        await process.gone(made.servers)
        shutil.rmtree(folder, ignore_errors=True)
