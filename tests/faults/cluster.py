"""A PostgreSQL of our own, in a temporary folder, that a script may stop, kill and start again."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg

from tests.process import free_port

_names = count(1)
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "log_min_messages": "fatal",
}


def programs() -> Path | None:
    """Where PostgreSQL's programs are on this machine, if anywhere."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    beside = shutil.which("initdb")
    return found[-1].parent if found else Path(beside).parent if beside else None


def _as_whom() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@dataclass
class Cluster:
    """One PostgreSQL server on a port of its own."""

    folder: Path
    bin: Path
    port: int

    @property
    def data(self) -> Path:
        """Its files."""
        return self.folder / "data"

    def url(self, database: str, port: int | None = None) -> str:
        """How to reach a database of it, perhaps through another port."""
        return f"postgres://postgres@127.0.0.1:{port or self.port}/{database}"

    def owns(self, folder: Path) -> None:
        """The folder is its server's."""
        if whom := _as_whom():
            os.chown(folder, whom["user"], whom["group"])

    async def initialise(self) -> None:
        """Make it, so that what it commits is on the disk."""
        await self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("".join(f"{name} = '{value}'\n" for name, value in SETTINGS.items()) + f"port = {self.port}\n")

    async def start(self) -> None:
        """Serve."""
        await self._run("pg_ctl", "-D", str(self.data), "-w", "-t", "30", "-l", str(self.folder / "log"), "start")

    async def stop(self, mode: str) -> None:
        """Stop: `fast` sends everybody away, `immediate` is what a power cut is."""
        await self._run("pg_ctl", "-D", str(self.data), "-w", "-t", "30", "-m", mode, "stop")

    async def create(self) -> str:
        """A new database; its name."""
        name = f"admit_{next(_names)}"
        await self.tell(f'CREATE DATABASE "{name}"')
        return name

    async def tell(self, statement: str, database: str = "postgres") -> list[Any]:
        """Ask or say something past the server."""
        connection: Any = await asyncpg.connect(self.url(database))
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    async def _run(self, program: str, *arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(
            str(self.bin / program), *arguments, cwd=self.folder, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL,
            **_as_whom(),
        )  # fmt: skip
        if await process.wait():
            log = self.folder / "log"
            raise RuntimeError(f"{program} failed: {log.read_text()[-2000:] if log.exists() else arguments}")


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    """A cluster that serves, and is gone at the end."""
    found = programs()
    if found is None:
        raise RuntimeError("PostgreSQL's initdb is not installed")
    folder = Path(tempfile.mkdtemp(prefix="admit-faults-"))
    try:
        made = Cluster(folder, found, free_port())
        made.owns(folder)
        await made.initialise()
        await made.start()
        try:
            yield made
        finally:
            with suppress(RuntimeError):  # stopped by its script
                await made.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
