"""W1 and W2: the list of an organization's tasks, tickets and sessions, and one ticket by a random code."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import orjson

from bench import documents, load, rows
from bench.dataset import API_KEY
from bench.figures import Figure
from bench.load import Client
from bench.stage import Stand

CLIENTS = 16
CODES = 4_000


async def w1(stand: Stand, seconds: float, crowd: int = CLIENTS) -> Figure:
    """The nested list."""
    return await _measured("W1", stand, [_w1(stand)], seconds, crowd)


async def w2(stand: Stand, seconds: float, crowd: int = CLIENTS) -> Figure:
    """One ticket, another one each time."""
    numbers = random.Random(seconds).sample(range(stand.data.tickets), min(CODES, stand.data.tickets))
    return await _measured("W2", stand, [_w2(stand, number) for number in numbers], seconds, crowd)


async def answers(stand: Stand, tickets: int = 50) -> list[Any]:
    """What the server answers to W1 and to some of W2, to be compared with the others' answers."""
    step = max(1, stand.data.tickets // tickets)
    asked = [_w1(stand), *(_w2(stand, number) for number in range(0, stand.data.tickets, step))]
    async with load.clients(stand.server.port, 1) as [client]:
        return [orjson.loads(await client.ask(one))["data"] for one in asked]


async def must_agree(stands: Sequence[Stand]) -> None:
    """Raise Failed unless all answer the same; one that makes its own names must have as many rows."""
    told = {stand.contender.title: await answers(stand) for stand in stands if not stand.contender.renames}
    first = next(iter(told.values()), None)
    wrong = [title for title, said in told.items() if said != first]
    if wrong:
        raise load.Failed(f"{', '.join(wrong)} answers something else than {next(iter(told))}")
    for stand in stands:
        if stand.contender.renames and str(await answers(stand)).count("'node'") < str(first).count("'node'"):
            raise load.Failed(f"{stand.contender.title} answers less than {next(iter(told))}")


async def _measured(name: str, stand: Stand, requests: list[bytes], seconds: float, crowd: int) -> Figure:
    ring = cycle(requests)

    async def ask(client: Client) -> bool:
        await client.ask(next(ring))
        return True

    async with load.clients(stand.server.port, crowd) as made:
        await load.crowd(made, ask, seconds / 4)  # whoever compiles as it goes has done so
        before = stand.server.cpu()
        run = await load.crowd(made, ask, seconds)
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
    if stand.contender.renames:
        return load.post(documents.W1_BY_TABLES, {"own": rows.ORGANIZATION})
    return load.post(documents.W1, None, API_KEY)


def _w2(stand: Stand, number: int) -> bytes:
    if stand.contender.renames:
        return load.post(documents.W2_BY_TABLES, {"code": rows.code(number)})
    return load.post(documents.W2, {"code": stand.data.code(number)}, API_KEY)
