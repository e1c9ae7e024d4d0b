"""kill -9 in a stampede: what was acknowledged is there when the server is back, and that is soon."""

from __future__ import annotations

import signal

from tests.faults.crowd import crowd, now
from tests.faults.figures import Figures, Length
from tests.faults.stage import Stage

BACK = 10.0


async def run(stage: Stage, length: Length) -> Figures:
    """Kill it once (short) or six times (long), each time in the middle of the crowd's work."""
    figures = Figures(f"kill -9 ×{length.of(1, 6)} in a stampede", stage.database)
    server = await stage.serve()
    async with crowd(stage, [server], figures, sitters=length.of(8, 24)) as people:
        for _ in range(length.of(1, 6)):
            await people.acknowledge(length.of(30, 200))
            await server.stop(signal.SIGKILL)
            killed_at = now()
            server = await stage.serve(server)
            figures.back_within(BACK, await people.acknowledge(1, killed_at) - killed_at)
        await people.acknowledge(length.of(30, 200))
    figures.must("a quiet log", not stage.noise())
    return figures
