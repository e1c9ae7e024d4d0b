"""The table of the medians, in Markdown as docs/ takes it, and the raw figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from bench import picture
from bench.figures import Figure, medians

UNITS: Mapping[str, str] = {
    "W1": "request", "W2": "request", "W3": "ticket", "W4": "ticket", "W5": "request", "W6": "message", "W7": "row",
}  # fmt: skip
HEADINGS = (
    "workload",
    "server",
    "a second",
    "Admit's is",
    "CPU µs",
    "Admit's is",
    "p50 ms",
    "p99 ms",
    "stall ms",
    "KB",
)


@dataclass
class Report:
    """One run on one kind of database: every single figure, who was left out and why."""

    database: str
    titles: Mapping[str, str]
    about: Mapping[str, Any]
    figures: list[Figure] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    grows: bool = False  # whether the figures are of several sizes

    def table(self) -> str:
        """The medians."""
        kept = medians(self.figures)
        ours = {one.workload: one for one in kept if one.contender == "admit"}
        lines = [self._line(one, ours.get(one.workload)) for one in kept]
        return _columns([HEADINGS, *lines])

    def markdown(self) -> str:
        """The table with what has to be said of it."""
        about = "; ".join(f"{name} {value}" for name, value in self.about.items())
        left_out = "".join(f"\nLeft out: {why}\n" for why in dict.fromkeys(self.missing))
        return f"On {self.database} ({about}):\n\n{self.table()}\n{left_out}"

    def picture(self) -> str:
        """The medians as an SVG."""
        return picture.svg(medians(self.figures), self.titles, f"What each server does in a second on {self.database}")

    def write(self, folder: Path) -> Path:
        """Keep the raw figures as JSON, with the table and the picture beside them; answers where."""
        path = folder / f"figures-{self.name}.json"
        kept = {"database": self.database, "about": self.about, "missing": self.missing}
        shown = [asdict(one) for one in self.figures]
        path.write_bytes(orjson.dumps({**kept, "figures": shown}, option=orjson.OPT_INDENT_2))
        path.with_suffix(".md").write_text(self.markdown())
        path.with_suffix(".svg").write_text(self.picture())
        return path

    def publish(self, docs: Path) -> None:
        """Put the table between its marks in docs/performance.md, and the picture beside the others."""
        page = docs / "performance.md"
        begin, end = f"<!-- {self.name}: written by make bench DOCS=1 -->\n", "<!-- end -->"
        before, found, rest = page.read_text().partition(begin)
        if not found:
            raise LookupError(f"{page} has no {begin.strip()}")
        drawn = f"images/performance-{self.name}.svg"
        shown = f"\n![What each server does in a second on {self.database}]({drawn})\n\n{self.markdown()}\n"
        page.write_text(f"{before}{begin}{shown}{end}{rest.partition(end)[2]}")
        (docs / drawn).write_text(self.picture())

    @property
    def name(self) -> str:
        """What its files are called by."""
        return self.database.lower() + ("-growth" if self.grows else "")

    def _line(self, one: Figure, ours: Figure | None) -> tuple[str, ...]:
        apart = ours is not None and ours is not one
        unit = UNITS[one.workload.split()[0]]
        return (
            f"{one.workload} ({unit})",
            self.titles.get(one.contender, one.contender),
            _number(one.rate),
            _ratio(ours.rate, one.rate) if ours and apart else "",
            _number(one.cpu),
            _ratio(ours.cpu, one.cpu) if ours and apart else "",
            _number(one.p50),
            _number(one.p99),
            _number(one.stall),
            _number(one.memory),
        )


def _ratio(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.2f}×" if ours and theirs else ""


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _columns(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in (lines[0], rule, *lines[1:])
    )
