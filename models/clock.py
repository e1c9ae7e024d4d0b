"""The time, always UTC and aware, from one place that tests replace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

_system = partial(datetime.now, UTC)
_source: Callable[[], datetime] = _system


def now() -> datetime:
    """The present moment, as this installation sees it."""
    return _source()


def use(source: Callable[[], datetime] | None) -> None:
    """Read the time from `source` from now on; None goes back to the system's clock."""
    global _source  # noqa: PLW0603  one process, one clock
    _source = source or _system
