"""Looking once for all who ask the same at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

_KEPT = 100  # of what was found last
_moments = count()


def moment() -> int:
    """A moment, later than all before."""
    return next(_moments)


class Together(Generic[K, T]):
    """Who asks is answered by a look that began after their request had come, with all others whose had come by then.

    So nobody is answered by what was found before they asked. What a look fails with is told to all who waited for it,
    too: when the database is away, they need not wait for it twice.
    """

    def __init__(self, look: Callable[[K], Awaitable[T]]) -> None:
        self._look = look
        self._looking: dict[K, asyncio.Future[Exception | None]] = {}
        self._next: dict[K, asyncio.Task[T]] = {}  # these have not begun to look
        self._found: dict[K, tuple[int, T]] = {}  # when a look began, and what there was

    async def __call__(self, asked: K, came: int | None = None) -> T:
        """What there is; `came` is the moment when the request had come, if that was before now."""
        if came is not None and asked in self._found:
            began, found = self._found[asked]
            if came < began:
                return found
        task = self._next.get(asked)
        if task is None:
            looking = self._looking.get(asked)
            if looking is None:
                return await self._now(asked)
            task = self._next[asked] = asyncio.create_task(self._after(looking, asked))
        return await asyncio.shield(task)

    async def _after(self, looking: asyncio.Future[Exception | None], asked: K) -> T:
        try:
            await asyncio.wait([looking])
        finally:  # nobody joins it any more, also if the loop ends
            del self._next[asked]
        if failure := looking.result():
            raise failure
        return await self._now(asked)

    async def _now(self, asked: K) -> T:
        looking = self._looking[asked] = asyncio.get_running_loop().create_future()
        began = moment()
        failure: Exception | None = None
        try:
            found = await self._look(asked)
        except Exception as raised:
            failure = raised
            raise
        finally:
            del self._looking[asked]
            looking.set_result(failure)
        if len(self._found) >= _KEPT:
            self._found.clear()
        self._found[asked] = began, found
        return found
