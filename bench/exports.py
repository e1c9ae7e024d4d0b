"""W7: the spreadsheet of a task's 100,000 links, beside XlsxWriter on its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time

import orjson

from bench import documents, load
from bench.dataset import API_KEY
from bench.figures import Figure
from bench.load import Client
from bench.rows import Task
from bench.servers import FIRST_CORE, python
from bench.stage import Stand

LOOK_EVERY = 0.02


async def w7(stand: Stand) -> Figure:
    """From asking for the spreadsheet until it can be downloaded, while somebody else asks for something trivial.

    What memory that takes is seen when another one is made: the first, which makes the links, fills SQLite's cache.
    """
    server = stand.server
    async with load.clients(server.port, 1) as [staff]:
        async with load.probing(server.port) as probe:
            spent, began = server.cpu(), time.perf_counter()
            rows, _ = await _made(stand, staff)
            lasted, cpu = time.perf_counter() - began, server.cpu() - spent
        held = server.memory()
        _, most = await _made(stand, staff)
    return Figure(
        "W7",
        stand.contender.name,
        rate=rows / lasted,
        cpu=1e6 * cpu / rows,
        stall=1000 * probe.worst,
        memory=(most - held) / 1024,
    )


async def _made(stand: Stand, staff: Client) -> tuple[int, int]:
    """How many rows the spreadsheet has, and the most memory that the server held while it made it."""
    most = stand.server.memory()
    asked = orjson.loads(await staff.ask(load.post(documents.EXPORT, {"task": f"tsk_{Task(0).key}"}, API_KEY)))
    look = load.post(documents.EXPORTED, {"id": asked["data"]["exportDirectLinks"]["export"]["id"]}, API_KEY)
    while (export := orjson.loads(await staff.ask(look))["data"]["node"])["status"] != "READY":
        if export["status"] == "FAILED":
            raise load.Failed(f"the export failed: see {stand.server.log}")
        most = max(most, stand.server.memory())
        await asyncio.sleep(LOOK_EVERY)
    return export["rows"], most


def bare(count: int) -> Figure:
    """The same number of rows by XlsxWriter alone, in a process of its own on the servers' core."""
    process = subprocess.Popen([*python("bench.peers.bare_xlsxwriter"), str(count)], stdout=subprocess.PIPE)
    os.sched_setaffinity(process.pid, {FIRST_CORE})
    seconds, cpu, grown = orjson.loads(process.communicate()[0])
    return Figure("W7", "xlsxwriter", rate=count / seconds, cpu=1e6 * cpu / count, memory=grown)
