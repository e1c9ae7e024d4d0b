"""Budgets for guessing: so many wrong codes or passwords in a window, then nothing is looked at until it has passed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import errors

_SWEEP_AT = 10_000  # counters kept before the lapsed ones are thrown away


class Guesses:
    """Counts failures per subject in fixed windows of `window` seconds, in this process's memory, by a monotonic clock.

    `budgets` says how many failures each kind of subject may have.
    """

    def __init__(self, budgets: Mapping[str, int], window: float, tick: Callable[[], float] = time.monotonic) -> None:
        self._budgets = budgets
        self._window = window
        self._tick = tick
        self._failed: dict[tuple[str, str], tuple[float, int]] = {}

    def check(self, **subjects: str) -> None:
        """Raise RateLimited when one of the subjects (`address="…"`, `task="…"`) has spent its budget."""
        now = self._tick()
        for subject in subjects.items():
            since, count = self._failed.get(subject, (now, 0))
            if count >= self._budgets[subject[0]] and now < since + self._window:
                raise errors.RateLimited(int(since + self._window - now) + 1)

    def failed(self, **subjects: str) -> None:
        """Count one wrong guess against each subject."""
        now = self._tick()
        if len(self._failed) > _SWEEP_AT:
            self._failed = {key: seen for key, seen in self._failed.items() if now < seen[0] + self._window}
        for subject in subjects.items():
            since, count = self._failed.get(subject, (now, 0))
            self._failed[subject] = (since, count + 1) if now < since + self._window else (now, 1)

    def forgive(self, **subjects: str) -> None:
        """Take back one guess that was counted before it proved right."""
        for subject in subjects.items():
            since, count = self._failed.get(subject, (0.0, 0))
            if count:
                self._failed[subject] = (since, count - 1)
