"""Waiting for many resolvers at once, without a task for each where none is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from types import CoroutineType
from typing import Any

_IN_A_ROW = 500  # that are run before others get their turn
_Running = tuple[int, Coroutine[Any, Any, Any]]
Started = tuple[Any, bool]  # a value or a coroutine, and whether the coroutine waits for loaders alone


async def settled(started: Sequence[Started]) -> list[Any]:
    """The results in order; what was raised is among them.

    A coroutine that waits for loaders alone is run by hand from one future to the next: all the loads of a level are
    then asked for in one turn of the loop. Every other one gets a task of its own, for it may rely on having one.
    """
    if len(started) == 1 and not started[0][1]:
        return [await _alone(started[0][0])]
    results: list[Any] = [value for value, _ in started]
    coroutines = [(at, value, by_hand) for at, (value, by_hand) in enumerate(started) if type(value) is CoroutineType]
    tasks = {at: asyncio.create_task(value) for at, value, by_hand in coroutines if not by_hand}
    running: list[_Running] = [(at, value) for at, value, by_hand in coroutines if by_hand]
    try:
        while running:
            running = await _one_step(running, results)
        for at, result in zip(tasks, await asyncio.gather(*tasks.values(), return_exceptions=True), strict=True):
            if isinstance(result, BaseException) and not isinstance(result, Exception):
                raise result
            results[at] = result
    except BaseException:
        for _, coroutine in running:
            coroutine.close()
        for task in tasks.values():
            task.cancel()
        raise
    return results


async def _alone(value: Any) -> Any:
    try:
        return await value if type(value) is CoroutineType else value
    except Exception as failure:
        return failure


async def _one_step(running: Sequence[_Running], results: list[Any]) -> list[_Running]:
    """Run each until it waits; those that do, once what they wait for is there."""
    left, futures = [], []
    for number, (at, coroutine) in enumerate(running, 1):
        if not number % _IN_A_ROW:
            await asyncio.sleep(0)
        try:
            future = coroutine.send(None)
        except StopIteration as done:
            results[at] = done.value
        except Exception as failure:
            results[at] = failure
        else:
            left.append((at, coroutine))
            if future is not None:
                future._asyncio_future_blocking = False  # noqa: SLF001  as a task does that takes over the waiting
                futures.append(future)
    for future in futures:
        if not future.done():
            await asyncio.wait([future])
    if left and not futures:
        await asyncio.sleep(0)
    return left
