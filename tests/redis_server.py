"""A Redis of the tests' own, which they may stop and start again."""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.process import free_port


class Redis:
    """One redis-server on a port of its own; nothing of it is kept when it stops."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """How to reach it."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Serve."""
        arguments = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        self._process = await asyncio.create_subprocess_exec(
            "redis-server", *arguments, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
        )
        async with asyncio.timeout(10):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Be gone at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def running_redis(port: int) -> AsyncIterator[Redis]:
    """One that runs on this port."""
    made = Redis(port)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


def redis_is_here() -> bool:
    """Whether this machine has a redis-server."""
    return shutil.which("redis-server") is not None


needs_redis = pytest.mark.skipif(not redis_is_here(), reason="redis-server is not installed")
