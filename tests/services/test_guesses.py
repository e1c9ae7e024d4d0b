"""Budgets for guessing and the bucket of cost: in memory, in Redis, with several processes, and with Redis away."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from starlette.applications import Starlette

import errors
from models import ANONYMOUS, Actor, ActorKind, chance
from services import accounts
from services.bucket import Bucket, Standing
from services.counters import Budget, Counters, Fallback, Memory
from services.guesses import Allowance, Guesses, network
from services.shared_counters import Shared
from tests.conftest import REDIS
from tests.hall import site_of
from tests.redis_server import Redis, needs_redis, running_redis
from tests.world import PASSWORD, Door

ROOT = Path(__file__).parent.parent.parent


class Tick:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def port() -> int:
    """A port that nothing listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number: int = listener.getsockname()[1]
        return number


@asynccontextmanager
async def some_redis(port: int) -> AsyncIterator[Redis]:
    """The one that the tests are given, or one of their own."""
    if REDIS:
        yield Redis(int(REDIS.rpartition(":")[2].partition("/")[0]))
        return
    async with running_redis(port) as made:
        yield made


@pytest.fixture
async def redis(port: int) -> AsyncIterator[Redis]:
    """A Redis."""
    async with some_redis(port) as made:
        yield made


@asynccontextmanager
async def shared(redis: Redis, namespace: str | None = None) -> AsyncIterator[Shared]:
    """Counters in it."""
    made = Shared(redis.url, namespace or f"test:{uuid4()}")
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture(params=["memory", pytest.param("redis", marks=needs_redis)])
async def counters(request: pytest.FixtureRequest, port: int) -> AsyncIterator[Counters]:
    """Each kind of counters."""
    if request.param == "memory":
        yield Memory()
        return
    async with some_redis(port) as redis, shared(redis) as made:
        yield made


def guesses(counters: Counters, **most: int) -> Guesses:
    """Budgets per kind, in windows of ten minutes."""
    allowances = {kind: Allowance(count, strict=True) for kind, count in most.items()}
    return Guesses(counters, counters, allowances, 600)


async def test_so_many_guesses_and_then_a_wait(counters: Counters) -> None:
    budget = guesses(counters, address=3)
    for _ in range(3):
        await budget.spend(address="192.0.2.1")

    with pytest.raises(errors.RateLimited) as refused:
        await budget.spend(address="192.0.2.1")

    assert 590 <= refused.value.retry_after <= 600
    await budget.spend(address="192.0.2.2")


async def test_each_subject_of_a_guess_has_its_budget_and_a_refused_guess_counts_against_none(
    counters: Counters,
) -> None:
    budget = guesses(counters, address=100, task=2, whole=3)
    for address in ("192.0.2.1", "192.0.2.2"):
        await budget.spend(address=address, task="a", whole="")

    for _ in range(5):
        with pytest.raises(errors.RateLimited):
            await budget.spend(address="192.0.2.3", task="a", whole="")
    await budget.spend(address="192.0.2.3", task="b", whole="")
    with pytest.raises(errors.RateLimited):
        await budget.spend(address="192.0.2.4", task="c", whole="")


async def test_looking_counts_nothing(counters: Counters) -> None:
    budget = guesses(counters, address=1)

    for _ in range(3):
        await budget.check(address="192.0.2.1")
    await budget.spend(address="192.0.2.1")

    with pytest.raises(errors.RateLimited):
        await budget.check(address="192.0.2.1")


async def test_of_a_crowd_of_guesses_only_so_many_are_counted(counters: Counters) -> None:
    budget = guesses(counters, address=20)

    answers = await asyncio.gather(*(budget.spend(address="192.0.2.1") for _ in range(60)), return_exceptions=True)

    assert sum(answer is None for answer in answers) == 20


async def test_a_guess_that_proved_right_is_taken_back(counters: Counters) -> None:
    budget = guesses(counters, address=1)

    for _ in range(3):
        await budget.spend(address="192.0.2.1")
        await budget.refund(address="192.0.2.1")
    await budget.refund(address="192.0.2.1")
    await budget.spend(address="192.0.2.1")

    with pytest.raises(errors.RateLimited):
        await budget.spend(address="192.0.2.1")


async def test_a_budget_of_nothing_allows_nothing(counters: Counters) -> None:
    with pytest.raises(errors.RateLimited):
        await guesses(counters, address=0).spend(address="192.0.2.1")


async def test_a_window_ends_however_the_clock_on_the_wall_is_turned() -> None:
    tick = Tick()
    budget = guesses(Memory(tick), address=1)
    await budget.spend(address="192.0.2.1")

    tick.time += 599.5
    with pytest.raises(errors.RateLimited) as refused:
        await budget.spend(address="192.0.2.1")
    tick.time += 0.5

    assert refused.value.retry_after == 1
    await budget.spend(address="192.0.2.1")


