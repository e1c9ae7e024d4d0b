"""A process of its own that runs server.py, forked by `tests.fork_server`, which has imported everything before."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parent.parent


class Forked:
    """What asyncio's Process is for a program: its number, how it ended, and a way to send it a signal."""

    def __init__(self, pid: int, told: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ending = asyncio.create_task(self._end(told, writer))

    async def _end(self, told: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        try:
            self.returncode = int(await told.readline())
            return self.returncode
        finally:
            writer.close()

    async def wait(self) -> int:
        """Its exit status, or less than nothing for the signal that ended it."""
        return await asyncio.shield(self._ending)

    def send_signal(self, which: signal.Signals) -> None:
        """Raises ProcessLookupError when it has ended."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, which)


async def fork(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], printed: IO[bytes], complained: IO[bytes]
) -> Forked:
    """Run server.py in a folder, with nothing of our environment; what it writes goes to the two files."""
    request = {"command": command, "folder": str(folder), "environment": environment}
    ours, theirs = socket.socketpair()
    with theirs:
        files = [theirs.fileno(), printed.fileno(), complained.fileno()]
        socket.send_fds(_fork_server()[0], [json.dumps(request).encode()], files)
    told, writer = await asyncio.open_connection(sock=ours)
    return Forked(int(await told.readline()), told, writer)


@cache
def _fork_server() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """The one of this process: it ends when we do, which closes our end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        made = subprocess.Popen([sys.executable, "-m", "tests.fork_server"], cwd=ROOT, stdin=theirs.fileno())
    return ours, made
