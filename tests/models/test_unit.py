"""Units of work: whole or not at all, whoever hangs up, and the log in the same transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tortoise.connection import get_connection

from models import Event, EventType, Member, Organization, Role, database, system, unit
from models.event import record
from models.unit import transactional
from tests import thrift
from tests.conftest import POSTGRES


class Broken(Exception):
    """What the tests' own work raises."""


@pytest.fixture
def beats() -> Iterator[list[frozenset[UUID]]]:
    """The organizations whose log was said to have grown, commit by commit."""
    heard: list[frozenset[UUID]] = []
    stop = unit.on_commit(heard.append)
    yield heard
    stop()


@transactional
async def join(organization: Organization, name: str, *, fail: bool = False) -> None:
    """One member joins, which is an event."""
    email = f"{name}@example.org"
    await Member.create(organization_id=organization.id, full_name=name, email=email, role=Role.VIEWER)
    record(EventType.MEMBER_LOGGED_IN, organization.gid, system(organization.id), name=name)
    if fail:
        raise Broken


async def names() -> list[str]:
    """Who has joined."""
    return [member.full_name for member in await Member.all().order_by("id")]


async def logged() -> list[str]:
    """Who the log says has joined."""
    return [event.payload["name"] for event in await Event.all().order_by("position")]


async def test_the_rows_and_their_event_are_there_together(
    organization: Organization, beats: list[frozenset[UUID]]
) -> None:
    await join(organization, "ada")

    assert await names() == await logged() == ["ada"]
    assert beats == [frozenset({organization.id})]


async def test_what_raises_leaves_neither_rows_nor_events(
    organization: Organization, beats: list[frozenset[UUID]]
) -> None:
    with pytest.raises(Broken):
        await join(organization, "ada", fail=True)

    assert await names() == await logged() == []
    assert beats == []


async def test_a_unit_inside_another_joins_it(organization: Organization, beats: list[frozenset[UUID]]) -> None:
    @transactional
    async def both(*, fail: bool) -> None:
        await join(organization, "ada" if not fail else "eve")
        await join(organization, "bob" if not fail else "mallory", fail=fail)

    await both(fail=False)
    with pytest.raises(Broken):
        await both(fail=True)

    assert await names() == await logged() == ["ada", "bob"]
    assert beats == [frozenset({organization.id})]


async def test_a_transaction_sees_what_it_wrote_and_others_do_not_yet(organization: Organization) -> None:
    written, looked = asyncio.Event(), asyncio.Event()

    @transactional
    async def watched() -> list[str]:
        await join(organization, "ada")
        written.set()
        await looked.wait()
        return await names()

    inside = asyncio.create_task(watched())
    await written.wait()
    outside = await names()
    looked.set()

    assert (outside, await inside, await names()) == ([], ["ada"], ["ada"])


async def test_a_caller_that_hangs_up_does_not_stop_the_commit(organization: Organization) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    @transactional
    async def slow() -> None:
        await join(organization, "ada")
        begun.set()
        await go_on.wait()

    caller = asyncio.create_task(slow())
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    await unit.drain()

    await join(organization, "bob")
    assert await names() == await logged() == ["ada", "bob"]


async def test_hanging_up_at_any_moment_leaves_a_database_that_writes(organization: Organization) -> None:
    for moment in range(30):
        caller = asyncio.create_task(join(organization, f"caller{moment}"))
        for _ in range(moment):
            await asyncio.sleep(0)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
    await unit.drain()

    await asyncio.wait_for(join(organization, "last"), 10)
    assert (await names())[-1] == "last"
    assert sorted(await names()) == sorted(await logged())


async def test_a_failure_that_nobody_waits_for_is_no_noise(organization: Organization) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    @transactional
    async def doomed() -> None:
        begun.set()
        await go_on.wait()
        raise Broken

    caller = asyncio.create_task(doomed())
    await begun.wait()
    caller.cancel()
    go_on.set()
    await unit.drain()

    await join(organization, "ada")
    assert await names() == ["ada"]


async def test_the_log_is_written_only_inside_a_transaction(organization: Organization) -> None:
    with pytest.raises(RuntimeError):
        record(EventType.MEMBER_LOGGED_IN, organization.gid, system(organization.id))

    assert await logged() == []


async def test_many_writers_at_once_all_commit(organization: Organization) -> None:
    await asyncio.gather(*(join(organization, f"member{number}") for number in range(30)))

    assert sorted(await names()) == sorted(await logged()) == sorted(f"member{number}" for number in range(30))


async def test_what_is_acknowledged_survives_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_PRAGMAS", thrift.DURABLE)
    await database.connect(f"sqlite:{tmp_path}/admit.sqlite3")
    try:
        _, [mode] = await get_connection("default").execute_query("PRAGMA journal_mode")
        _, [synchronous] = await get_connection("default").execute_query("PRAGMA synchronous")
    finally:
        await database.disconnect()

    assert (mode["journal_mode"], synchronous["synchronous"]) == ("wal", 2)  # 2 is FULL


@pytest.mark.skipif(not POSTGRES, reason="SQLite has no tasks of its own for transactions")
async def test_draining_ends_although_a_finished_transaction_was_not_yet_forgotten(organization: Organization) -> None:
    client: Any = get_connection("default")
    finished = asyncio.create_task(asyncio.sleep(0))
    await finished
    client._under_way.add(finished)  # as between a task's end and its callback

    async with asyncio.timeout(5):
        await unit.drain()

    assert client._under_way == set()
