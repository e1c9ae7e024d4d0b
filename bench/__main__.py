"""`python -m bench [W1 …]`: measure Admit beside the others, and print the table."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bench import dataset, reads, servers, writes
from bench.contenders import CONTENDERS
from bench.dataset import KEPT, Dataset
from bench.figures import Figure
from bench.report import Report
from bench.stage import Stand, standing

TICKETS, TASKS = 100_000, 20
Measure = Callable[[Stand], Awaitable[Figure]]


@dataclass(frozen=True)
class Length:
    """How much pains a run takes."""

    seconds: float = 2.0
    rounds: int = 3

    def measures(self) -> dict[str, list[Measure]]:
        """How each workload is measured, once."""
        share = 1 / (2 * self.rounds)
        return {
            "W1": [lambda stand: reads.w1(stand, self.seconds)],
            "W2": [lambda stand: reads.w2(stand, self.seconds)],
            "W3": [lambda stand: writes.w3(stand, self.seconds)],
            "W5": [
                lambda stand: writes.w5(stand, self.seconds, 64, share),
                lambda stand: writes.w5(stand, self.seconds, 256, share),
            ],
            "W4": [writes.w4],
        }


def run(wanted: Sequence[str], length: Length, data: Dataset, *, postgres: bool) -> Report:
    """Measure these workloads, every contender in turn, round after round."""
    able = [one for one in CONTENDERS if any(one.takes(name, postgres=postgres) for name in wanted)]
    titles = {one.name: one.title for one in CONTENDERS}
    about = {"tickets": data.tickets, "Python": platform.python_version(), "rounds": length.rounds}
    report = Report("PostgreSQL" if postgres else "SQLite", titles, {**about, "seconds": length.seconds})
    with standing(able, data, report.missing) as stands:
        asyncio.run(_must_agree(stands))
        for name, measures in length.measures().items():
            running = [one for one in stands if name in wanted and one.contender.takes(name, postgres=postgres)]
            for measure in measures:
                for _ in range(length.rounds):
                    for stand in running:
                        report.figures.append(asyncio.run(_measured(measure, stand)))
                        _say(f"  {report.figures[-1]}")
    return report


async def _measured(measure: Measure, stand: Stand) -> Figure:
    return await measure(stand)


async def _must_agree(stands: Sequence[Stand]) -> None:
    """Raise RuntimeError unless all answer the same to the same."""
    told = {stand.contender.title: await reads.answers(stand) for stand in stands}
    first = next(iter(told.values()), None)
    wrong = [title for title, answers in told.items() if answers != first]
    if wrong:
        raise RuntimeError(f"{', '.join(wrong)} answers something else than Admit")


def main(arguments: Sequence[str]) -> int:
    """Run what is wanted, or everything."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("workloads", nargs="*", metavar="W1", help="what to measure; everything unless given")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each measurement lasts")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender has its turn")
    given = parser.parse_args(arguments)
    servers.on_last_core()
    length = Length(given.seconds, given.rounds)
    postgres = os.environ.get("DATABASE_URL", "")
    data = dataset.made(TICKETS, TASKS, postgres)
    report = run(given.workloads or list(length.measures()), length, data, postgres=bool(postgres))
    _say(report.markdown())
    _say(f"raw figures: {report.write(KEPT).relative_to(dataset.ROOT)}")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
