"""The network between server and PostgreSQL is cut in three ways; when it is mended, work goes on."""

from __future__ import annotations

from tests.faults.crowd import crowd, now
from tests.faults.figures import Figures, Length
from tests.faults.network import Cut, network
from tests.faults.restarted import BACK, away
from tests.faults.stage import Stage

SECONDS = (1, 8)  # that it is cut, in the short and in the long form
TIMEOUT = (1, 5)  # of the database, likewise


async def run(stage: Stage, length: Length) -> Figures:
    """Hold everything back, forget the connections, reset them."""
    figures = Figures(f"database cut off ({', '.join(how.value for how in Cut)})", stage.database)
    async with network(stage.postgres.port) as between:
        there = stage.postgres.url(stage.name, between.port)
        seconds = str(length.of(*TIMEOUT))
        server = await stage.serve(DATABASE_URL=there, DATABASE_TIMEOUT_SECONDS=seconds)
        async with crowd(stage, [server], figures) as people:
            for how in Cut:
                await people.acknowledge(length.of(25, 200))
                between.cut(how)
                await away(people, figures, length.of(*SECONDS))
                between.mend()
                back_at = now()
                figures.back_within(BACK, await people.acknowledge(1, back_at) - back_at)
            await people.acknowledge(length.of(25, 200))
        figures.must(f"streams live on: {people.ends}", people.ends <= {"UNAVAILABLE", 1013, "complete"})
        figures.must("a quiet log", not stage.noise())
    return figures
