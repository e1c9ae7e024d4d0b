"""Looking once for all who ask the same at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Together(Generic[P, T]):
    """Who asks while somebody looks for the same is answered by the next look, with all others who wait for it.

    So nobody is answered by what was found before they asked. What that look fails with is told to them, too: when
    the database is away, they need not wait for it twice.
    """

    def __init__(self, look: Callable[P, Awaitable[T]]) -> None:
        self._look = look
        self._looking: dict[Hashable, asyncio.Future[Exception | None]] = {}
        self._next: dict[Hashable, asyncio.Task[T]] = {}  # these have not begun to look

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """What there is."""
        asked = (args, *kwargs.items())
        task = self._next.get(asked)
        if task is None:
            looking = self._looking.get(asked)
            if looking is None:
                return await self._now(asked, *args, **kwargs)
            task = self._next[asked] = asyncio.create_task(self._after(looking, asked, *args, **kwargs))
        return await asyncio.shield(task)

    async def _after(
        self, looking: asyncio.Future[Exception | None], asked: Hashable, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        try:
            await asyncio.wait([looking])
        finally:  # nobody joins it any more, also if the loop ends
            del self._next[asked]
        if failure := looking.result():
            raise failure
        return await self._now(asked, *args, **kwargs)

    async def _now(self, asked: Hashable, *args: P.args, **kwargs: P.kwargs) -> T:
        looking = self._looking[asked] = asyncio.get_running_loop().create_future()
        failure: Exception | None = None
        try:
            return await self._look(*args, **kwargs)
        except Exception as raised:
            failure = raised
            raise
        finally:
            del self._looking[asked]
            looking.set_result(failure)
