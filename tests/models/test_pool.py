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
        connection = await client.borrow()
        served.append(name)
        await client.give_back(connection)

    async def leave_and_come_back(connection: Any) -> None:
        await client.give_back(connection)
        await use("back")

    connection = await client.borrow()
    waiting = [asyncio.create_task(use(name)) for name in ("first", "second")]
    await asyncio.sleep(0)
    await asyncio.gather(leave_and_come_back(connection), *waiting)

    assert served == ["first", "second", "back"]


async def test_who_hangs_up_while_waiting_keeps_no_place(client: Any) -> None:
    connection = await client.borrow()
    waiting = asyncio.create_task(client.borrow())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await client.give_back(connection)

    await client.give_back(await client.borrow())


async def test_a_connection_that_cannot_be_had_keeps_no_place(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused() -> Any:
        raise OSError("nobody listens")

    with monkeypatch.context() as away:
        away.setattr(client, "_free", refused)
        with pytest.raises(errors.Unavailable):
            await client.borrow()

    await client.give_back(await client.borrow())


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
        outage.setattr(client, "_free", once)
        outage.setattr(Wire, "ask", lost)
        with pytest.raises(errors.Unavailable):
            await count()

    assert await count() == 0
    held = await client.borrow()
    assert client._turns.locked()
    await client.give_back(held)
    assert not client._turns.locked()
