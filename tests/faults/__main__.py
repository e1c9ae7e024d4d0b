"""`python -m tests.faults [fault …]`: the long form of every fault, or of those named, and the table of figures."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Sequence

from tests.faults.cluster import Cluster
from tests.faults.figures import Figures, Length, NotHere, table
from tests.faults.scripts import EVERYWHERE, ON_POSTGRES, play, postgres_and_redis
from tests.redis_server import Redis


async def main(wanted: Sequence[str]) -> int:
    """Say what was seen; 1 when a promise was broken."""
    seen = [figures for name in EVERYWHERE if name in wanted if (figures := await _played(name))]
    try:
        async with postgres_and_redis() as on:
            seen += [figures for name in ON_POSTGRES if name in wanted if (figures := await _played(name, on))]
    except NotHere as missing:
        _say(f"PostgreSQL is left out: {missing}")
    _say(table(seen))
    return int(any(figures.broken for figures in seen))


async def _played(name: str, on: tuple[Cluster, Redis] | None = None) -> Figures | None:
    _say(f"{name} on {'PostgreSQL' if on else 'SQLite'} …")
    try:
        return await play(name, Length.LONG, on)
    except NotHere as missing:
        _say(f"{name} is left out: {missing}")
        return None
    except Exception as failure:  # the other scripts are played all the same
        traceback.print_exc()
        return Figures(name, "PostgreSQL" if on else "SQLite", broken=[f"ended by {failure!r}"])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(sys.argv[1:] or list(ON_POSTGRES))))
