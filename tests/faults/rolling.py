"""Two processes on one PostgreSQL are restarted one after the other, under load: nobody notices but by reconnecting."""

from __future__ import annotations

from tests.faults.crowd import crowd, now
from tests.faults.figures import Figures, Length
from tests.faults.stage import Stage
from tests.faults.stopped import ENDS, LISTENERS_END

GAP = 2.0  # seconds without anything written, while one of the two always serves


async def run(stage: Stage, length: Length) -> Figures:
    """One of them once (short), each three times (long)."""
    restarts = length.of(1, 6)
    figures = Figures(f"rolling restart ×{restarts}", stage.database)
    servers = [await stage.serve(), await stage.serve()]
    async with crowd(stage, servers, figures) as people:
        for turn in range(restarts):
            await people.acknowledge(length.of(25, 200))
            stopped_at, leaving = now(), servers[turn % 2]
            figures.must("it ends by itself", await leaving.stop() in ENDS)
            servers[turn % 2] = await stage.serve(leaving)
            await people.acknowledge(1)
            figures.back_within(GAP, people.longest_silence(stopped_at))
        await people.acknowledge(length.of(25, 200))
    figures.must(f"sockets are closed with 1012: {people.ends}", 1012 in people.ends and people.ends <= LISTENERS_END)
    figures.must("a quiet log", not stage.noise())
    return figures