async def test_lapsed_counters_do_not_stay_in_memory() -> None:
    tick = Tick()
    memory = Memory(tick)
    for number in range(10_001):
        await memory.spend([Budget(str(number), 1, 600)])
        await memory.pour(str(number), 1, 10)

    tick.time += 601
    await memory.spend([Budget("new", 1, 600)])
    await memory.pour("new", 1, 10)

    assert (len(memory._counts), len(memory._empty_at)) == (1, 1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::1", True),
        ("unix:", "", False),
    ],
)
def test_a_caller_is_as_many_addresses_as_one_has(one: str, other: str, same: bool) -> None:
    assert (network(one) == network(other)) is same


# ---- failed log-ins -------------------------------------------------------------------------------------------------


async def test_each_failed_log_in_after_the_third_makes_the_next_wait_twice_as_long() -> None:
    tick, waits = Tick(), []
    memory = Memory(tick)
    budget = Guesses(memory, memory, {"log_in_email": Allowance(8, 3)}, 600)
    for _ in range(3):
        await budget.spend(log_in_email="olive@example.org")

    for _ in range(5):
        with pytest.raises(errors.RateLimited) as refused:
            await budget.spend(log_in_email="olive@example.org")
        waits.append(refused.value.retry_after)
        tick.time += refused.value.retry_after
        await budget.spend(log_in_email="olive@example.org")
    with pytest.raises(errors.RateLimited) as spent:
        await budget.spend(log_in_email="olive@example.org")

    assert waits == [1, 2, 4, 8, 16]
    assert spent.value.retry_after == 600 - sum(waits)


@needs_redis
async def test_redis_delays_in_the_same_steps(redis: Redis) -> None:
    async with shared(redis) as counters:
        budgets = [Budget(f"key{free}", 10, 600, free) for free in (1, 0)]

        waits = [await counters.spend([budget]) for budget in budgets]
        waits += [await counters.spend([budget]) for budget in budgets]
        await counters.refund(budgets[:1])

        assert waits[:2] == [0, 0]
        assert 0.5 < waits[2] <= 1 < waits[3] <= 2
        assert await counters.spend(budgets[:1]) == 0


@pytest.mark.parametrize("known", [True, False])
async def test_who_fails_to_log_in_waits_whether_or_not_the_address_is_known(
    app: Starlette, door: Door, known: bool
) -> None:
    tick = Tick()
    memory = Memory(tick)
    allowances = {"log_in_address": Allowance(100), "log_in_email": Allowance(10, 3)}
    site = replace(site_of(app), guesses=Guesses(memory, memory, allowances, 600))
    email = (await door.sign_up()).known["member"]["email"] if known else "nobody@example.org"
    for _ in range(3):
        with pytest.raises(errors.CredentialsWrong):
            await accounts.log_in(site, "192.0.2.1", email, "a wrong password")

    with pytest.raises(errors.RateLimited) as refused:
        await accounts.log_in(site, "192.0.2.2", email, PASSWORD)
    tick.time += 1

    assert refused.value.retry_after == 1
    if not known:
        with pytest.raises(errors.CredentialsWrong):
            await accounts.log_in(site, "192.0.2.2", email, PASSWORD)
        return
    assert (await accounts.log_in(site, "192.0.2.2", email, PASSWORD)).member.email == email
    for _ in range(3):  # and the delay begins anew
        with pytest.raises(errors.CredentialsWrong):
            await accounts.log_in(site, "192.0.2.1", email, "a wrong password")


# ---- the bucket of cost ---------------------------------------------------------------------------------------------


def program() -> Actor:
    """Somebody with a credential."""
    return Actor(ActorKind.API_KEY, "key_1", chance.new_id(), credential_id=chance.new_id())


async def test_a_bucket_holds_so_much_for_each_credential(counters: Counters) -> None:
    bucket, one, other = Bucket(counters, 100, 1), program(), program()

    standings = [await bucket.charge(one, "192.0.2.1", 60), await bucket.charge(other, "192.0.2.1", 100)]
    with pytest.raises(errors.RateLimited) as refused:
        await bucket.charge(one, "192.0.2.1", 60)

    first, second = standings
    assert (first, second) == (Standing(100, 40, 1), Standing(100, 0, 1))
    assert 18 <= refused.value.retry_after <= 20
    assert await bucket.charge(one, "192.0.2.1", 30)


async def test_strangers_are_charged_by_their_address(counters: Counters) -> None:
    bucket = Bucket(counters, 100, 1)
    await bucket.charge(ANONYMOUS, "192.0.2.1", 100)

    assert await bucket.charge(ANONYMOUS, "192.0.2.2", 100) == Standing(100, 0, 1)
    with pytest.raises(errors.RateLimited):
        await bucket.charge(ANONYMOUS, "192.0.2.1", 10)


async def test_a_bucket_leaks_at_a_steady_rate() -> None:
    tick, one = Tick(), program()
    bucket = Bucket(Memory(tick), 100, 10)
    await bucket.charge(one, "", 100)

    with pytest.raises(errors.RateLimited) as refused:
        await bucket.charge(one, "", 35)
    tick.time += 4

    assert refused.value.retry_after == 4
    assert await bucket.charge(one, "", 35) == Standing(100, 5, 10)


