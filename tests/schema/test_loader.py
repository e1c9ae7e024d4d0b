"""Keys that are asked for one by one are looked up together, each once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

import errors
from schema.loader import Loader


class Shelf:
    """Where what is looked up is; it notes which keys were asked for at once, and waits until it may answer."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.open = asyncio.Event()

    async def take(self, keys: list[int]) -> Sequence[str | Exception]:
        """Text for what is positive."""
        self.asked.append(keys)
        await self.open.wait()
        return [f"number {key}" if key > 0 else errors.NotFound() for key in keys]


async def test_what_is_asked_for_in_one_turn_is_looked_up_at_once_and_once() -> None:
    shelf = Shelf()
    shelf.open.set()
    loader = Loader(shelf.take)

    found = await asyncio.gather(loader.load(1), loader.load(2), loader.load(1))
    later = await asyncio.gather(loader.load(2), loader.load(3))

    assert [*found, *later] == ["number 1", "number 2", "number 1", "number 2", "number 3"]
    assert shelf.asked == [[1, 2], [3]]


async def test_what_is_missing_is_so_for_those_alone_who_asked_for_it() -> None:
    shelf = Shelf()
    shelf.open.set()
    loader = Loader(shelf.take)

    missing, found = await asyncio.gather(loader.load(0), loader.load(1), return_exceptions=True)

    assert isinstance(missing, errors.NotFound)
    assert found == "number 1"


async def test_a_look_up_that_fails_fails_for_all_who_wait_for_it() -> None:
    async def fail(keys: list[int]) -> Sequence[str]:
        raise errors.Unavailable

    loader: Loader[int, str] = Loader(fail)

    told = await asyncio.gather(loader.load(1), loader.load(2), return_exceptions=True)

    assert [type(one) for one in told] == [errors.Unavailable] * 2


@pytest.mark.parametrize("looked_up", [False, True])
async def test_who_no_longer_waits_keeps_nobody_from_asking_again(looked_up: bool) -> None:
    shelf = Shelf()
    loader = Loader(shelf.take)
    gone, other = loader.load(1), loader.load(2)
    if looked_up:
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    gone.cancel()
    again = loader.load(1)
    shelf.open.set()

    assert (await again, await other) == ("number 1", "number 2")


async def test_what_is_wanted_for_many_is_looked_up_with_what_one_by_one_is_asked_for() -> None:
    shelf = Shelf()
    shelf.open.set()
    loader = Loader(shelf.take)

    one = loader.load(1)
    loader.want([2, 0, 1, 2])
    two = loader.load(2)
    await loader.filled()
    loader.want([2, 3])
    await loader.filled()

    assert (await one, await two, await loader.load(3)) == ("number 1", "number 2", "number 3")
    assert isinstance(loader.found[0], errors.NotFound)
    assert shelf.asked == [[1, 2, 0], [3]]


async def test_who_wants_what_is_being_looked_up_waits_for_it() -> None:
    shelf = Shelf()
    loader = Loader(shelf.take)
    one = loader.load(1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    loader.want([1])
    filled = asyncio.create_task(loader.filled())
    two = loader.load(2)
    await asyncio.sleep(0)
    shelf.open.set()
    await filled

    assert loader.found[1] == await one == "number 1"
    assert await two == "number 2"
    assert shelf.asked == [[1], [2]]


async def test_who_is_cancelled_while_looking_up_keeps_nobody_from_asking_again() -> None:
    shelf = Shelf()
    loader = Loader(shelf.take)
    loader.want([1])
    filled = asyncio.create_task(loader.filled())
    await asyncio.sleep(0)
    with_them = loader.load(1)

    filled.cancel()
    await asyncio.wait([filled])
    shelf.open.set()

    assert with_them.cancelled()
    assert await loader.load(1) == "number 1"
    assert shelf.asked == [[1], [1]]
