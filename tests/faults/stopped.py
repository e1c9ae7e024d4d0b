"""SIGTERM under load: what is under way is finished, what was acknowledged is kept, listeners go on elsewhere."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import closing
from typing import Any

from tests.faults.crowd import client, crowd, now
from tests.faults.figures import Figures, Length
from tests.faults.stage import Stage
from tests.process import Running
from tests.world import ISSUE_TICKETS, Door

BACK = 10.0
ENDS = (0, -signal.SIGTERM)  # uvicorn finishes, then lets the signal have its way
MANY = 2_000  # tickets in one transaction: long enough to be met in the middle of it
LOOKS = 5  # in a row: SQLite says no more than that somebody writes, perhaps for a moment who looks for exports to make
LISTENERS_END = frozenset({1012, "cut", "complete"})
UNDER_WAY = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = '{}' AND query LIKE 'INSERT INTO \"ticket\"%' AND state <> 'idle'"
)


async def run(stage: Stage, length: Length) -> Figures:
    """Stop it while the crowd works, and while a transaction is under way that nobody waits for any more."""
    times = length.of(1, 4)
    figures = Figures(f"SIGTERM ×{times} under load", stage.database)
    server = await stage.serve()
    async with crowd(stage, [server], figures) as people:
        for _ in range(times):
            await people.acknowledge(length.of(30, 200))
            stopped_at = now()
            figures.must("it ends by itself", await server.stop() in ENDS)
            ended_at = now()
            server = await stage.serve(server)
            figures.back_within(BACK, await people.acknowledge(1, ended_at) - stopped_at)
        await people.acknowledge(length.of(30, 200))
    figures.must(f"sockets are closed with 1012: {people.ends}", 1012 in people.ends and people.ends <= LISTENERS_END)
    await _in_the_middle(stage, server, figures)
    figures.must("a quiet log", not stage.noise())
    return figures


async def _in_the_middle(stage: Stage, server: Running, figures: Figures) -> None:
    """A transaction under way is committed although its client has hung up and the server is told to stop."""
    people = [{"fullName": f"Candidate {number}"} for number in range(MANY)]
    async with client(base_url=server.base_url) as http:
        owner = await Door(http).sign_up()
        task = await owner.open_task()
        batch = {"taskId": task["id"], "candidates": people, "idempotencyKey": "in the middle"}
        asking = asyncio.create_task(owner.mutate(ISSUE_TICKETS, **batch))
        await _under_way(stage)
        asking.cancel()
    figures.must("it ends by itself", await server.stop() in ENDS)
    again = await stage.serve(server)
    async with client(base_url=again.base_url) as http:
        issued: Any = await Door(http, owner.token).mutate(ISSUE_TICKETS, **batch)
    figures.must("the transaction was finished", issued["replayed"])
    figures.must(f"as a whole, not {len(issued['tickets'])}", len(issued["tickets"]) == MANY)


async def _under_way(stage: Stage) -> None:
    """Until the database says that the transaction is in the middle of its work."""
    needed = 1 if stage.cluster else LOOKS
    seen = 0
    async with asyncio.timeout(10):
        while seen < needed:
            seen = seen + 1 if await _is_under_way(stage) else 0
            await asyncio.sleep(0.001)


async def _is_under_way(stage: Stage) -> bool:
    if stage.cluster:
        return bool(await stage.cluster.tell(UNDER_WAY.format(stage.name)))
    with closing(sqlite3.connect(stage.folder / "admit.sqlite3", timeout=0)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True  # somebody writes
        return False