async def test_what_is_larger_than_the_bucket_empties_a_full_one(counters: Counters) -> None:
    bucket, one = Bucket(counters, 10, 1), program()

    assert await bucket.charge(one, "", 5_000) == Standing(10, 0, 1)
    with pytest.raises(errors.RateLimited):
        await bucket.charge(one, "", 1)


async def test_no_capacity_is_no_bucket(counters: Counters) -> None:
    assert await Bucket(counters, 0, 0).charge(program(), "", 10**9) is None


# ---- several processes, and Redis away ------------------------------------------------------------------------------

GUESSER = """
import asyncio, sys
import errors
from services.guesses import Allowance, Guesses
from services.shared_counters import Shared

async def main():
    shared = Shared(sys.argv[1], sys.argv[2])
    guesses = Guesses(shared, shared, {"address": Allowance(20)}, 600)
    async def guess():
        try:
            await guesses.spend(address="192.0.2.1")
        except errors.RateLimited:
            return 0
        return 1
    print(sum(await asyncio.gather(*(guess() for _ in range(30)))))
    await shared.close()

asyncio.run(main())
"""


@needs_redis
async def test_two_processes_share_one_budget(redis: Redis) -> None:
    command = (sys.executable, "-c", GUESSER, redis.url, f"test:{uuid4()}")
    pipe = asyncio.subprocess.PIPE
    processes = [await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe) for _ in range(2)]

    counted = [int((await process.communicate())[0]) for process in processes]

    assert sum(counted) == 20


@needs_redis
async def test_two_processes_share_one_bucket_and_two_installations_none(redis: Redis) -> None:
    one, namespace = program(), f"test:{uuid4()}"
    async with shared(redis, namespace) as here, shared(redis, namespace) as there, shared(redis) as elsewhere:
        await Bucket(here, 100, 1).charge(one, "", 60)

        with pytest.raises(errors.RateLimited):
            await Bucket(there, 100, 1).charge(one, "", 60)
        assert await Bucket(elsewhere, 100, 1).charge(one, "", 60) == Standing(100, 40, 1)


@needs_redis
async def test_what_is_kept_in_redis_passes_and_names_nobody(redis: Redis) -> None:
    namespace = f"test:{uuid4()}"
    async with shared(redis, namespace) as counters:
        budget = Guesses(counters, counters, {"log_in_email": Allowance(9, 3), "address": Allowance(9)}, 600)
        await budget.spend(log_in_email="olive@example.org", address="192.0.2.1")
        await Bucket(counters, 100, 1).charge(ANONYMOUS, "192.0.2.1", 60)

        keys = [key.decode() async for key in counters._redis.scan_iter(f"{namespace}:*")]
        lasting = [await counters._redis.pttl(key) for key in keys]

    assert len(keys) == 3
    assert all(0 < left <= 600_000 for left in lasting)
    assert not [key for key in keys if "olive" in key or "192.0.2.1" in key]


async def test_without_its_redis_codes_wait_and_all_else_goes_on_with_one_warning(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    away = Shared(f"redis://127.0.0.1:{port}/0", "test")
    lenient = Fallback(away, Memory())
    allowances = {"address": Allowance(1, strict=True), "log_in_address": Allowance(1)}
    budget, bucket, one = Guesses(away, lenient, allowances, 600), Bucket(lenient, 100, 1), program()

    with caplog.at_level(logging.INFO, "admit.counters"):
        for _ in range(2):
            with pytest.raises(errors.Unavailable):
                await budget.check(address="192.0.2.1")
            with pytest.raises(errors.Unavailable):
                await budget.spend(address="192.0.2.1")
        await budget.spend(log_in_address="192.0.2.1")
        await budget.refund(log_in_address="192.0.2.1")
        await budget.spend(log_in_address="192.0.2.1")
        standing = await bucket.charge(one, "", 60)
    await away.close()

    assert standing == Standing(100, 40, 1)
    with pytest.raises(errors.RateLimited):
        await budget.spend(log_in_address="192.0.2.1")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@needs_redis
async def test_when_redis_is_back_it_counts_again(port: int) -> None:
    tick = Tick()
    counters = Shared(Redis(port).url, "test", tick)
    budget = guesses(counters, address=1)
    async with running_redis(port):
        await budget.spend(address="192.0.2.1")
    with pytest.raises(errors.Unavailable):
        await budget.spend(address="192.0.2.2")

    async with running_redis(port):
        with pytest.raises(errors.Unavailable):  # it is left alone for a moment
            await budget.spend(address="192.0.2.2")
        tick.time += 1
        await budget.spend(address="192.0.2.2")
        with pytest.raises(errors.RateLimited):
            await budget.spend(address="192.0.2.2")
    await counters.close()
