"""Servers as processes of their own, on one core, and what they cost: from /proc, without any library."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from bench.dataset import ROOT

PATIENCE = 60.0  # seconds in which a server must have started
TICK = os.sysconf("SC_CLK_TCK")
FIRST_CORE = min(os.sched_getaffinity(0))
PAGE = os.sysconf("SC_PAGE_SIZE")


class NotHere(Exception):
    """This machine cannot run this server; the message says why."""


@dataclass
class Server:
    """One running server and whatever processes it has begun."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    database_url: str
    log: Path

    def cpu(self) -> float:
        """The seconds of a processor that it has used until now, in all its threads and processes."""
        return sum(int(fields[11]) + int(fields[12]) for _, fields in self._stats()) / TICK

    def memory(self) -> int:
        """The bytes of memory that are its own now."""
        return sum(own_memory(process) for process, _ in self._stats())

    def stop(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _stats(self) -> Iterator[tuple[Path, list[str]]]:
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                fields = (process / "stat").read_text().rpartition(") ")[2].split()
                if int(fields[2]) == self.process.pid:
                    yield process, fields


def own_memory(process: Path) -> int:
    """The bytes of memory of a process in /proc, without those of files: the database is mapped, and Node is one."""
    _, resident, of_files, *_ = (process / "statm").read_text().split()
    return (int(resident) - int(of_files)) * PAGE


@contextmanager
def running(
    name: str, command: list[str], database_url: str, environment: Mapping[str, str], kept: Path
) -> Iterator[Server]:
    """A server that answers /healthz, and is gone at the end. Raises NotHere when it does not start."""
    port = _free_port()
    folder = kept / name
    folder.mkdir(parents=True, exist_ok=True)
    known = {"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(port), "DATABASE_URL": database_url}
    known |= {"BASE_URL": f"http://127.0.0.1:{port}", "EXPORT_DIR": str(folder / "exports"), "NODE_ENV": "production"}
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=known | dict(environment), stdout=output, stderr=output, start_new_session=True
        )
    os.sched_setaffinity(process.pid, {FIRST_CORE})
    server = Server(name, process, port, database_url, log)
    try:
        _wait(server)
        yield server
    finally:
        server.stop()


def on_last_core() -> None:
    """Keep the calling process, which makes the load, to another core than the servers, where there is one."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def python(module: str) -> list[str]:
    """The command that runs one of our modules."""
    return [sys.executable, "-m", module]


def _wait(server: Server) -> None:
    until = time.monotonic() + PATIENCE
    while server.process.poll() is None and time.monotonic() < until:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        with suppress(OSError, HTTPException):
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                connection.close()
                return
        connection.close()
        time.sleep(0.02)
    lines = server.log.read_text(errors="replace").splitlines()
    raise NotHere(f"{server.name} does not start: {lines[-1] if lines else 'it says nothing'} (see {server.log})")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
