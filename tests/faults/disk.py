"""The disk is full: writes are refused in words that a program understands, and nothing is corrupted."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from tests.faults.crowd import client, crowd, now
from tests.faults.figures import Figures, Length, NotHere
from tests.faults.restarted import VIEWER
from tests.faults.stage import Stage
from tests.process import Running

BACK = 5.0
ROOM = "24M"
UNLIMITED = resource.RLIM_INFINITY


async def run(stage: Stage, length: Length) -> Figures:
    """Fill it once (short) or four times (long)."""
    times = length.of(1, 4)
    figures = Figures(f"disk full ×{times}", stage.database)
    async with _small(stage) if stage.cluster else _whole() as folder:
        server = await stage.serve()
        async with crowd(stage, [server], figures) as people:
            for _ in range(times):
                await people.acknowledge(length.of(30, 200))
                told = people.told_later
                async with _full(folder) if folder else _limited(server):
                    async with asyncio.timeout(30):
                        while people.told_later < told + 20:
                            await asyncio.sleep(0.01)
                    async with client(base_url=server.base_url) as http:
                        headers = {"authorization": f"Bearer {people.owner}"}
                        read = await http.post("/graphql", json={"query": VIEWER}, headers=headers)
                        figures.must(f"reads go on: {read.text}", "errors" not in read.json())
                back_at = now()
                figures.back_within(BACK, await people.acknowledge(1, back_at) - back_at)
            await people.acknowledge(length.of(30, 200))
        figures.must("a quiet log", not stage.noise())
        await server.stop()
        if not stage.cluster:
            with closing(sqlite3.connect(stage.folder / "admit.sqlite3")) as file:
                ((verdict,),) = file.execute("PRAGMA integrity_check").fetchall()
            figures.must(f"the file is whole: {verdict}", verdict == "ok")
    return figures


@asynccontextmanager
async def _limited(server: Running) -> AsyncIterator[None]:
    """No file of the server may grow: to it that is what a full disk is, and needs no rights."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, UNLIMITED))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))


@asynccontextmanager
async def _whole() -> AsyncIterator[None]:
    yield None


@asynccontextmanager
async def _small(stage: Stage) -> AsyncIterator[Path]:
    """PostgreSQL's tables on a disk of their own, which is small. Raises NotHere where none can be mounted."""
    name = f"small_{stage.name}"
    disk = stage.postgres.folder / name
    disk.mkdir()
    if os.geteuid() != 0 or await _ran("mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(disk)):
        raise NotHere("no disk can be mounted here")
    try:
        tables = disk / "tables"
        tables.mkdir()
        stage.postgres.owns(tables)
        await stage.postgres.tell(f"CREATE TABLESPACE {name} LOCATION '{tables}'")
        await stage.postgres.tell(f'ALTER DATABASE "{stage.name}" SET TABLESPACE {name}')
        try:
            yield disk
        finally:  # without its disk PostgreSQL would not serve the next script
            await stage.postgres.tell(f'DROP DATABASE "{stage.name}" WITH (FORCE)')
            await stage.postgres.tell(f"DROP TABLESPACE {name}")
    finally:
        await _ran("umount", "-l", str(disk))


@asynccontextmanager
async def _full(folder: Path) -> AsyncIterator[None]:
    """Not a byte is left while the block lasts."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            while file.write(bytes(65_536)):
                pass
    except OSError:
        pass
    try:
        yield
    finally:
        filler.unlink()


async def _ran(*command: str) -> int:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    return await process.wait()
