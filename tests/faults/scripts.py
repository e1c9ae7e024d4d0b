"""Every fault by name, and the databases that it happens to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from tests.faults import (
    cancelled,
    clock_moved,
    cut,
    disk,
    killed,
    redis_away,
    restarted,
    rolling,
    stopped,
    twins,
)
from tests.faults.cluster import Cluster, cluster, programs
from tests.faults.figures import Figures, Length, NotHere
from tests.faults.stage import Stage, stage
from tests.redis_server import Redis, redis_is_here

Script = Callable[[Stage, Length], Awaitable[Figures]]

EVERYWHERE: Mapping[str, Script] = {
    "killed": killed.run,
    "twins": twins.run,
    "cancelled": cancelled.run,
    "stopped": stopped.run,
    "disk": disk.run,
    "clock": clock_moved.run,
    "redis": redis_away.run,
}
ON_POSTGRES: Mapping[str, Script] = {
    **EVERYWHERE,
    "restarted": restarted.run,
    "cut": cut.run,
    "rolling": rolling.run,
}


@asynccontextmanager
async def postgres_and_redis() -> AsyncIterator[tuple[Cluster, Redis]]:
    """One of each for all scripts. Raises NotHere where they are not installed."""
    if programs() is None:
        raise NotHere("PostgreSQL's initdb is not installed")
    if not redis_is_here():
        raise NotHere("redis-server is not installed")
    async with cluster() as made:
        redis = Redis()
        try:
            await redis.start()
            yield made, redis
        finally:
            await redis.stop()


async def play(name: str, length: Length, on: tuple[Cluster, Redis] | None = None) -> Figures:
    """Run one script on a stage of its own, on SQLite unless `on` names a cluster. Raises NotHere."""
    if name == "redis" and not redis_is_here():
        raise NotHere("redis-server is not installed")
    async with stage(*(on or (None, None))) as made:
        figures = await (ON_POSTGRES if on else EVERYWHERE)[name](made, length)
    figures.judge(slack=length.of(3, 1))
    return figures
