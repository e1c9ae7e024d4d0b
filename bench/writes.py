"""W3, W4 and W5: issuing one ticket and ten thousand, and the stampede; every answer is durable before it is given."""

from __future__ import annotations

import time
from typing import Any

import orjson

from bench import documents, load
from bench.dataset import API_KEY
from bench.figures import Figure
from bench.load import Client, Run
from bench.rows import Task
from bench.stage import Stand

ISSUERS = 32
MANY = 10_000


async def w3(stand: Stand, seconds: float) -> Figure:
    """One ticket in each call."""
    request = _issue(Task(0), 1)

    async def issue(client: Client) -> bool:
        await client.ask(request)
        return True

    async with load.clients(stand.server.port, ISSUERS) as crowd:
        await load.crowd(crowd, issue, seconds / 4)
        before = stand.server.cpu()
        run = await load.crowd(crowd, issue, seconds)
    return _figure("W3", stand, run, before)


async def w4(stand: Stand, many: int = MANY) -> Figure:
    """So many tickets in one call, while somebody else asks for something trivial."""
    request = _issue(Task(1), many)
    async with load.clients(stand.server.port, 1) as [client], load.probing(stand.server.port) as probe:
        before, began = stand.server.cpu(), time.perf_counter()
        answer = await client.ask(request)
        lasted = time.perf_counter() - began
        spent = stand.server.cpu() - before
    issued = len(orjson.loads(answer)["data"]["issueTickets"]["tickets"])
    return Figure(
        "W4",
        stand.contender.name,
        rate=issued / lasted,
        cpu=1e6 * spent / issued,
        stall=1000 * probe.worst,
        memory=stand.server.memory() / 1024,
    )


async def w5(stand: Stand, seconds: float, crowd: int, most: int) -> Figure:
    """A crowd of candidates: each enters by another code and starts the test, until so many have come."""
    codes = iter(stand.take(most))

    async def come(client: Client) -> bool:
        number = next(codes, None)
        if number is None:
            return False
        await sit(stand, client, number)
        return True

    async with load.clients(stand.server.port, crowd) as candidates:
        before = stand.server.cpu()
        run = await load.crowd(candidates, come, seconds)
    return _figure(f"W5 at {crowd}", stand, run, before)


async def sit(stand: Stand, client: Client, number: int) -> Any:
    """Enter by this ticket's code and start its test: what is answered."""
    task = stand.data.task(number)
    entry = {"taskSlug": task.slug, "invitationCode": stand.data.code(number)}
    entered = orjson.loads(await client.ask(load.post(documents.ENTER, {"input": entry})))
    token = entered["data"]["enterTask"]["accessToken"]
    return orjson.loads(await client.ask(load.post(documents.START, {"input": {"stepId": task.step}}, token)))


def _issue(task: Task, many: int) -> bytes:
    people = [{"fullName": f"Somebody New {at}", "email": f"new{at}@example.org"} for at in range(many)]
    return load.post(documents.ISSUE, {"input": {"taskId": f"tsk_{task.key}", "candidates": people}}, API_KEY)


def _figure(name: str, stand: Stand, run: Run, before: float) -> Figure:
    return Figure(
        name,
        stand.contender.name,
        rate=run.rate,
        cpu=1e6 * (stand.server.cpu() - before) / len(run.latencies),
        p50=run.quantile(0.5),
        p99=run.quantile(0.99),
        memory=stand.server.memory() / 1024,
    )
