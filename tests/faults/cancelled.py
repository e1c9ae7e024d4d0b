"""Three hundred mutations cancelled at any moment, by `complete`, by a dropped socket, by a dropped request."""

from __future__ import annotations

import asyncio
import json
import random
from urllib.parse import urlsplit

from tests.faults.crowd import client, now
from tests.faults.figures import Figures, Length
from tests.faults.stage import Stage
from tests.listening import socket
from tests.world import ISSUE_TICKETS, Door

CANCELLED = 300
AT_ONCE = 20
MOMENTS = 0.02  # seconds within which it is cancelled: before, in and after the transaction
WRITERS = 40  # afterwards, all at once: more than a pool has connections
BACK = 5.0
STUCK = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND state LIKE 'idle in transaction%'"
LOCKS = """
SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE d.datname = '{}' AND l.locktype = 'advisory'
"""


async def run(stage: Stage, length: Length) -> Figures:
    """Cancel them in equal parts in each of the three ways."""
    turns = length.of(1, 4)
    figures = Figures(f"{CANCELLED * turns} mutations cancelled", stage.database)
    server = await stage.serve()
    chance = random.Random(4)  # noqa: S311  the same moments each time
    ways = (_completed, _hung_up, _dropped)
    async with client(base_url=server.base_url) as http:
        owner = await Door(http).sign_up()
        task = await owner.open_task()
        began_at = now()
        for _ in range(CANCELLED * turns // AT_ONCE):
            await asyncio.gather(
                *(chance.choice(ways)(owner, task["id"], chance.uniform(0, MOMENTS)) for _ in range(AT_ONCE))
            )
        figures.load = CANCELLED * turns / (now() - began_at)
        ended_at = now()
        written = await asyncio.gather(*(owner.issue(task["id"]) for _ in range(WRITERS)))
        figures.acknowledged = len(written)
        figures.back_within(BACK, now() - ended_at)
        if stage.cluster:
            for query in (STUCK, LOCKS):
                ((left,),) = await stage.cluster.tell(query.format(stage.name))
                figures.must(f"nothing left open: {left} of {query}", left == 0)
    figures.must("a quiet log", not stage.noise())
    return figures


def _input(task_id: str) -> dict[str, object]:
    return {"taskId": task_id, "candidates": [{"fullName": "Nobody waits for it"}]}


async def _completed(owner: Door, task_id: str, after: float) -> None:
    """The client says that it wants no answer any more, and keeps the socket."""
    async with socket(owner) as made:
        await made.subscribe(ISSUE_TICKETS, input=_input(task_id))
        await asyncio.sleep(after)
        await made.send({"id": "1", "type": "complete"})
        await made.send({"type": "ping"})
        while (await made.receive())["type"] != "pong":
            pass  # the socket lives


async def _hung_up(owner: Door, task_id: str, after: float) -> None:
    """The client's socket is gone without a word."""
    async with socket(owner) as made:
        await made.subscribe(ISSUE_TICKETS, input=_input(task_id))
        await asyncio.sleep(after)
        made.connection.transport.abort()


async def _dropped(owner: Door, task_id: str, after: float) -> None:
    """The connection of a request over HTTP is gone without a word."""
    parts = urlsplit(owner.base_url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    body = json.dumps({"query": ISSUE_TICKETS, "variables": {"input": _input(task_id)}}).encode()
    head = [
        "POST /graphql HTTP/1.1",
        f"Host: {parts.netloc}",
        f"Authorization: Bearer {owner.token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    await asyncio.sleep(after)
    writer.transport.abort()
