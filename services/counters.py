"""Where budgets are counted: in this process's memory; services/shared_counters.py counts for several processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import errors

_SWEEP_AT = 10_000  # counters in memory before the lapsed ones are thrown away


class Budget(NamedTuple):
    """So many failures of one subject in a window; after those that are `free`, each makes the next wait twice as long.

    `key` names the subject. Delays are at most as long as the window.
    """

    key: str
    most: int
    window: float
    free: int | None = None


class Elsewhere(Exception):
    """What is counted is not in this process: it takes waiting."""


class Counters(Protocol):
    """Counts failures in fixed windows, and how full buckets are that leak all the time."""

    async def spend(self, budgets: Sequence[Budget], *, count: bool = True) -> float:
        """Count one failure against each, and answer 0; or count nothing and answer the seconds to wait."""

    async def refund(self, budgets: Sequence[Budget]) -> None:
        """Take one failure back from each; where failures delay, forget them all."""

    async def pour(self, key: str, seconds: float, depth: float) -> tuple[float, float]:
        """Pour what takes so many seconds to leak into a bucket so deep; nothing if it would run over.

        Answers the seconds to wait, 0 when it was poured, and how many seconds' worth are in the bucket now.
        """

    def pour_at_once(self, key: str, seconds: float, depth: float) -> tuple[float, float]:
        """The same, if nobody has to wait for it. Raises Elsewhere."""


@dataclass
class _Count:
    until: float
    failures: int = 0
    held_until: float = 0.0


class Memory:
    """Counts in this process, by a monotonic clock."""

    def __init__(self, tick: Callable[[], float] = time.monotonic) -> None:
        self._tick = tick
        self._counts: dict[str, _Count] = {}
        self._empty_at: dict[str, float] = {}

    async def spend(self, budgets: Sequence[Budget], *, count: bool = True) -> float:
        """See Counters."""
        now = self._tick()
        wait = max([self._wait(budget, now) for budget in budgets], default=0.0)
        if wait or not count:
            return wait
        if len(self._counts) > _SWEEP_AT:
            self._counts = {key: seen for key, seen in self._counts.items() if now < seen.until}
        for budget in budgets:
            seen = self._seen(budget, now)
            seen.failures += 1
            self._counts[budget.key] = seen
            if budget.free is not None and seen.failures >= budget.free:
                seen.held_until = now + min(2.0 ** (seen.failures - budget.free), budget.window)
        return 0.0

    def _wait(self, budget: Budget, now: float) -> float:
        seen = self._counts.get(budget.key)
        if seen is None or now >= seen.until:
            return 0.0 if budget.most else budget.window
        spent = seen.until - now if seen.failures >= budget.most else 0.0
        return max(spent, seen.held_until - now, 0.0)

    def _seen(self, budget: Budget, now: float) -> _Count:
        seen = self._counts.get(budget.key)
        return seen if seen and now < seen.until else _Count(now + budget.window)

    async def refund(self, budgets: Sequence[Budget]) -> None:
        """See Counters."""
        for budget in budgets:
            seen = self._counts.get(budget.key)
            if seen and (budget.free is not None or seen.failures <= 1):
                del self._counts[budget.key]
            elif seen:
                seen.failures -= 1

    async def pour(self, key: str, seconds: float, depth: float) -> tuple[float, float]:
        """See Counters."""
        return self.pour_at_once(key, seconds, depth)

    def pour_at_once(self, key: str, seconds: float, depth: float) -> tuple[float, float]:
        """See Counters."""
        now = self._tick()
        if len(self._empty_at) > _SWEEP_AT:
            self._empty_at = {key: at for key, at in self._empty_at.items() if now < at}
        level = max(self._empty_at.get(key, now) - now, 0.0)
        if level + seconds > depth:
            return level + seconds - depth, level
        self._empty_at[key] = now + level + seconds
        return 0.0, level + seconds


class Fallback:
    """Counts with the first, and with the second while the first is away."""

    def __init__(self, first: Counters, second: Counters) -> None:
        self._first, self._second = first, second

    async def spend(self, budgets: Sequence[Budget], *, count: bool = True) -> float:
        """See Counters."""
        try:
            return await self._first.spend(budgets, count=count)
        except errors.Unavailable:
            return await self._second.spend(budgets, count=count)

    async def refund(self, budgets: Sequence[Budget]) -> None:
        """See Counters."""
        try:
            await self._first.refund(budgets)
        except errors.Unavailable:
            await self._second.refund(budgets)

    async def pour(self, key: str, seconds: float, depth: float) -> tuple[float, float]:
        """See Counters."""
        try:
            return await self._first.pour(key, seconds, depth)
        except errors.Unavailable:
            return await self._second.pour(key, seconds, depth)

    def pour_at_once(self, key: str, seconds: float, depth: float) -> tuple[float, float]:
        """See Counters."""
        return self._first.pour_at_once(key, seconds, depth)
