"""Who asks for the same at the same time is answered by one look, which began after they asked."""

from __future__ import annotations

import asyncio

import pytest

from models.together import Together, moment


class Looked:
    """Looks when it is let: what it finds is the number of the look."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.let = asyncio.Semaphore(0)
        self.failure: Exception | None = None
        self.ask = Together(self.look)

    async def look(self, name: str) -> int:
        """One look."""
        self.begun.append(name)
        number = len(self.begun)
        await self.let.acquire()
        if self.failure:
            raise self.failure
        return number


@pytest.fixture
async def looked() -> Looked:
    """Nothing is looked for yet."""
    return Looked()


async def begin(looked: Looked, name: str = "key") -> asyncio.Task[int]:
    """Ask, as far as that goes at once."""
    asking = asyncio.create_task(looked.ask(name))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return asking


async def test_all_who_ask_meanwhile_are_answered_by_the_next_look(looked: Looked) -> None:
    asking = [await begin(looked) for _ in range(5)]
    assert looked.begun == ["key"]
    looked.let.release()
    looked.let.release()

    assert await asyncio.gather(*asking) == [1, 2, 2, 2, 2]
    assert looked.begun == ["key"] * 2


async def test_who_asks_when_the_next_look_has_begun_waits_for_another(looked: Looked) -> None:
    first, second = await begin(looked), await begin(looked)
    looked.let.release()
    await first
    while len(looked.begun) < 2:
        await asyncio.sleep(0)
    third = await begin(looked)
    looked.let.release()
    looked.let.release()

    assert (await second, await third) == (2, 3)


async def test_who_asks_between_two_looks_is_answered_by_the_second(looked: Looked) -> None:
    async def again() -> int:
        await looked.ask("key")
        return await looked.ask("key")  # the next look is to begin, and has not

    asking = asyncio.create_task(again())
    await asyncio.sleep(0)
    other = await begin(looked)
    looked.let.release()
    looked.let.release()

    assert (await asking, await other) == (2, 2)
    assert looked.begun == ["key"] * 2


async def test_nobody_waits_for_what_others_look_for(looked: Looked) -> None:
    ada, ben = await begin(looked, "ada"), await begin(looked, "ben")

    assert looked.begun == ["ada", "ben"]
    looked.let.release()
    looked.let.release()
    assert (await ada, await ben) == (1, 2)


@pytest.mark.parametrize("hangs_up", [0, 1])
async def test_who_hangs_up_takes_no_answer_from_the_others(looked: Looked, hangs_up: int) -> None:
    asking = [await begin(looked) for _ in range(3)]
    asking[hangs_up].cancel()
    for _ in range(2):
        looked.let.release()

    answers = await asyncio.gather(*asking, return_exceptions=True)

    assert isinstance(answers.pop(hangs_up), asyncio.CancelledError)
    assert answers[-1] == 2
    looked.let.release()
    assert await looked.ask("key") == 3


async def test_a_failure_is_told_to_all_who_waited_and_to_nobody_else(looked: Looked) -> None:
    looked.failure = RuntimeError("away")
    asking = [await begin(looked) for _ in range(3)]
    looked.let.release()

    assert await asyncio.gather(*asking, return_exceptions=True) == [looked.failure] * 3
    assert looked.begun == ["key"]
    looked.failure = None
    looked.let.release()
    assert await looked.ask("key") == 2


async def test_a_look_that_never_began_keeps_nobody_from_another(looked: Looked) -> None:
    asking = [await begin(looked) for _ in range(2)]
    for task in looked.ask._next.values():
        task.cancel()  # as the end of its loop does
    looked.let.release()
    await asyncio.gather(*asking, return_exceptions=True)

    looked.let.release()
    assert await looked.ask("key") == 2


async def test_who_came_before_a_look_began_is_answered_by_it(looked: Looked) -> None:
    for _ in range(3):
        looked.let.release()
    early = moment()
    assert await looked.ask("key") == 1

    late = moment()

    assert [await looked.ask("key", came) for came in (early, late, early, late)] == [1, 2, 2, 2]
    assert await looked.ask("other", early) == 3
    assert looked.begun == ["key", "key", "other"]


async def test_little_is_kept_of_what_was_found(looked: Looked) -> None:
    for number in range(250):
        looked.let.release()
        await looked.ask(f"key{number}")

    assert len(looked.ask._found) <= 100
