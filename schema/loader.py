"""One of the loaders: keys that are asked for one by one are looked up together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class Loader(Generic[K, T]):
    """Asks `batch` for all keys of one turn of the event loop, and for each key once."""

    def __init__(self, batch: Callable[[list[K]], Awaitable[Sequence[T | Exception]]]) -> None:
        self._batch = batch
        self._known: dict[K, asyncio.Future[T]] = {}
        self._wanted: dict[K, asyncio.Future[T]] = {}

    def load(self, key: K) -> asyncio.Future[T]:
        """What there is for the key; it raises the exception that is there instead."""
        found = self._known.get(key)
        if found is None or found.cancelled():  # with whoever waited for it
            loop = asyncio.get_running_loop()
            if not self._wanted:
                loop.call_soon(self._begin)
            found = self._known[key] = self._wanted[key] = loop.create_future()
        return found

    def _begin(self) -> None:
        wanted, self._wanted = self._wanted, {}
        self._task = asyncio.create_task(self._fill(wanted))

    async def _fill(self, wanted: Mapping[K, asyncio.Future[T]]) -> None:
        answers: Sequence[T | Exception]
        try:
            answers = await self._batch(list(wanted))
        except Exception as failure:
            answers = [failure] * len(wanted)
        for future, answer in zip(wanted.values(), answers, strict=True):
            if future.cancelled():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
