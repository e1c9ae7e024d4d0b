"""PostgreSQL goes away and comes back: what was acknowledged is kept, and who comes in the meantime may try again."""

from __future__ import annotations

import asyncio

import httpx

from tests.faults.crowd import Crowd, client, crowd, now
from tests.faults.figures import Figures, Length
from tests.faults.stage import Stage

BACK = 5.0
WELCOME = "query ($slug: String!) { welcomePage(taskSlug: $slug) { title } }"
VIEWER = "{ viewer { __typename } }"
AWAY = (1, 6)  # seconds, in the short and in the long form


async def run(stage: Stage, length: Length) -> Figures:
    """Stop it as an operator does, and as a power cut does."""
    modes = ["fast", "immediate"] * length.of(1, 2)
    figures = Figures(f"database restarted ({', '.join(modes)})", stage.database)
    server = await stage.serve()
    async with crowd(stage, [server], figures) as people:
        for mode in modes:
            await people.acknowledge(length.of(30, 200))
            await stage.postgres.stop(mode)
            await away(people, figures, length.of(*AWAY))
            await stage.postgres.start()
            back_at = now()
            figures.back_within(BACK, await people.acknowledge(1, back_at) - back_at)
        await people.acknowledge(length.of(30, 200))
    figures.must(f"streams live on: {people.ends}", people.ends <= {"UNAVAILABLE", 1013, "complete"})
    figures.must("a quiet log", not stage.noise())
    return figures


async def away(people: Crowd, figures: Figures, seconds: int) -> None:
    """While the database is away everybody is told so, in words that a program understands."""
    until, address = now() + seconds, people.addresses[0]
    async with client(base_url=address) as http:
        _, page, asked, keyed = await asyncio.gather(
            not_ready(http),
            http.get(f"/t/{people.task['slug']}"),
            http.post("/graphql", json={"query": WELCOME, "variables": {"slug": people.task["slug"]}}),
            http.post("/graphql", json={"query": VIEWER}, headers={"authorization": f"Bearer {people.owner}"}),
        )
    figures.must(f"503 and Retry-After on a page, not {page.status_code}", page.status_code == 503)
    figures.must("Retry-After on a page", page.headers.get("retry-after") == "2")
    figures.must(f"UNAVAILABLE with retryAfter, not {asked.text}", _retryable(asked))
    figures.must(f"503 at the door, not {keyed.text}", keyed.status_code == 503 and "UNAVAILABLE" in keyed.text)
    await asyncio.sleep(max(0.0, until - now()))


async def not_ready(http: httpx.AsyncClient) -> None:
    """Until the server says itself that it cannot serve."""
    async with asyncio.timeout(10):
        while (await http.get("/readyz")).status_code != 503:
            await asyncio.sleep(0.01)


def _retryable(answer: httpx.Response) -> bool:
    errors = answer.json().get("errors") or [{}]
    told: dict[str, object] = errors[0].get("extensions", {})
    return (told.get("code"), told.get("retryAfter")) == ("UNAVAILABLE", 2) and "asyncpg" not in answer.text
