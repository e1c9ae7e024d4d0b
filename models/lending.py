"""Who uses which of PostgreSQL's connections next: who has waited longest, and the one that has just become free.

asyncpg's pool gives a free connection to whoever asks first, and who has waited for it goes to the end of the queue.
And to give one back to it and take it out again costs the event loop as much as a short transaction's statements do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from models.asking import is_gone, is_loss
from models.outages import outages


class Lender:
    """Lends `most` connections, which it asks the pool for by `take` and gives back by `release` when nobody waits.

    `seconds` bounds how long a request waits for one.
    """

    def __init__(
        self,
        take: Callable[[], Awaitable[Any]],
        release: Callable[[Any, BaseException | None], Awaitable[None]],
        most: int,
        seconds: float | None,
    ) -> None:
        self._take, self._release, self._seconds = take, release, seconds
        self.left = most
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._trusted: set[Any] = set()  # those lent that were taken since one was last lost

    async def borrow(self) -> Any:
        """A connection that is open, as far as anybody knows. Raises Unavailable when none can be had in time."""
        ends_at = None if self._seconds is None else asyncio.get_running_loop().time() + self._seconds
        with outages():
            if self.left:
                self.left -= 1
            elif (connection := await self._turn(ends_at)) is not None:
                return connection
            try:
                async with asyncio.timeout_at(ends_at):
                    connection = await self._take()
            except BaseException:
                self._pass_on()
                raise
        self._trusted.add(connection)
        return connection

    async def give_back(self, connection: Any, failure: BaseException | None = None, *, is_idle: bool = True) -> None:
        """Let others use the connection, unless this failure says that it is lost: then none of its age is trusted.

        One that is not surely idle, or that has failed, is the pool's to look at before anybody has it.
        """
        if failure is None and is_idle and connection in self._trusted and not _is_busy(connection):
            turn = self._next()
            if turn is not None:
                turn.set_result(connection)
                return
        if is_loss(failure):
            self._trusted.clear()
        self._trusted.discard(connection)
        try:
            await self._release(connection, failure)
        finally:
            self._pass_on()

    async def _turn(self, ends_at: float | None) -> Any:
        """A connection that somebody gives back; None for one of the pool's."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(turn)
        timer = None if ends_at is None else loop.call_at(ends_at, _late, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:  # it had come already
                await self._hand_on(turn.result())
            raise
        finally:
            if timer is not None:
                timer.cancel()

    async def _hand_on(self, connection: Any) -> None:
        if connection is None:
            self._pass_on()
        else:
            await self.give_back(connection)

    def _pass_on(self) -> None:
        """Let the next one who waits ask the pool."""
        turn = self._next()
        if turn is None:
            self.left += 1
        else:
            turn.set_result(None)

    def _next(self) -> asyncio.Future[Any] | None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else they hung up, or it took too long
                return turn
        return None


def _is_busy(connection: Any) -> bool:
    return is_gone(connection) or bool(connection.is_in_transaction())


def _late(turn: asyncio.Future[Any]) -> None:
    if not turn.done():
        turn.set_exception(TimeoutError())
