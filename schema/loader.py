"""One of the loaders: keys that are asked for one by one are looked up together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class Loader(Generic[K, T]):
    """Asks `batch` for all keys of one turn of the event loop, and for each key once."""

    def __init__(self, batch: Callable[[list[K]], Awaitable[Sequence[T | Exception]]]) -> None:
        self._batch = batch
        self.found: dict[K, T | Exception] = {}
        self._wanted: list[K] = []
        self._open: dict[K, asyncio.Future[T] | None] = {}  # what is wanted or being looked up, with who waits for it
        self._will_begin = False
        self._tasks: list[asyncio.Task[None]] = []

    def load(self, key: K) -> asyncio.Future[T]:
        """What there is for the key; it raises the exception that is there instead."""
        waiting = self._open.get(key)
        if waiting is None or waiting.cancelled():  # with whoever waited for it
            loop = asyncio.get_running_loop()
            waiting = loop.create_future()
            if key in self.found:
                _settle(waiting, self.found[key])
                return waiting
            self.want([key])
            self._open[key] = waiting
            if not self._will_begin:
                self._will_begin = True
                loop.call_soon(self._begin)
        return waiting

    def want(self, keys: Iterable[K]) -> None:
        """Look these up, too, the next time; after `filled` they are among what was found."""
        new = [key for key in dict.fromkeys(keys) if key not in self.found and key not in self._open]
        self._open |= dict.fromkeys(new)
        self._wanted += new

    async def filled(self) -> None:
        """Look up whatever is wanted, and wait for what is being looked up."""
        await self._fill()
        if tasks := [one for one in self._tasks if not one.done()]:
            await asyncio.wait(tasks)

    def _begin(self) -> None:
        self._will_begin = False
        if self._wanted:
            self._tasks.append(asyncio.create_task(self._fill()))

    async def _fill(self) -> None:
        keys, self._wanted = self._wanted, []
        if not keys:
            return
        answers: Sequence[T | Exception]
        try:
            answers = await self._batch(keys)
        except Exception as failure:
            answers = [failure] * len(keys)
        except BaseException:
            self._forget(keys)
            raise
        for key, answer in zip(keys, answers, strict=True):
            self.found[key] = answer
            waiting = self._open.pop(key)
            if waiting is not None and not waiting.cancelled():
                _settle(waiting, answer)

    def _forget(self, keys: Sequence[K]) -> None:
        """Whoever looked these up is cancelled, and with them who waits for it: others may ask again."""
        for key in keys:
            waiting = self._open.pop(key)
            if waiting is not None:
                waiting.cancel()


def _settle(waiting: asyncio.Future[T], answer: T | Exception) -> None:
    if isinstance(answer, Exception):
        waiting.set_exception(answer)
    else:
        waiting.set_result(answer)
