"""On PostgreSQL what answers nothing travels with the next statement, in order, and fails for both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

import errors
from models import Organization, database, unit
from models.changes import update
from models.unit import transactional
from models.whole import Transaction
from tests.conftest import POSTGRES

pytestmark = pytest.mark.skipif(not POSTGRES, reason="nothing travels to SQLite")

NOTE = "INSERT INTO noted (number, said, at, key) VALUES ($1, $2, $3, $4)"
KEY = UUID("019aaaaa-0000-7000-8000-000000000000")
AT = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)


@pytest.fixture(params=["", "?statement_cache_size=0"], ids=["prepared", "unprepared"])
async def noted(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[None]:
    """A table for notes, and one connection, which keeps its statements prepared or keeps none."""
    await database.connect(database_url + request.param, 1, 1.0)
    ask = database.connection().execute_query
    await ask("CREATE TABLE noted (number int PRIMARY KEY, said text, at timestamptz, key uuid, whole bytea)")
    yield
    await ask("DROP TABLE noted")
    await database.disconnect()


async def numbers() -> list[int]:
    """Of the notes that are there."""
    _, rows = await database.connection().execute_query("SELECT number FROM noted ORDER BY number")
    return [row["number"] for row in rows]


async def note(number: int, *others: Any, sql: str = NOTE) -> None:
    """Write it ahead of whatever comes next."""
    client = unit.connection()
    assert isinstance(client, Transaction)
    values = (*others, *[None] * (3 - len(others))) if sql is NOTE else others
    await client.execute_ahead(sql, [number, *values])


def journeys() -> int:
    """How many there were on the transaction's connection."""
    client = unit.connection()
    assert isinstance(client, Transaction)
    return int(client._connection._protocol.queries_count)


async def test_what_goes_ahead_is_seen_by_what_comes_next(noted: None) -> None:
    @transactional
    async def work() -> list[int]:
        await note(2)
        await note(1)
        return await numbers()

    assert await work() == [1, 2]
    assert await numbers() == [1, 2]


async def test_a_transaction_is_as_many_journeys_as_it_waits_for_answers_and_its_commit(noted: None) -> None:
    @transactional
    async def work(first: int) -> tuple[int, Any]:
        await note(first)
        await numbers()
        before = journeys()
        await note(first + 1)
        await note(first + 2)
        await numbers()
        await note(first + 3)
        return journeys() - before, unit.connection()

    await work(1)  # so that all is prepared
    made, client = await work(11)

    keeps = client._wire.connection._stmt_cache_enabled
    assert made == (1 if keeps else 3)
    assert await numbers() == [1, 2, 3, 4, 11, 12, 13, 14]


async def test_what_goes_ahead_arrives_as_it_was(noted: None) -> None:
    @transactional
    async def work() -> None:
        await note(1, "it's \\ “quoted”\n$1", AT, KEY)
        await note(2, None, None, str(KEY))
        await note(3, b"\0\xff", sql="INSERT INTO noted (number, whole) VALUES ($1, $2)")  # no text: it goes by itself

    await work()

    _, rows = await database.connection().execute_query("SELECT said, at, key, whole FROM noted ORDER BY number")
    assert [tuple(row) for row in rows] == [
        ("it's \\ “quoted”\n$1", AT, KEY, None),
        (None, None, KEY, None),
        (None, None, None, b"\0\xff"),
    ]


async def test_what_fails_ahead_fails_for_what_comes_next_and_nothing_is_kept(noted: None) -> None:
    @transactional
    async def work() -> None:
        await note(1)
        await note(1)
        await note(2)
        await numbers()

    for _ in range(3):
        with pytest.raises(IntegrityError):
            await work()

    assert await numbers() == []


async def test_what_fails_on_the_way_to_the_commit_fails_for_it_and_nothing_is_kept(noted: None) -> None:
    @transactional
    async def work() -> None:
        await note(1)
        await numbers()
        await note(1)

    for _ in range(3):
        with pytest.raises(IntegrityError):
            await work()

    assert await numbers() == []


async def test_a_transaction_that_only_writes_ahead_is_kept(noted: None) -> None:
    @transactional
    async def work() -> None:
        await note(1)

    await work()

    assert await numbers() == [1]


async def test_many_rows_come_after_what_went_ahead(noted: None) -> None:
    @transactional
    async def work() -> None:
        await note(1)
        await unit.connection().execute_many(
            "INSERT INTO noted (number) SELECT $1 FROM noted WHERE number = 1", [[2], [3]]
        )

    await work()

    assert await numbers() == [1, 2, 3]


async def test_a_statement_that_cannot_be_sent_leaves_nothing_of_what_was_ahead_of_it(noted: None) -> None:
    @transactional
    async def work() -> None:
        await note(1)
        await unit.connection().execute_query("SELECT number FROM noted WHERE number = $1", ["no number"])

    for _ in range(3):
        with pytest.raises(OperationalError):
            await work()

    assert await numbers() == []


async def test_a_transaction_that_asks_nothing_makes_no_journey(noted: None) -> None:
    @transactional
    async def work() -> None:
        clients.append((unit.connection(), journeys()))

    clients: list[tuple[Any, int]] = []
    await work()

    [(client, before)] = clients
    assert client._wire.connection._protocol.queries_count == before


async def test_what_is_undone_by_itself_leaves_the_rest(noted: None) -> None:
    @transactional
    async def work() -> None:
        await note(1)
        with pytest.raises(errors.NotFound):
            async with unit.connection()._in_transaction():
                await note(2)
                assert await numbers() == [1, 2]
                raise errors.NotFound
        async with unit.connection()._in_transaction():
            await note(3)

    await work()

    assert await numbers() == [1, 3]


async def test_who_is_sure_of_what_cannot_be_changes_nothing(noted: None) -> None:
    @transactional
    async def work(name: str) -> None:
        await note(1)
        unit.be_sure()
        assert await update(Organization, {"id": organization.id, "name": name}, {"name": "After"})

    organization = await Organization.create(name="Before")
    with pytest.raises(OperationalError):
        await work("Another")
    assert await numbers() == []
    await work("Before")

    await organization.refresh_from_db()
    assert (organization.name, await numbers()) == ("After", [1])
