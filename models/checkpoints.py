"""Copying what was committed from SQLite's write-ahead log into its file, while others write on.

SQLite does that inside the COMMIT that makes the log long, and whoever waits for that one waits for two more fsyncs.
Here a connection of its own does it in its thread. It can copy no more than what was there when it began: under
constant load the log goes on growing, until a COMMIT finds it long after all (`wal_autocheckpoint`), copies the little
that is left, and the log begins anew. So it stays short, and what was acknowledged is on the disk at every moment.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress

from models.direct import Direct

ROWS = 1_000  # changed since the last time: some megabytes of log


class Checkpoints:
    """Looks after the log of one file, which `opened` gives a connection to."""

    def __init__(self, opened: Callable[[], Awaitable[Direct]]) -> None:
        self._opened = opened
        self._connection: Direct | None = None
        self._copying: asyncio.Task[None] | None = None
        self._seen = 0

    def after(self, changes: int) -> None:
        """A COMMIT has ended, and its connection has made so many changes in its life."""
        if changes - self._seen < ROWS or (self._copying and not self._copying.done()):
            return
        self._seen = changes
        self._copying = asyncio.create_task(self._copy())

    async def close(self) -> None:
        """Finish, and let go of the file."""
        if self._copying is not None:
            await self._copying
        if self._connection is not None:
            await self._connection.close()
        self._connection, self._seen = None, 0

    async def _copy(self) -> None:
        with suppress(sqlite3.Error):  # what could not be copied now is next time
            self._connection = self._connection or await self._opened()
            await self._connection.execute_fetchall("PRAGMA wal_checkpoint(PASSIVE)")
