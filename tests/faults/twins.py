"""Sixty clients at once on one idempotency key, one code, one start button: one of each, whoever came first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx

from tests.faults.crowd import client, now
from tests.faults.figures import Figures, Length
from tests.faults.stage import Stage
from tests.hall import ENTER, START
from tests.world import ISSUE_TICKETS, Door

CLIENTS = 60
COUNTS = """
query ($id: ID!) {
  ticket(id: $id) { assessments { totalCount edges { node { testSessions { totalCount } } } } }
}
"""
TICKETS = "query ($id: ID!) { task(id: $id) { tickets { totalCount } } }"


async def run(stage: Stage, length: Length) -> Figures:
    """Once (short) or ten times (long), on PostgreSQL spread over two processes."""
    rounds = length.of(1, 10)
    figures = Figures(f"{CLIENTS} clients at once ×{rounds}", stage.database)
    servers = [await stage.serve() for _ in range(2 if stage.cluster else 1)]
    clients = [client(base_url=servers[at % len(servers)].base_url) for at in range(CLIENTS)]
    try:
        owner = await Door(clients[0]).sign_up()
        task = await owner.open_task()
        began_at = now()
        for turn in range(rounds):
            await _round(figures, clients, owner, task, f"batch-{turn}")
        figures.load = figures.acknowledged / (now() - began_at)
        counted = (await owner.ask(TICKETS, id=task["id"]))["task"]["tickets"]["totalCount"]
        figures.must(f"a ticket for each key, not {counted}", counted == rounds)
    finally:
        await asyncio.gather(*(one.aclose() for one in clients))
    figures.must("a quiet log", not stage.noise())
    return figures


async def _round(figures: Figures, clients: Sequence[httpx.AsyncClient], owner: Door, task: Any, key: str) -> None:
    issue = {"taskId": task["id"], "candidates": [{"fullName": "Twin"}], "idempotencyKey": key}
    issued = await _all(figures, clients, owner.token, ISSUE_TICKETS, issue)
    tickets = {ticket["id"]: ticket["invitationCode"] for one in issued for ticket in one["tickets"]}
    figures.must(f"one ticket, not {len(tickets)}", len(tickets) == 1)
    (ticket, code), *_ = tickets.items()
    entered = await _all(figures, clients, None, ENTER, {"taskSlug": task["slug"], "invitationCode": code})
    assessments = {one["assessment"]["id"] for one in entered}
    figures.must(f"one assessment, not {len(assessments)}", len(assessments) == 1)
    started = await _all(figures, clients, entered[0]["accessToken"], START, {"stepId": task["steps"][0]["id"]})
    sessions = {one["testSession"]["id"] for one in started}
    figures.must(f"one session, not {len(sessions)}", len(sessions) == 1)
    seen = (await owner.ask(COUNTS, id=ticket))["ticket"]["assessments"]
    kept = (seen["totalCount"], [edge["node"]["testSessions"]["totalCount"] for edge in seen["edges"]])
    figures.must(f"one of each in the database, not {kept}", kept == (1, [1]))


async def _all(
    figures: Figures, clients: Sequence[httpx.AsyncClient], token: str | None, document: str, input: dict[str, Any]
) -> list[Any]:
    made = await asyncio.gather(*(Door(one, token).mutate(document, **input) for one in clients))
    refused = [one for one in made if not one["__typename"].endswith("Success")]
    figures.must(f"everybody is answered the same, not {refused[:1]}", not refused)
    figures.acknowledged += len(made)
    return made
