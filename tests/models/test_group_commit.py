"""Group commit on SQLite: what waits becomes durable together, and nobody is told before."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Iterator
from typing import Any

import pytest
from tortoise.connection import get_connection

import errors
from models import Event, EventType, Member, Organization, Role, batches, system, unit
from models.direct import Direct
from models.event import record
from models.unit import transactional
from tests.conftest import POSTGRES

pytestmark = [
    pytest.mark.usefixtures("patience"),
    pytest.mark.skipif(bool(POSTGRES), reason="PostgreSQL groups commits by itself"),
]

ELSEWHERE = """
import asyncio, sys
from uuid import UUID
from models import Member, Role, database
from models.unit import transactional

@transactional
async def join(name):
    await Member.create(organization_id=UUID(sys.argv[2]), full_name=name, email=f"{name}@e.org", role=Role.VIEWER)

async def main():
    await database.connect(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    for turn in range(10):
        await asyncio.gather(*(join(f"there{turn}-{number}") for number in range(5)))
    await database.disconnect()

asyncio.run(main())
"""


class Broken(Exception):
    """What the tests' own work raises."""


@pytest.fixture
async def said(organization: Organization) -> list[str]:
    """Every statement that the writing connection is told from now on."""
    heard: list[str] = []
    here().set_trace_callback(heard.append)
    return heard


@pytest.fixture
def beats() -> Iterator[list[object]]:
    """What was told to those who listen for commits."""
    heard: list[object] = []
    stop = unit.on_commit(heard.append)
    yield heard
    stop()


@transactional
async def join(organization: Organization, name: str, failure: Exception | None = None) -> str:
    """One member joins, which is an event."""
    email = f"{name}@example.org"
    await Member.create(organization_id=organization.id, full_name=name, email=email, role=Role.VIEWER)
    record(EventType.MEMBER_LOGGED_IN, organization.gid, system(organization.id), name=name)
    if failure:
        raise failure
    return name


async def together(*work: Awaitable[Any]) -> list[Any]:
    """What each of them answers or raises."""
    return await asyncio.wait_for(asyncio.gather(*work, return_exceptions=True), 30)


async def names() -> list[str]:
    """Who has joined, if the log says the same."""
    found = [member.full_name for member in await Member.all().order_by("id")]
    assert sorted(found) == sorted(event.payload["name"] for event in await Event.all())
    return found


def here() -> sqlite3.Connection:
    """The connection that is written with."""
    client: Any = get_connection("default")
    connection: sqlite3.Connection = client._connection._connection
    return connection


async def test_what_waits_is_committed_at_once(organization: Organization, said: list[str]) -> None:
    members = [f"member{number}" for number in range(30)]

    assert await together(*(join(organization, name) for name in members)) == members

    assert (said.count("BEGIN IMMEDIATE"), said.count("COMMIT")) == (1, 1)
    assert await names() == members


async def test_a_batch_is_bounded_in_number(
    organization: Organization, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "OPERATIONS", 4)

    await together(*(join(organization, f"member{number}") for number in range(10)))

    assert said.count("COMMIT") == 3
    assert len(await names()) == 10


async def test_a_batch_is_bounded_in_time(
    organization: Organization, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "SECONDS", 0)

    await together(*(join(organization, f"member{number}") for number in range(3)))

    assert said.count("COMMIT") == 3
    assert len(await names()) == 3


async def test_one_that_fails_is_undone_alone(organization: Organization, said: list[str]) -> None:
    told = await together(
        join(organization, "ada"), join(organization, "eve", failure=Broken()), join(organization, "bob")
    )

    assert [type(one) for one in told] == [str, Broken, str]
    assert said.count("COMMIT") == 1
    assert await names() == ["ada", "bob"]


async def test_nobody_is_told_before_the_commit(
    organization: Organization, beats: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, durable = asyncio.Event(), asyncio.Event()
    commit = Direct.commit

    async def held_back(self: Direct) -> None:
        reached.set()
        await durable.wait()
        await commit(self)

    monkeypatch.setattr(Direct, "commit", held_back)
    failing = asyncio.create_task(join(organization, "eve", failure=Broken()))
    asking = [asyncio.create_task(join(organization, name)) for name in ("ada", "bob")]
    refused = asyncio.create_task(join(organization, "mallory", failure=Broken()))
    await reached.wait()
    late = asyncio.create_task(join(organization, "late"))
    before = [*await names(), *beats, *(task for task in (*asking, refused, late) if task.done())]
    durable.set()
    told = await together(*asking, failing, refused, late)

    assert before == []
    assert [type(one) for one in told] == [str, str, Broken, Broken, str]
    assert await names() == ["ada", "bob", "late"]
    assert beats == [frozenset({organization.id})] * 2  # for each COMMIT


async def test_when_the_commit_fails_nothing_of_the_batch_stays(
    organization: Organization, beats: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL

    async def fail(self: Direct) -> None:
        raise full

    with monkeypatch.context() as failing:
        failing.setattr(Direct, "commit", fail)
        told = await together(
            join(organization, "ada"), join(organization, "eve", failure=Broken()), join(organization, "bob")
        )
    kept = (await names(), list(beats))

    assert [type(one) for one in told] == [errors.Unavailable] * 3
    assert kept == ([], [])
    assert await together(join(organization, "ada"), join(organization, "bob")) == ["ada", "bob"]
    assert await names() == ["ada", "bob"]


async def test_a_bug_in_the_commit_is_no_outage(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(self: Direct) -> None:
        raise Broken

    with monkeypatch.context() as failing:
        failing.setattr(Direct, "commit", fail)
        told = await together(join(organization, "ada"), join(organization, "bob"))

    assert [type(one) for one in told] == [Broken, Broken]
    assert await together(join(organization, "ada")) == await names() == ["ada"]


async def test_a_disk_that_is_full_in_the_middle_takes_nothing_that_was_acknowledged(
    organization: Organization,
) -> None:
    await join(organization, "first")
    ((pages,),) = here().execute("PRAGMA page_count")
    here().execute(f"PRAGMA max_page_count={pages}")
    told = await together(*(join(organization, f"{number}" * 60) for number in range(100, 300)))
    here().execute("PRAGMA max_page_count=1000000")

    acknowledged = [one for one in told if isinstance(one, str)]
    assert {type(one) for one in told} <= {str, errors.Unavailable}
    assert len(acknowledged) < 200
    assert await names() == ["first", *acknowledged]
    assert await together(join(organization, "last")) == ["last"]


async def test_after_sqlite_undid_the_transaction_nothing_is_written_by_itself(organization: Organization) -> None:
    @transactional
    async def stubborn() -> None:
        here().rollback()  # as SQLite does when the disk is full
        for name in ("eve", "mallory"):
            try:
                await join(organization, name)
            except errors.Unavailable:
                continue

    told = await together(join(organization, "ada"), stubborn(), join(organization, "bob"))

    assert [type(one) for one in told] == [errors.Unavailable, errors.Unavailable, str]
    assert await names() == ["bob"]


async def test_a_unit_inside_another_is_part_of_it(organization: Organization, said: list[str]) -> None:
    @transactional
    async def both(*, fail: bool) -> None:
        await join(organization, f"ada-{fail}")
        await join(organization, f"bob-{fail}", failure=Broken() if fail else None)

    told = await together(both(fail=True), both(fail=False))

    assert [type(one) for one in told] == [Broken, type(None)]
    assert (said.count("SAVEPOINT operation"), said.count("COMMIT")) == (2, 1)
    assert await names() == ["ada-False", "bob-False"]


async def test_who_only_reads_is_not_prepared_for_being_undone(organization: Organization, said: list[str]) -> None:
    @transactional
    async def look(*, fail: bool) -> str:
        found = await Organization.get(id=organization.id)
        if fail:
            raise Broken
        return found.name

    told = await together(join(organization, "ada"), look(fail=False), look(fail=True), join(organization, "bob"))

    assert [type(one) for one in told] == [str, str, Broken, str]
    assert [said.count(f"{word} operation") for word in ("SAVEPOINT", "RELEASE", "ROLLBACK TO")] == [2, 2, 0]
    assert await names() == ["ada", "bob"]


async def test_who_is_sure_is_not_prepared_for_being_undone(organization: Organization, said: list[str]) -> None:
    @transactional
    async def surely(name: str) -> str:
        unit.be_sure()
        return await join(organization, name)

    assert await together(*map(surely, ("ada", "bob"))) == ["ada", "bob"]

    assert (said.count("SAVEPOINT operation"), said.count("COMMIT")) == (0, 1)
    assert await names() == ["ada", "bob"]


async def test_who_was_wrongly_sure_takes_the_batch_along(organization: Organization, beats: list[object]) -> None:
    @transactional
    async def wrongly(*, writes: bool) -> None:
        unit.be_sure()
        if writes:
            await join(organization, "eve")
        raise Broken

    told = await together(join(organization, "ada"), wrongly(writes=True), join(organization, "bob"))
    kept = await names()
    again = await together(join(organization, "ada"), wrongly(writes=False), join(organization, "carol"))

    assert [type(one) for one in told] == [errors.Unavailable, Broken, str]
    assert kept == ["bob"]
    assert [type(one) for one in again] == [str, Broken, str]
    assert await names() == ["bob", "ada", "carol"]
    assert beats == [frozenset({organization.id})] * 2  # for each COMMIT


async def test_who_is_part_of_another_unit_is_not_sure_of_it(organization: Organization) -> None:
    @transactional
    async def surely() -> None:
        unit.be_sure()
        await join(organization, "eve")

    @transactional
    async def unsure() -> None:
        await surely()
        raise Broken

    told = await together(join(organization, "ada"), unsure(), join(organization, "bob"))

    assert [type(one) for one in told] == [str, Broken, str]
    assert await names() == ["ada", "bob"]


async def test_a_batchs_events_are_written_together_in_their_order(
    organization: Organization, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "OPERATIONS", 100)
    members = [f"member{number}" for number in range(120)]
    batches_before = said.count("COMMIT")

    await together(*(join(organization, name) for name in members))

    happened = [event.payload["name"] for event in await Event.all().order_by("position")]
    written = [at for at, one in enumerate(said) if 'INTO "event"' in one]
    joined = [at for at, one in enumerate(said) if 'INTO "member"' in one]
    assert happened == members
    assert said.count("COMMIT") - batches_before == 2  # a hundred, and the rest
    assert max(joined[:100]) < min(written)
    assert written[:100] == list(range(written[0], written[0] + 100))


async def test_a_statement_outside_a_unit_is_no_part_of_a_batch(organization: Organization, said: list[str]) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    @transactional
    async def slow() -> None:
        begun.set()
        await go_on.wait()
        await join(organization, "ada")

    first = asyncio.create_task(slow())
    await begun.wait()
    outside = asyncio.create_task(Organization(name="Other").save())
    await asyncio.sleep(0)
    last = asyncio.create_task(join(organization, "bob"))
    go_on.set()
    await together(first, outside, last)

    kept = [said.split()[0] for said in said if 'INTO "organization"' in said or said == "COMMIT"]
    assert kept == ["COMMIT", "INSERT", "COMMIT"]
    assert await Organization.all().count() == 2


async def test_who_hangs_up_while_they_wait_leaves_the_turn_to_the_next(organization: Organization) -> None:
    async def rename() -> None:
        await Organization.filter(id=organization.id).update(name="Renamed")

    for moment in range(20):
        joining = [asyncio.create_task(join(organization, f"{moment}-{number}")) for number in range(3)]
        callers = [asyncio.create_task(rename()) for _ in range(3)]
        for _ in range(moment):
            await asyncio.sleep(0)
        for caller in callers:
            caller.cancel()
        await together(*joining, *callers)

    assert len(await names()) == 60


async def test_two_processes_write_to_one_file(
    organization: Organization, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ELSEWHERE, database_url, str(organization.id), stdin=-1, stdout=-1, stderr=-1
    )
    assert other.stdout
    assert await other.stdout.readline() == b"ready\n"
    ending = asyncio.create_task(other.communicate(b"go\n"))
    told: list[Any] = []
    while not ending.done():
        told += await together(*(join(organization, f"here{len(told)}-{number}") for number in range(5)))
    _, complaint = await ending

    assert (other.returncode, complaint) == (0, b"")
    assert [one for one in told if not isinstance(one, str)] == []
    assert await Member.all().count() == 50 + len(told)
