"""What one measurement saw, and the median of several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One contender in one workload. Times are in milliseconds, but `cpu` in microseconds for a unit of work."""

    workload: str
    contender: str
    rate: float  # units of work in a second
    cpu: float  # of the server's processes
    p50: float | None = None
    p99: float | None = None
    stall: float | None = None  # the longest that /healthz had to wait meanwhile
    memory: float | None = None  # in KB: held, or for W6 more for each subscriber, or for W7 grown by


def medians(figures: Iterable[Figure]) -> list[Figure]:
    """One figure for each workload and contender, in the order in which they were first seen."""
    together: dict[tuple[str, str], list[Figure]] = {}
    for one in figures:
        together.setdefault((one.workload, one.contender), []).append(one)
    return [_median(some) for some in together.values()]


def _median(some: Sequence[Figure]) -> Figure:
    values: dict[str, Any] = {}
    for field in fields(Figure)[2:]:
        seen = [value for one in some if (value := asdict(one)[field.name]) is not None]
        values[field.name] = median(seen) if seen else None
    return Figure(some[0].workload, some[0].contender, **values)
