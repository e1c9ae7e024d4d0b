"""The measurements of a run, every contender in turn, round after round."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvloop

from bench import dataset, exports, imports, load, reads, streams, writes
from bench.contenders import ADMIT, CONTENDERS, Contender
from bench.dataset import KEPT, Dataset
from bench.figures import Figure
from bench.report import Report
from bench.servers import NotHere
from bench.stage import Stand, standing

TICKETS, TASKS = 100_000, 20
ENOUGH = 45.0  # seconds of one contender in one workload, after which the rounds that it has had must do
SIZES = (100_000, 1_000_000, 10_000_000)
WORKLOADS = ("W1", "W2", "W3", "W5", "W4", "W6", "W7")
Measure = Callable[[Stand], Awaitable[Figure]]


@dataclass(frozen=True)
class Length:
    """How much pains a run takes, and where it keeps its data."""

    seconds: float = 2.0
    rounds: int = 3
    folder: Path = KEPT

    @property
    def about(self) -> dict[str, Any]:
        """What a reader of the figures wants to know."""
        return {"Python": platform.python_version(), "rounds": self.rounds, "seconds": self.seconds}

    def measures(self, waiting: int) -> dict[str, list[Measure]]:
        """How each workload of the data set with many tasks is measured, once; each waiting ticket is used once."""
        most = waiting // (2 * self.rounds)
        return {
            "W1": [lambda stand: reads.w1(stand, self.seconds)],
            "W2": [lambda stand: reads.w2(stand, self.seconds)],
            "W3": [lambda stand: writes.w3(stand, self.seconds)],
            "W5": [
                lambda stand: writes.w5(stand, self.seconds, 64, most),
                lambda stand: writes.w5(stand, self.seconds, 256, most),
            ],
            "W4": [writes.w4],
            "W6": [lambda stand: streams.w6(stand, self.seconds)],
        }


def run(wanted: Sequence[str], length: Length, postgres: str = "", tickets: int = TICKETS) -> Report:
    """Measure these workloads on SQLite, or on the PostgreSQL server whose URL is given."""
    report = Report(
        "PostgreSQL" if postgres else "SQLite",
        {one.name: one.title for one in CONTENDERS} | {"xlsxwriter": "XlsxWriter alone"},
        {"tickets": tickets, **length.about},
    )
    if set(wanted) - {"W7"}:
        _side_by_side(wanted, length, dataset.made(tickets, TASKS, postgres, length.folder), report)
    if "W4" in wanted:
        _import(length, dataset.made(tickets, TASKS, postgres, length.folder), report)
    if "W7" in wanted:
        _exports(length, dataset.made(tickets, 1, postgres, length.folder), report)
    return report


def grow(sizes: Sequence[int], length: Length, postgres: str = "") -> Report:
    """W1, W2 and W5 with Admit alone, at each of these sizes in turn; the others are compared with the first."""
    named = {"admit" if size == sizes[0] else f"admit-{size}": size for size in sizes}
    titles = {name: f"Admit, {size:,} tickets" for name, size in named.items()}
    report = Report("PostgreSQL" if postgres else "SQLite", titles, length.about, grows=True)
    with ExitStack() as stack:
        stands: list[Stand] = []
        for name, size in named.items():
            data = dataset.made(size, TASKS, postgres, length.folder)
            stands += stack.enter_context(standing([replace(ADMIT, name=name)], data, report.missing, length.folder))
        measures = length.measures(min((len(stand.waiting) for stand in stands), default=0))
        for workload in ("W1", "W2", "W5"):
            _rounds(measures[workload][0], stands, length.rounds, report)
    return report


def able(wanted: Sequence[str], *, postgres: bool) -> list[Contender]:
    """Those who can do any of these workloads."""
    return [one for one in CONTENDERS if any(one.takes(name, postgres=postgres) for name in wanted if name != "W7")]


def _side_by_side(wanted: Sequence[str], length: Length, data: Dataset, report: Report) -> None:
    postgres = report.database == "PostgreSQL"
    with standing(able(wanted, postgres=postgres), data, report.missing, length.folder) as stands:
        reading = [stand for stand in stands if stand.contender.takes("W1", postgres=postgres)]
        uvloop.run(reads.must_agree(reading))
        waiting = min((len(stand.waiting) for stand in stands), default=0)
        for name, measures in length.measures(waiting).items():
            running = [one for one in stands if name in wanted and one.contender.takes(name, postgres=postgres)]
            for measure in measures:
                _rounds(measure, running, length.rounds, report)


def _rounds(measure: Measure, stands: Sequence[Stand], rounds: int, report: Report) -> None:
    left = {stand.contender.name: ENOUGH for stand in stands}
    for _ in range(rounds):
        for stand in stands:
            if left[stand.contender.name] <= 0:
                continue
            began = time.monotonic()
            try:
                _note(report, uvloop.run(_measured(measure, stand)))
            except (load.Failed, TimeoutError) as failure:
                report.missing.append(f"{stand.contender.title}: {failure!r}")
                left[stand.contender.name] = 0
            left[stand.contender.name] -= time.monotonic() - began


def _import(length: Length, data: Dataset, report: Report) -> None:
    try:
        for _ in range(length.rounds):
            _note(report, imports.imported(data, length.folder))
    except NotHere as why:
        report.missing.append(str(why))


def _exports(length: Length, data: Dataset, report: Report) -> None:
    until = time.monotonic() + 2 * ENOUGH
    for number in range(length.rounds):
        if number and time.monotonic() > until:
            return
        with standing([ADMIT], data, report.missing, length.folder) as stands:
            for stand in stands:
                _note(report, uvloop.run(exports.w7(stand)))
        _note(report, exports.bare(data.tickets))


async def _measured(measure: Measure, stand: Stand) -> Figure:
    return await measure(stand)


def _note(report: Report, figure: Figure) -> None:
    report.figures.append(figure)
    sys.stderr.write(f"\r{figure.workload} {report.titles[figure.contender]}: {figure.rate:,.0f} a second      ")
    sys.stderr.flush()
