"""What a fault's script brings back, and the table of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum


class Length(Enum):
    """How long a script takes pains: seconds with the other tests, or as long as the promise needs."""

    SHORT = "short"
    LONG = "long"

    def of(self, short: int, long: int) -> int:
        """The one of the two counts that is meant."""
        return short if self is Length.SHORT else long


class NotHere(Exception):
    """This machine cannot play this fault; the message says why."""


@dataclass
class Figures:
    """One fault on one database. `broken` names each promise that was not kept."""

    fault: str
    database: str
    load: float = 0.0  # requests acknowledged in a second while the load lasted, the outage included
    acknowledged: int = 0
    lost: int = 0
    recovered: float | None = None  # seconds until something was written again; the longest of all times
    broken: list[str] = field(default_factory=list)
    returns: list[tuple[float, float]] = field(default_factory=list)  # seconds promised, seconds taken

    def must(self, promise: str, kept: bool) -> None:
        """Note the promise if it was not kept."""
        if not kept:
            self.broken.append(promise)

    def back_within(self, seconds: float, took: float) -> None:
        """Note how long it took until something was written again, and how long it may."""
        self.recovered = max(self.recovered or 0.0, took)
        self.returns.append((seconds, took))

    def judge(self, slack: float) -> None:
        """Note which returns took longer than promised, with so much slack: a suite's machine does much else."""
        for seconds, took in self.returns:
            self.must(f"back in {seconds:g} s, not {took:.1f} s", took < slack * seconds)

    @property
    def verdict(self) -> str:
        """One word, or what was broken."""
        return "; ".join(self.broken) or "held"


HEADINGS = ("fault", "database", "load/s", "acknowledged", "lost", "recovered in", "verdict")


def table(figures: Sequence[Figures]) -> str:
    """The figures, in columns that a page of docs/ can take as they are."""
    rows = [
        (
            one.fault,
            one.database,
            f"{one.load:.0f}" if one.load else "–",
            f"{one.acknowledged:,}",
            str(one.lost),
            "–" if one.recovered is None else f"{one.recovered:.1f} s",
            one.verdict,
        )
        for one in figures
    ]
    widths = [max(len(row[at]) for row in [HEADINGS, *rows]) for at in range(len(HEADINGS))]
    lines = [HEADINGS, tuple("-" * width for width in widths), *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
