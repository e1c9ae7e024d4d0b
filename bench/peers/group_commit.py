"""The raw limit of durable writes on SQLite: whatever waits is committed at once by one thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

Work = Callable[[sqlite3.Connection], bytes]
Waiting = tuple[Work, asyncio.Future[bytes]]

PRAGMAS = (
    "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000", "cache_size=-65536",
    "mmap_size=268435456", "temp_store=MEMORY",
)  # fmt: skip
_AT_ONCE = 512


def connected(path: str) -> sqlite3.Connection:
    """A connection with the same pragmas as Admit's."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


class Writer(Thread):
    """Does what it is given, and answers once that is on the disk."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self._path = path
        self._queue: SimpleQueue[Waiting] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def do(self, work: Work) -> bytes:
        """What the work answers, when its commit is durable."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._queue.put((work, answer))
        return await answer

    def run(self) -> None:
        """The thread's life."""
        connection = connected(self._path)
        while True:
            batch = [self._queue.get()]
            try:
                while len(batch) < _AT_ONCE:
                    batch.append(self._queue.get_nowait())
            except Empty:
                pass
            answers = [answer for _, answer in batch]
            connection.execute("BEGIN IMMEDIATE")
            try:
                done = [work(connection) for work, _ in batch]
                connection.execute("COMMIT")
            except Exception as wrong:  # nobody asks for what fails: no savepoints are spent on it
                connection.execute("ROLLBACK")
                self._tell(_refuse, answers, wrong)
            else:
                self._tell(_answer, answers, done)

    def _tell(self, how: Callable[..., None], *what: Any) -> None:
        if self._loop:
            self._loop.call_soon_threadsafe(how, *what)


def _answer(answers: list[asyncio.Future[bytes]], bodies: list[bytes]) -> None:
    for answer, body in zip(answers, bodies, strict=True):
        if not answer.done():
            answer.set_result(body)


def _refuse(answers: list[asyncio.Future[bytes]], why: Exception) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(why)
