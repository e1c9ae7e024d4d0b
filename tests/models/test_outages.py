"""A database that cannot do what it is asked: told as Unavailable, and nothing of ours stays taken for it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from typing import Any

import asyncpg
import pytest
from tortoise.connection import get_connection

import errors
from models import Member, Organization, Role, database
from models.outages import UNCERTAIN, is_outage
from models.unit import transactional
from tests.conftest import POSTGRES
from tests.world import Clock

POOL = 3
SECONDS = 0.3
needs_postgres = pytest.mark.skipif(not POSTGRES, reason="PostgreSQL has connections to lose")
needs_sqlite = pytest.mark.skipif(bool(POSTGRES), reason="SQLite has one file to lock")
LEAVE_AT_COMMIT = """
CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER leave AFTER INSERT ON member DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION leave();
"""
STAY = "DROP TRIGGER leave ON member; DROP FUNCTION leave;"


@pytest.fixture
async def organization(database_url: str, clock: Clock) -> AsyncIterator[Organization]:
    """Somebody's, in a database that has little time and few connections."""
    await database.connect(database_url, POOL, SECONDS)
    yield await Organization.create(name="Example University")
    await database.disconnect()


@pytest.fixture
async def aside(database_url: str) -> AsyncIterator[Any]:
    """Another connection to the same PostgreSQL."""
    other: Any = await asyncpg.connect(database_url)
    yield other
    await other.close()


@transactional
async def join(organization: Organization, name: str) -> None:
    """One member joins."""
    await Member.create(organization_id=organization.id, full_name=name, email=f"{name}@e.org", role=Role.VIEWER)


async def names() -> list[str]:
    """Who has joined."""
    return [member.full_name for member in await Member.all().order_by("id")]


async def me() -> int:
    """The server's name for the connection that asks."""
    ((pid,),) = (await database.connection().execute_query("SELECT pg_backend_pid()"))[1]
    return int(pid)


async def leave(aside: Any, *pids: int) -> None:
    """The server ends these connections, or all but the one that says so."""
    others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    for pid in pids or [row["pid"] for row in await aside.fetch(others)]:
        await aside.execute("SELECT pg_terminate_backend($1)", pid)


@contextmanager
def locked(database_url: str) -> Iterator[None]:
    """Somebody else writes to the SQLite file."""
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@needs_sqlite
async def test_a_transaction_that_cannot_begin_leaves_the_lock_to_the_next(
    organization: Organization, database_url: str
) -> None:
    await join(organization, "ada")
    await get_connection("default").execute_query("PRAGMA busy_timeout=0")

    with locked(database_url):
        for _ in range(3):
            with pytest.raises(errors.Unavailable):
                await join(organization, "eve")
    await asyncio.wait_for(join(organization, "bob"), 5)

    assert await names() == ["ada", "bob"]


async def test_an_error_inside_is_not_taken_for_an_outage(organization: Organization) -> None:
    @transactional
    async def fail() -> None:
        await join(organization, "eve")
        raise PermissionError("the folder of spreadsheets")

    with pytest.raises(PermissionError):
        await fail()

    await join(organization, "ada")
    assert await names() == ["ada"]


async def test_readers_that_hang_up_at_any_moment_leave_the_connections_to_others(organization: Organization) -> None:
    for moment in range(40):
        reader = asyncio.create_task(names())
        for _ in range(moment):
            await asyncio.sleep(0)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)

    assert await asyncio.wait_for(asyncio.gather(*(names() for _ in range(2 * POOL))), 5) == [[]] * 2 * POOL


@needs_postgres
async def test_a_connection_lost_in_a_transaction_is_told_and_nothing_is_kept(
    organization: Organization, aside: Any
) -> None:
    @transactional
    async def unlucky() -> None:
        await join(organization, "eve")
        await leave(aside, await me())
        await join(organization, "mallory")

    for _ in range(2 * POOL):
        with pytest.raises(errors.Unavailable) as told:
            await unlucky()
        assert told.value.text == errors.Unavailable.message

    await join(organization, "ada")
    assert await names() == ["ada"]


@needs_postgres
async def test_a_connection_lost_before_commit_was_said_has_kept_nothing(
    organization: Organization, aside: Any
) -> None:
    @transactional
    async def unlucky() -> None:
        await join(organization, "eve")
        await leave(aside, await me())
        await asyncio.sleep(0.1)  # for the server's farewell to arrive while nobody asks

    with pytest.raises(errors.Unavailable):
        await unlucky()

    assert await names() == []


@needs_postgres
async def test_connections_lost_while_nobody_used_them_are_not_noticed_by_the_next_writer(
    organization: Organization, aside: Any
) -> None:
    await asyncio.gather(*(names() for _ in range(POOL)))

    await leave(aside)
    await join(organization, "ada")

    assert await names() == ["ada"]


@needs_postgres
async def test_a_connection_lost_in_the_commit_is_told_with_the_doubt(organization: Organization, aside: Any) -> None:
    await aside.execute(LEAVE_AT_COMMIT)

    with pytest.raises(errors.Unavailable) as told:
        await join(organization, "ada")
    await aside.execute(STAY)

    assert told.value.text == UNCERTAIN
    await join(organization, "bob")
    assert await names() == ["bob"]


@needs_postgres
async def test_a_statement_that_takes_too_long_is_given_up_and_the_connection_is_good(
    organization: Organization,
) -> None:
    @transactional
    async def slow() -> None:
        await join(organization, "eve")
        await database.connection().execute_query("SELECT pg_sleep(60)")

    for _ in range(2 * POOL):
        with pytest.raises(errors.Unavailable):
            await asyncio.wait_for(slow(), 5)

    await join(organization, "ada")
    assert await names() == ["ada"]


@needs_postgres
async def test_a_transaction_that_asks_nothing_for_too_long_does_not_keep_its_locks(
    organization: Organization, aside: Any
) -> None:
    holding, release = asyncio.Event(), asyncio.Event()

    @transactional
    async def hold() -> None:
        await Organization.filter(id=organization.id).update(name="Held")
        holding.set()
        await release.wait()
        await join(organization, "eve")

    held = asyncio.create_task(hold())
    await holding.wait()
    await aside.execute("UPDATE organization SET name = 'Free' WHERE id = $1", organization.id)
    release.set()

    with pytest.raises(errors.Unavailable):
        await held
    assert (await Organization.get(id=organization.id)).name == "Free"
    assert await names() == []


@needs_postgres
async def test_nobody_waits_for_ever_for_a_free_connection(organization: Organization) -> None:
    release = asyncio.Event()

    @transactional
    async def hold() -> None:
        while not release.is_set():
            await database.connection().execute_query("SELECT pg_sleep(0.05)")

    holders = [asyncio.create_task(hold()) for _ in range(POOL)]
    await asyncio.sleep(0)
    waited = await asyncio.gather(asyncio.wait_for(names(), 5), return_exceptions=True)
    release.set()
    await asyncio.gather(*holders)

    assert [type(one) for one in waited] == [errors.Unavailable]
    assert await asyncio.wait_for(names(), 5) == []


@pytest.mark.parametrize(
    ("code", "passes"),
    [
        (sqlite3.SQLITE_FULL, True),
        (sqlite3.SQLITE_IOERR_WRITE, True),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, True),
        (sqlite3.SQLITE_CORRUPT, False),
        (sqlite3.SQLITE_ERROR, False),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, False),
    ],
)
def test_only_what_passes_by_itself_is_an_outage(code: int, passes: bool) -> None:
    failure = sqlite3.OperationalError()
    failure.sqlite_errorcode = code

    assert is_outage(failure) is passes
