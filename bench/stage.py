"""Servers side by side, each on its own copy of the data, and what a workload needs to know of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import dataset
from bench.contenders import Contender
from bench.dataset import Dataset
from bench.servers import NotHere, Server, running


@dataclass
class Stand:
    """One contender's server and what is left of its data: tickets that wait, to be used once."""

    contender: Contender
    server: Server
    data: Dataset
    waiting: list[int] = field(default_factory=list)

    def take(self, count: int) -> list[int]:
        """So many of the tickets that still wait."""
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        return taken


@contextmanager
def standing(contenders: Sequence[Contender], data: Dataset, missing: list[str], folder: Path) -> Iterator[list[Stand]]:
    """Those of the contenders that run here, all at once; why the others do not is added to `missing`."""
    stands: list[Stand] = []
    with ExitStack() as stack:
        for contender in contenders:
            try:
                contender.ready()
                url = dataset.copied(data, contender.name, folder)
                stack.callback(dataset.forgotten, data, url)
                started = running(contender.name, list(contender.command), url, contender.environment, folder)
                server = stack.enter_context(started)
            except NotHere as why:
                missing.append(str(why))
                continue
            stands.append(Stand(contender, server, data, data.waiting(url)))
        yield stands
