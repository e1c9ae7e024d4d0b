"""Redis is absent when the server starts, comes, goes and comes back: nothing but guessing waits for it."""

from __future__ import annotations

from typing import Any

from tests.faults.crowd import Crowd, client, crowd, now
from tests.faults.figures import Figures, Length
from tests.faults.stage import Stage
from tests.hall import ENTER
from tests.redis_server import Redis
from tests.world import LOG_IN, PASSWORD, Door

AT_LAST = 60.0  # seconds after which codes are given up

BACK = 10.0


async def run(stage: Stage, length: Length) -> Figures:
    """Once (short) or three times (long)."""
    times = length.of(1, 3)
    figures = Figures(f"Redis absent, then lost ×{times}", stage.database)
    redis = Redis()
    try:
        server = await stage.serve(EVENTS_URL=redis.url, POLL_SECONDS="0.2")
        async with client(base_url=server.base_url) as http:
            door = Door(http)
            owner = await door.sign_up()
            task = await owner.open_task()
            (ticket,) = await owner.issue(task["id"])
            await _closed(figures, door, task["slug"], ticket["invitationCode"])
            await _open(figures, owner)
            await redis.start()
            await _enters_again(figures, door, task["slug"], ticket["invitationCode"])
            async with crowd(stage, [server], figures) as people:
                await _seated(people)
                for _ in range(times):
                    await people.acknowledge(length.of(25, 200))
                    await redis.stop()
                    await people.acknowledge(length.of(25, 200))  # and the listeners are told of it
                    await _closed(figures, door, task["slug"], ticket["invitationCode"])
                    await _open(figures, owner)
                    await redis.start()
                    await _enters_again(figures, door, task["slug"], ticket["invitationCode"])
            figures.must(f"streams live on: {people.ends}", not people.ends)
    finally:
        await redis.stop()
    figures.must("a quiet log", not stage.noise())
    return figures


async def _seated(people: Crowd) -> None:
    while len(people.sessions) < len(people.codes):
        await people.acknowledge(1)


async def _closed(figures: Figures, door: Door, slug: str, code: str) -> None:
    """Guesses that nobody can count are not answered, right or wrong."""
    for guess in (code, "WRONGWRONG234"):
        told = await door.code_of(ENTER, input={"taskSlug": slug, "invitationCode": guess})
        figures.must(f"guess limits fail closed, not {told}", told == "UNAVAILABLE")


async def _open(figures: Figures, owner: Door) -> None:
    """Staff log in all the same."""
    made: Any = await owner.with_token(None).mutate(LOG_IN, email=owner.known["member"]["email"], password=PASSWORD)
    figures.must(f"staff limits fail open, not {made['__typename']}", made["__typename"] == "LogInSuccess")


async def _enters_again(figures: Figures, door: Door, slug: str, code: str) -> None:
    began_at = now()
    told: str | None = "nothing"
    while told and now() - began_at < AT_LAST:
        told = await door.code_of(ENTER, input={"taskSlug": slug, "invitationCode": code})
    figures.must(f"codes open again, not {told}", told is None)
    figures.back_within(BACK, now() - began_at)
