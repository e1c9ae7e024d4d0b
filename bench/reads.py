"""W1 and W2: the list of an organization's tasks, tickets and sessions, and one ticket by a random code."""

from __future__ import annotations

import random
from itertools import cycle
from typing import Any

import orjson

from bench import documents, load
from bench.dataset import API_KEY
from bench.figures import Figure
from bench.load import Client
from bench.stage import Stand

CLIENTS = 16
CODES = 4_000


async def w1(stand: Stand, seconds: float) -> Figure:
    """The nested list."""
    return await _measured("W1", stand, [_w1(stand)], seconds)


async def w2(stand: Stand, seconds: float) -> Figure:
    """One ticket, another one each time."""
    numbers = random.Random(seconds).sample(range(stand.data.tickets), min(CODES, stand.data.tickets))
    return await _measured("W2", stand, [_w2(stand, number) for number in numbers], seconds)


async def answers(stand: Stand, tickets: int = 50) -> list[Any]:
    """What the server answers to W1 and to some of W2, to be compared with the others' answers."""
    step = max(1, stand.data.tickets // tickets)
    asked = [_w1(stand), *(_w2(stand, number) for number in range(0, stand.data.tickets, step))]
    async with load.clients(stand.server.port, 1) as [client]:
        return [orjson.loads(await client.ask(one))["data"] for one in asked]


async def _measured(name: str, stand: Stand, requests: list[bytes], seconds: float) -> Figure:
    ring = cycle(requests)

    async def ask(client: Client) -> bool:
        await client.ask(next(ring))
        return True

    async with load.clients(stand.server.port, CLIENTS) as crowd:
        await load.crowd(crowd, ask, seconds / 4)  # whoever compiles as it goes has done so
        before = stand.server.cpu()
        run = await load.crowd(crowd, ask, seconds)
    return Figure(
        name,
        stand.contender.name,
        rate=run.rate,
        cpu=1e6 * (stand.server.cpu() - before) / len(run.latencies),
        p50=run.quantile(0.5),
        p99=run.quantile(0.99),
        memory=stand.server.memory() / 1024,
    )


def _w1(stand: Stand) -> bytes:
    return load.post(documents.W1, None, API_KEY)


def _w2(stand: Stand, number: int) -> bytes:
    return load.post(documents.W2, {"code": stand.data.code(number)}, API_KEY)
