"""`python -m bench [W1 …]`: measure Admit beside the others, and print the table."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from bench import servers, streams
from bench.dataset import ROOT
from bench.run import SIZES, WORKLOADS, Length, grow, run


def main(arguments: Sequence[str]) -> int:
    """Measure what is wanted, or everything."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("workloads", nargs="*", metavar="W1", help="what to measure; everything unless given")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each measurement lasts")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender has its turn")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="tickets, for the workload `growth`")
    parser.add_argument("--docs", action="store_true", help="put the table and the picture into docs/")
    given = parser.parse_args(arguments)
    if wrong := set(given.workloads) - {*WORKLOADS, "growth"}:
        parser.error(f"there is no {', '.join(sorted(wrong))}: choose among {', '.join(WORKLOADS)}, growth")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the servers are stopped on the way out
    servers.on_last_core()
    streams.allow_many_files()
    length = Length(given.seconds, given.rounds)
    postgres = os.environ.get("DATABASE_URL", "")
    if given.workloads == ["growth"]:
        report = grow(given.sizes, length, postgres)
    else:
        report = run(given.workloads or WORKLOADS, length, postgres)
    _say(report.markdown())
    _say(f"raw figures: {report.write(length.folder)}")
    if given.docs:
        report.publish(ROOT / "docs")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
