"""Admit's command line, which says last for how many seconds an import held its event loop at most."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

from commands import main
from models import TicketBatch
from server import create_app, make_site
from services import imports
from services.candidates import NewCandidate
from services.tickets import Issue

_BEAT = 0.001

_import = imports.run
_late = [0.0]


async def _watched(issue: Issue, candidates: Sequence[NewCandidate]) -> tuple[TicketBatch, bool]:
    beating = asyncio.create_task(_beat())
    try:
        return await _import(issue, candidates)
    finally:
        beating.cancel()


async def _beat() -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(_BEAT)
        _late.append(time.perf_counter() - began - _BEAT)


if __name__ == "__main__":
    imports.run = _watched
    status = main(sys.argv[1:], create_app, make_site)
    sys.stdout.write(f"{max(_late)}\n")
    raise SystemExit(status)
