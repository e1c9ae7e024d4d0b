"""Passwords are hashed with argon2id off the event loop, and a missing person costs as much as a wrong password."""

from __future__ import annotations

import asyncio
import time

import pytest

import errors
from services.passwords import Passwords

CHEAP = Passwords(time_cost=1, memory_cost=8)
COSTLY = Passwords(time_cost=8, memory_cost=16_384)


async def test_recognises_the_password_it_hashed() -> None:
    stored = await CHEAP.hash("correct horse battery")

    answer = await CHEAP.verify(stored, "correct horse battery")

    assert answer is True


async def test_stores_argon2id_with_the_cost_it_was_given() -> None:
    stored = await Passwords(time_cost=3, memory_cost=64, parallelism=2).hash("correct horse battery")

    kind, version, cost = stored.split("$")[1:4]

    assert (kind, version, cost) == ("argon2id", "v=19", "m=64,t=3,p=2")


async def test_hashes_the_same_password_differently_each_time() -> None:
    first = await CHEAP.hash("correct horse battery")

    second = await CHEAP.hash("correct horse battery")

    assert first != second


@pytest.mark.parametrize(
    "password",
    [
        "",
        "Correct horse battery",
        "correct horse batter",
        "correct horse battery ",
        "correct horse battery\0",
        "\ud800",
    ],
)
async def test_refuses_another_password(password: str) -> None:
    stored = await CHEAP.hash("correct horse battery")

    answer = await CHEAP.verify(stored, password)

    assert answer is False


async def test_accepts_the_same_letters_composed_differently() -> None:
    stored = await CHEAP.hash("caf\u00e9 au lait")

    answer = await CHEAP.verify(stored, "cafe\u0301 au lait")

    assert answer is True


async def test_still_verifies_a_hash_made_at_another_cost() -> None:
    stored = await Passwords(time_cost=2, memory_cost=16).hash("correct horse battery")

    answer = await CHEAP.verify(stored, "correct horse battery")

    assert answer is True


@pytest.mark.parametrize("password", ["", "correct horse battery", "x" * 100_000])
@pytest.mark.parametrize(
    "stored", [None, "", "not a hash", "$argon2id$v=19$m=8,t=1,p=1$", "$2b$12$abcdefghijklmnopqrstuv", "é"]
)
async def test_says_no_where_there_is_no_hash_to_compare_with(stored: str | None, password: str) -> None:
    answer = await CHEAP.verify(stored, password)

    assert answer is False


async def test_refuses_more_than_the_maximum_even_if_it_was_once_stored() -> None:
    stored = await CHEAP.hash("x" * 201)

    answer = await CHEAP.verify(stored, "x" * 201)

    assert answer is False


@pytest.mark.parametrize(("known", "password"), [(False, "wrong horse battery"), (True, "x" * 100_000)])
async def test_a_missing_person_and_an_endless_password_cost_what_a_wrong_one_does(known: bool, password: str) -> None:
    stored = await COSTLY.hash("correct horse battery")

    async def least_work(hash: str | None, password: str) -> float:
        times = []
        for _ in range(3):
            start = time.process_time()  # the work, however busy the machine is
            await COSTLY.verify(hash, password)
            times.append(time.process_time() - start)
        return min(times)

    wrong = await least_work(stored, "wrong horse battery")
    absent = await least_work(stored if known else None, password)

    assert absent > wrong / 2


async def test_the_event_loop_goes_on_while_a_password_is_hashed() -> None:
    hashing = asyncio.create_task(COSTLY.hash("correct horse battery"))

    turns = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        turns += 1

    assert turns > 3


@pytest.mark.parametrize("password", ["x" * 10, "x" * 200, "\N{GRINNING FACE}" * 10])
def test_allows_a_password_between_the_limits(password: str) -> None:
    CHEAP.check(password)


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("", "Choose a password of at least 10 characters."),
        ("x" * 9, "Choose a password of at least 10 characters."),
        ("x" * 201, "Choose a password of at most 200 characters."),
    ],
)
def test_refuses_a_password_outside_the_limits(password: str, sentence: str) -> None:
    with pytest.raises(errors.PasswordTooWeak) as refusal:
        CHEAP.check(password)

    assert refusal.value.text == sentence
