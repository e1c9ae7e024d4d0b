"""PostgreSQL's connections are had in the order in which they were asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tortoise.connection import get_connection

import errors
from models import Organization, database
from models.unit import transactional
from models.wire import Wire
from tests.conftest import POSTGRES
from tests.world import Clock

pytestmark = pytest.mark.skipif(not POSTGRES, reason="SQLite has no pool")


@pytest.fixture
async def client(database_url: str, clock: Clock) -> AsyncIterator[Any]:
    """A pool of one connection."""
    await database.connect(database_url, 1)
    yield get_connection("default")
    await database.disconnect()


async def test_who_comes_when_a_connection_is_given_back_waits_behind_those_who_waited(client: Any) -> None:
    served: list[str] = []

    async def use(name: str) -> None:
        connection = await client.lender.borrow()
        served.append(name)
        await client.lender.give_back(connection)

    async def leave_and_come_back(connection: Any) -> None:
        await client.lender.give_back(connection)
        await use("back")

    connection = await client.lender.borrow()
    waiting = [asyncio.create_task(use(name)) for name in ("first", "second")]
    await asyncio.sleep(0)
    await asyncio.gather(leave_and_come_back(connection), *waiting)

    assert served == ["first", "second", "back"]


async def test_who_waits_is_given_the_connection_that_has_become_free_without_the_pool(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await client.lender.borrow()
    waiting = asyncio.create_task(client.lender.borrow())
    await asyncio.sleep(0)
    with monkeypatch.context() as alone:
        alone.setattr(client, "_pool", None)
        await client.lender.give_back(connection)
        assert await waiting is connection

    await client.lender.give_back(connection)
    assert client.lender.left == 1


@pytest.mark.parametrize("state", ["closed", "in a transaction", "failed", "not surely idle", "of a lost one's age"])
async def test_who_waits_is_given_another_connection_than_one_that_may_be_of_no_use(client: Any, state: str) -> None:
    connection = await client.lender.borrow()
    inside = connection._con
    waiting = asyncio.create_task(client.lender.borrow())
    await asyncio.sleep(0)
    match state:
        case "closed":
            await connection.close()
        case "in a transaction":
            await connection.execute("BEGIN")
        case "of a lost one's age":
            client.lender._trusted.clear()
            await client._pool.expire_connections()
    failure = RuntimeError("it has failed") if state == "failed" else None
    await client.lender.give_back(connection, failure, is_idle=state != "not surely idle")

    other = await waiting
    assert other is not connection
    assert (other._con is inside) == (state in {"in a transaction", "failed", "not surely idle"})  # the pool has looked
    assert await other.fetchval("SELECT 1") == 1
    assert not other.is_in_transaction()
    await client.lender.give_back(other)


async def test_when_one_connection_is_lost_those_of_its_age_are_not_handed_on(database_url: str, clock: Clock) -> None:
    await database.connect(database_url, 2)
    lender: Any = get_connection("default").lender  # type: ignore[attr-defined]
    lost, old = await lender.borrow(), await lender.borrow()
    inside = old._con
    waiting = [asyncio.create_task(lender.borrow()) for _ in range(2)]
    await asyncio.sleep(0)
    await lender.give_back(lost, asyncpg.ConnectionDoesNotExistError("the server is gone"))
    await lender.give_back(old)

    connections = await asyncio.gather(*waiting)
    assert inside not in [one._con for one in connections]
    for one in connections:
        await lender.give_back(one)
    await database.disconnect()


@pytest.mark.parametrize("is_free", [True, False])
async def test_who_hangs_up_when_their_turn_has_come_passes_it_on(client: Any, *, is_free: bool) -> None:
    connection = await client.lender.borrow()
    first, second = (asyncio.create_task(client.lender.borrow()) for _ in range(2))
    await asyncio.sleep(0)
    await client.lender.give_back(connection, is_idle=is_free)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first

    await client.lender.give_back(await second)
    assert client.lender.left == 1


async def test_who_waits_too_long_is_told_so_and_keeps_no_place(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = await client.lender.borrow()
    monkeypatch.setattr(client.lender, "_seconds", 0.0)
    with pytest.raises(errors.Unavailable):
        await client.lender.borrow()
    monkeypatch.setattr(client.lender, "_seconds", None)
    await client.lender.give_back(connection)

    await client.lender.give_back(await client.lender.borrow())


async def test_who_hangs_up_while_waiting_keeps_no_place(client: Any) -> None:
    connection = await client.lender.borrow()
    waiting = asyncio.create_task(client.lender.borrow())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await client.lender.give_back(connection)

    await client.lender.give_back(await client.lender.borrow())


async def test_a_connection_that_cannot_be_had_keeps_no_place(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused() -> Any:
        raise OSError("nobody listens")

    with monkeypatch.context() as away:
        away.setattr(client.lender, "_take", refused)
        with pytest.raises(errors.Unavailable):
            await client.lender.borrow()

    await client.lender.give_back(await client.lender.borrow())


async def test_a_connection_that_has_died_and_cannot_be_replaced_is_given_back_once(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([client._free])

    async def once() -> Any:
        for have in free:
            return await have()
        raise OSError("nobody listens")

    async def lost(*_: Any) -> Any:
        raise asyncpg.ConnectionDoesNotExistError("it has died while nobody used it")

    @transactional
    async def count() -> int:
        return await Organization.all().count()

    with monkeypatch.context() as outage:
        outage.setattr(client.lender, "_take", once)
        outage.setattr(Wire, "ask", lost)
        with pytest.raises(errors.Unavailable):
            await count()

    assert await count() == 0
    held = await client.lender.borrow()
    assert client.lender.left == 0
    await client.lender.give_back(held)
    assert client.lender.left == 1
