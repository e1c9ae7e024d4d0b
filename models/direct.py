"""An SQLite connection whose short statements run where they are asked for, and whose long ones run in a thread.

To hand a statement to a thread and its answer back costs five times what most statements take themselves. So inside a
transaction, where the file is ours and nobody is waited for, they run at once; a read that turns out to take long is
given up and begun again in the thread, and what writes much, waits for the lock or for the disk goes there at once.
To await what is there already lets nobody else have their turn, so whoever asks much in a row is made to. The event
loop is held for a few milliseconds at most.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from sys import getsizeof
from typing import Any, ParamSpec, TypeVar

from models.politeness import Politeness

P = ParamSpec("P")
T = TypeVar("T")
Found = tuple[int, Sequence[Any]]  # how many rows were changed, or else found, and these

PATIENCE = 0.003  # seconds that the event loop gives a read
_STEPS = 2_000  # of SQLite's virtual machine between two looks at the clock: some tens of microseconds
_VALUES = 100  # a statement with more of them touches many rows; so many rows are written in a millisecond
_LENGTH = 50_000  # bytes of one value
_CACHED = 512  # statements that stay prepared
_LOOK_AGAIN = 0.001  # seconds until the lock is asked for again: SQLite's own waits, of up to 100 ms, miss their turn
_PRIMARY = 0xFF  # an extended code says more in the higher bytes
log = logging.getLogger("tortoise.db_client")  # where every statement is told


class Direct:
    """One connection, for one user at a time. It speaks as aiosqlite's connections do, as far as Tortoise asks."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread
        self._away = asyncio.Lock()  # taken while the thread has the connection
        self._is_patient = True  # the statement that runs may take as long as it takes
        self._give_up_at: float | None = None  # when it may not; known once it has taken some steps
        self._politeness = Politeness()
        connection.set_progress_handler(self._is_impatient, _STEPS)

    @classmethod
    async def opened(cls, path: str, pragmas: Mapping[str, Any]) -> Direct:
        """The connection to this file. Raises what sqlite3 raises."""
        thread = ThreadPoolExecutor(1, "admit-sqlite")
        try:
            return cls(await in_thread(thread, _open, path, pragmas), thread)
        except BaseException:
            thread.shutdown(wait=False)
            raise

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open: SQLite itself rolls one back when the disk is full."""
        return self._connection.in_transaction

    @property
    def total_changes(self) -> int:
        """How many rows were ever changed."""
        return self._connection.total_changes

    async def execute_fetchall(self, sql: str, values: Sequence[Any] | None = None) -> Sequence[Any]:
        """What the statement answers."""
        return (await self.ask(sql, values or ()))[1]

    @property
    def is_due(self) -> bool:
        """Whether who asks now has asked much in a row."""
        return self._politeness.is_due()

    async def ask(self, sql: str, values: Sequence[Any]) -> Found:
        """How many rows the statement changed, or else found, and what it answers."""
        await self._turn()
        found = self.at_hand(sql, values)
        return await self._apart(_asked, self._connection, sql, values) if found is None else found

    def at_hand(self, sql: str, values: Sequence[Any]) -> Found | None:
        """The same, of a statement that takes little and waits for nobody; else nothing has been done."""
        if self._away.locked():
            return None
        if sql.startswith("SELECT"):
            if len(values) > _VALUES:  # however long they are: it is given up when it takes long
                return None
            self._is_patient = False
            try:
                rows = self._connection.execute(sql, values).fetchall()
            except sqlite3.OperationalError as given_up:
                if given_up.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                    raise
                return None
            finally:
                self._is_patient, self._give_up_at = True, None
            return len(rows), rows
        if self._connection.in_transaction and _is_short(values):  # it is not given up: that would undo the transaction
            return _asked(self._connection, sql, values)
        return None

    async def execute_insert(self, sql: str, values: Sequence[Any]) -> tuple[int | None]:
        """The key that the database gave the row, as the only item of a tuple."""
        await self._turn()
        if self.in_transaction and _is_short(values):
            return (self._connection.execute(sql, values).lastrowid,)
        return ((await self._apart(self._connection.execute, sql, values)).lastrowid,)

    async def execute(self, sql: str) -> None:
        """Run a statement that may take a while."""
        await self._apart(self._connection.execute, sql)

    def at_once(self, sql: str) -> None:
        """Run a statement that takes no time, such as one about a savepoint."""
        self._connection.execute(sql)

    async def at_leisure(self, sql: str) -> None:
        """The same, when nobody uses the connection in the thread."""
        await self._back()
        self.at_once(sql)

    async def executemany(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        """Run the statement with each of these values: a few at once, many in the thread."""
        rows = list(values)
        await self._turn()
        is_little = len(rows) * len(rows[0] if rows else ()) <= _VALUES and all(map(_is_short, rows))
        if is_little and self.in_transaction:
            self._connection.executemany(sql, rows)
        else:
            await self._apart(self._connection.executemany, sql, rows)

    async def each(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run the short statement with each of these values, in the transaction that is open, some at a time.

        In a thread it would ask for the interpreter's lock again after each row, and wait for whoever has it.
        """
        log.debug("%s: %s", sql, rows)
        for start in range(0, len(rows), _VALUES):
            await self._turn()
            self._connection.executemany(sql, rows[start : start + _VALUES])

    async def executescript(self, script: str) -> None:
        """Run the statements, after a COMMIT of sqlite3's own."""
        await self._apart(self._connection.executescript, script)

    async def begin(self) -> None:
        """Begin a transaction that holds the write lock, waiting for it as long as `busy_timeout` says."""
        ((milliseconds,),) = self._connection.execute("PRAGMA busy_timeout")
        ends_at = time.monotonic() + milliseconds / 1000
        self._connection.execute("PRAGMA busy_timeout=0")
        try:
            while not self._has_begun(ends_at):  # noqa: ASYNC110  nobody here knows when another process gives it back
                await asyncio.sleep(_LOOK_AGAIN)
        finally:
            self._connection.execute(f"PRAGMA busy_timeout={milliseconds}")

    def _has_begun(self, ends_at: float) -> bool:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as refused:
            if refused.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY or time.monotonic() >= ends_at:
                raise
            return False
        return True

    async def commit(self) -> None:
        """Have what was done on the disk."""
        await self._apart(self._connection.commit)

    async def rollback(self) -> None:
        """Undo what was done in the transaction."""
        await self._apart(self._connection.rollback)

    async def close(self) -> None:
        """End it, and its thread."""
        await self._apart(self._connection.close)
        self._thread.shutdown(wait=False)

    def _is_impatient(self) -> bool:
        if self._is_patient:
            return False
        now = time.monotonic()
        self._give_up_at = self._give_up_at or now + PATIENCE
        return now > self._give_up_at

    async def _turn(self) -> None:
        """Let others have theirs, if that is due, and wait for what is asked in the thread."""
        await self._politeness.pause()
        await self._back()

    async def _back(self) -> None:
        if self._away.locked():
            async with self._away:
                pass

    async def _apart(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        async with self._away:
            return await in_thread(self._thread, work, *args, **kwargs)


async def in_thread(thread: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do it in the thread, to its end even if the caller is cancelled: nobody else uses the connection meanwhile."""
    job = asyncio.get_running_loop().run_in_executor(thread, partial(work, *args, **kwargs))
    cancelled: asyncio.CancelledError | None = None
    while not job.done():
        try:
            await asyncio.wait({job})
        except asyncio.CancelledError as asked:
            cancelled = asked
    if cancelled is not None:
        job.exception()  # retrieved: who is cancelled does not hear of it
        raise cancelled
    return job.result()


def _open(path: str, pragmas: Mapping[str, Any]) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=_CACHED)
    connection.row_factory = sqlite3.Row
    for name, value in pragmas.items():
        connection.execute(f"PRAGMA {name}={value}")
    return connection


def _asked(connection: sqlite3.Connection, sql: str, values: Sequence[Any]) -> Found:
    cursor = connection.execute(sql, values)
    rows = cursor.fetchall() if cursor.description else []
    return len(rows) if cursor.rowcount < 0 else cursor.rowcount, rows


def _is_short(values: Sequence[Any]) -> bool:
    """Whether a statement with these values is one of little work."""
    return len(values) <= _VALUES and max(map(getsizeof, values), default=0) <= _LENGTH
