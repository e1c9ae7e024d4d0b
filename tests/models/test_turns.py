"""Whose time a statement on SQLite takes: the event loop's, or a thread's; and who has their turn when."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import Any

import pytest
from tortoise.connection import get_connection

from models import Organization, database, direct, politeness
from models.unit import transactional
from tests.conftest import POSTGRES

pytestmark = pytest.mark.skipif(bool(POSTGRES), reason="PostgreSQL is another process")

LONG = """SELECT thread(), (
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000) SELECT max(i) FROM n
)"""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing takes long unless a test says so, however slow the machine is."""
    monkeypatch.setattr(direct, "PATIENCE", 3600)
    monkeypatch.setattr(politeness, "TURN", 3600)


def here(name: str = "default") -> sqlite3.Connection:
    """The connection of this name."""
    client: Any = get_connection(name)
    connection: sqlite3.Connection = client._connection._connection
    return connection


async def test_a_long_read_goes_on_in_a_thread(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    @transactional
    async def read() -> tuple[int, int]:
        here().create_function("thread", 0, threading.get_ident)
        ((short,),) = (await database.connection().execute_query("SELECT thread()"))[1]
        monkeypatch.setattr(direct, "PATIENCE", -1)
        ((long, most),) = (await database.connection().execute_query(LONG))[1]
        assert most == 50_000
        return short, long

    short, long = await read()

    assert short == threading.get_ident() != long


async def test_who_asks_while_the_thread_has_the_connection_waits(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[str] = []

    async def ask(name: str, sql: str) -> None:
        await database.connection().execute_query(sql)
        answered.append(name)

    @transactional
    async def read() -> None:
        here().create_function("thread", 0, threading.get_ident)
        monkeypatch.setattr(direct, "PATIENCE", -1)
        long = asyncio.create_task(ask("long", LONG))  # in the same unit
        client: Any = get_connection("default")
        while not client.batch.connection._away.locked():
            await asyncio.sleep(0)
        await ask("short", "SELECT 1")
        await long

    await read()

    assert answered == ["long", "short"]


async def test_many_rows_are_written_in_a_thread(organization: Organization) -> None:
    threads: set[int] = set()

    def note() -> int:
        threads.add(threading.get_ident())
        return 0

    @transactional
    async def write(many: int) -> None:
        here().create_function("note", 0, note)
        await database.connection().execute_many("INSERT INTO noted VALUES (?, note())", [[1]] * many)

    await database.connection().execute_query("SELECT 1")
    await get_connection("default").execute_query("CREATE TABLE noted (a, b)")
    await write(3)
    few = set(threads)
    threads.clear()
    await write(1000)

    assert few == {threading.get_ident()}
    assert len(threads) == 1
    assert threads != few


async def test_who_asks_much_lets_others_have_their_turn(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(politeness, "TURN", -1)
    turns = 0

    @transactional
    async def busy() -> int:
        before = turns
        for _ in range(100):
            await Organization.get(id=organization.id)
        return turns - before

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    turning = asyncio.create_task(other())
    passed = await busy()
    turning.cancel()

    assert passed >= 40


async def test_who_comes_next_is_not_taken_for_who_asked_before(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = 0

    async def ask() -> int:
        asyncio.get_running_loop().call_soon(turned)
        before = turns
        await Organization.get(id=organization.id)
        return turns - before

    def turned() -> None:
        nonlocal turns
        turns += 1

    await ask()
    monkeypatch.setattr(politeness, "TURN", 0)
    passed = []
    for _ in range(20):
        asking = asyncio.create_task(ask())
        passed.append(await asking)
        del asking
        await asyncio.sleep(0)  # now it is gone, and the next one has its place in memory

    assert passed == [0] * 20


async def test_readers_who_waited_for_the_thread_go_on_at_once_again(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[str] = []

    async def ask(name: str) -> None:
        for _ in range(3):
            await Organization.get(id=organization.id)
            answered.append(name)

    here("read").create_function("thread", 0, threading.get_ident)
    with monkeypatch.context() as hurried:
        hurried.setattr(direct, "PATIENCE", -1)
        long = asyncio.create_task(database.connection().execute_query(LONG))
        reading: Any = get_connection("read")
        while not reading._connection._away.locked():
            await asyncio.sleep(0)

    await asyncio.gather(*(ask(name) for name in "abc"))
    await long

    assert answered == list("aaabbbccc")


async def test_what_only_reads_writes_nothing(organization: Organization) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        here("read").execute("DELETE FROM organization")
