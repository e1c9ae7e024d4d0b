"""Admit as its users run it: `python server.py` in a process of its own, that a test may stop, kill and start again.

What it imports is shared (tests/fork_server.py), and so are the tables of a new SQLite file; tests/test_commands.py
begins with neither, as a user does.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import httpx

from tests.forked import Forked, fork

ROOT = Path(__file__).parent.parent
SERVER = ROOT / "server.py"
PATIENCE = 30.0  # seconds of real time after which a server that does not answer has failed
SECRET = "a-secret-for-the-processes-of-the-tests"


@dataclass
class Running:
    """One server process. `log` is the file with all that it and its predecessors in the same folder have written."""

    process: asyncio.subprocess.Process | Forked
    base_url: str
    log: Path

    async def ready(self) -> None:
        """Wait until it serves. Raises RuntimeError, with its log, when it has ended or takes too long."""
        async with httpx.AsyncClient(base_url=self.base_url, trust_env=False) as client:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    while self.process.returncode is None:
                        with suppress(httpx.TransportError):
                            if (await client.get("/readyz")).status_code == 200:
                                return
                        await asyncio.sleep(0.01)
        raise RuntimeError(f"the server does not serve:\n{self.log.read_text()}")

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and wait for the end; the exit status."""
        with suppress(ProcessLookupError):
            self.process.send_signal(how)
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


def listener() -> socket.socket:
    """Listens on a free port of this machine; no answer waits until the one before it is acknowledged.

    asyncio sees to that itself where it makes the socket.
    """
    made = socket.create_server(("127.0.0.1", 0))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    return made


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with listener() as found:
        port: int = found.getsockname()[1]
        return port


async def start(
    folder: Path, *command: str, port: int | None = None, program: Path = SERVER, **environment: str
) -> Running:
    """Begin to serve from `folder`, where the database is unless DATABASE_URL names another; wait with `ready`.

    The same folder and port again are the same installation, restarted.
    """
    port = port or free_port()
    known = {
        "PATH": os.environ["PATH"],
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "DATABASE_URL": f"sqlite:{folder}/admit.sqlite3",
        "EXPORT_DIR": f"{folder}/exports",
        "SECRET_KEY": SECRET,
        "ARGON2_MEMORY_KIB": "64",
    }
    if "DATABASE_URL" not in environment and not (folder / "admit.sqlite3").exists():
        shutil.copyfile(await _tables(), folder / "admit.sqlite3")
    log = folder / "server.log"
    with log.open("ab") as output:
        process = await _begin(program, command, folder, known | environment, output)
    return Running(process, known["BASE_URL"], log)


async def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a command of `server.py` in `folder`; the exit status, what it printed, and what it complained of."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as complained:
        process = await fork([str(SERVER), *arguments], folder, {**kept, **environment}, printed, complained)
        status = await process.wait()
        printed.seek(0)
        complained.seek(0)
        return status, printed.read().decode(), complained.read().decode()


async def _begin(
    program: Path, command: Sequence[str], folder: Path, environment: Mapping[str, str], output: IO[bytes]
) -> asyncio.subprocess.Process | Forked:
    if program == SERVER:
        return await fork([str(program), *command], folder, environment, output, output)
    return await asyncio.create_subprocess_exec(
        sys.executable, str(program), *command, cwd=folder, env=environment, stdout=output, stderr=output
    )


@cache
def _shelf() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="admit-tables-")


async def _tables() -> Path:
    """A migrated SQLite file to copy, made the first time that one is wanted."""
    made = Path(_shelf().name) / "admit.sqlite3"
    if not made.exists():
        status, _, complained = await run(made.parent, "migrate", DATABASE_URL=f"sqlite:{made}", SECRET_KEY=SECRET)
        assert status == 0, complained
    return made


@asynccontextmanager
async def running(folder: Path, *command: str, port: int | None = None, **environment: str) -> AsyncIterator[Running]:
    """A server that serves, and is gone at the end."""
    server = await start(folder, *command, port=port, program=SERVER, **environment)
    try:
        await server.ready()
        yield server
    finally:
        await gone([server])


async def gone(servers: Sequence[Running]) -> None:
    """Kill those that still run."""
    for server in servers:
        if server.process.returncode is None:
            await server.stop(signal.SIGKILL)


def resident(pid: int) -> float:
    """The memory that a process has now, in megabytes."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024
