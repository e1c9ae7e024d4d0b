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
from bench.rows import Task
from bench.servers import FIRST_CORE, python
from bench.stage import Stand

LOOK_EVERY = 0.02


async def w7(stand: Stand) -> Figure:
    """From asking for the spreadsheet until it can be downloaded, while somebody else asks for something trivial."""
    server, task = stand.server, f"tsk_{Task(0).key}"
    held = most = server.memory()
    async with load.clients(server.port, 1) as [staff], load.probing(server.port) as probe:
        spent, began = server.cpu(), time.perf_counter()
        asked = orjson.loads(await staff.ask(load.post(documents.EXPORT, {"task": task}, API_KEY)))
        look = load.post(documents.EXPORTED, {"id": asked["data"]["exportDirectLinks"]["export"]["id"]}, API_KEY)
        while (export := orjson.loads(await staff.ask(look))["data"]["node"])["status"] != "READY":
            if export["status"] == "FAILED":
                raise load.Failed(f"the export failed: see {server.log}")
            most = max(most, server.memory())
            await asyncio.sleep(LOOK_EVERY)
        lasted, cpu = time.perf_counter() - began, server.cpu() - spent
    return Figure(
        "W7",
        stand.contender.name,
        rate=export["rows"] / lasted,
        cpu=1e6 * cpu / export["rows"],
        stall=1000 * probe.worst,
        memory=(most - held) / 1024,
    )


def bare(count: int) -> Figure:
    """The same number of rows by XlsxWriter alone, in a process of its own on the servers' core."""
    process = subprocess.Popen([*python("bench.peers.bare_xlsxwriter"), str(count)], stdout=subprocess.PIPE)
    os.sched_setaffinity(process.pid, {FIRST_CORE})
    seconds, cpu, grown = orjson.loads(process.communicate()[0])
    return Figure("W7", "xlsxwriter", rate=count / seconds, cpu=1e6 * cpu / count, memory=grown)
