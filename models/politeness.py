"""Who asks a database much in a row lets others have their turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from weakref import ref

TURN = 0.008  # seconds that the event loop gives one task's statements in a row, with what the task does between them


class Politeness:
    """Of whoever asks one connection."""

    def __init__(self) -> None:
        self._asker: Callable[[], object] = _nobody  # the task that asked last, if it is still there
        self._pause_at = 0.0  # when it has asked enough without giving others their turn

    def is_due(self) -> bool:
        """Whether the running task, which asks now, has asked enough."""
        asker, now = asyncio.current_task(), time.monotonic()
        if asker is None or asker is not self._asker():
            self._asker, self._pause_at = ref(asker) if asker else _nobody, now + TURN
        return now > self._pause_at

    async def pause(self) -> None:
        """Let others have their turn, if that is due: before the connection is taken, not in between."""
        if self.is_due():
            await asyncio.sleep(0)
            self._asker = _nobody


def after(seconds: float) -> float:
    """When they will have passed."""
    return time.monotonic() + seconds


def is_past(moment: float) -> bool:
    """Whether they have."""
    return time.monotonic() > moment


def _nobody() -> None:
    """Stands for a task that is gone."""
