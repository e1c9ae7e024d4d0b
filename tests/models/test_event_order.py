"""Everybody reads the log in one order, without a gap, while many write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from models import Event, EventType, Organization, database, system
from models.event import head, record
from models.unit import transactional
from tests.conftest import POSTGRES

WRITERS, ROUNDS = 20, 5

# A commit that lingers after its positions were given out: what a slow disk does now and then, here always.
LINGER = """
CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(random() * 0.02); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION linger();
"""


@pytest.fixture
async def lingering(rows: None) -> AsyncIterator[None]:
    """Commits that take a random while, where the database can be told to."""
    if POSTGRES:
        await database.connection().execute_script(LINGER)
    yield
    if POSTGRES:
        await database.connection().execute_script("DROP TRIGGER linger ON event; DROP FUNCTION linger;")


@transactional
async def write(organization: Organization, writer: int, times: int) -> None:
    """A transaction with some events."""
    for number in range(times):
        record(EventType.TASK_CREATED, f"{writer}.{number}", system(organization.id))


async def test_a_tailing_reader_misses_nothing_while_twenty_write(organization: Organization, lingering: None) -> None:
    async def writer(number: int) -> None:
        for turn in range(ROUNDS):
            await write(organization, number, 1 + (number + turn) % 3)

    writing = asyncio.gather(*(writer(number) for number in range(WRITERS)))
    seen: list[int] = []
    while True:
        done = writing.done()
        after = seen[-1] if seen else 0
        new = await Event.filter(organization_id=organization.id, position__gt=after).order_by("position")
        seen += [event.position for event in new]
        if done and not new:
            break
    await writing

    everything = [event.position for event in await Event.all().order_by("position")]
    assert seen == everything
    assert len(seen) == sum(1 + (number + turn) % 3 for number in range(WRITERS) for turn in range(ROUNDS))
    assert await head(organization.id) == seen[-1]


async def test_the_events_of_a_transaction_stay_together_in_their_order(
    organization: Organization, lingering: None
) -> None:
    await asyncio.gather(*(write(organization, number, 3) for number in range(10)))

    subjects = [event.subject for event in await Event.all().order_by("position")]
    groups = [subjects[at : at + 3] for at in range(0, len(subjects), 3)]
    assert sorted(groups) == [[f"{number}.{turn}" for turn in range(3)] for number in range(10)]


async def test_one_organizations_slow_commit_does_not_hold_up_anothers(organization: Organization) -> None:
    other = await Organization.create(name="Other")
    if not POSTGRES:
        pytest.skip("SQLite has one writer")
    held, release = asyncio.Event(), asyncio.Event()
    key = str(organization.id)

    @transactional
    async def hold() -> None:
        await database.connection().execute_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [key])
        held.set()
        await release.wait()

    holding = asyncio.create_task(hold())
    await held.wait()
    waiting = asyncio.create_task(write(organization, 1, 1))
    await asyncio.wait_for(write(other, 2, 1), 10)
    before = [event.subject for event in await Event.all()]
    release.set()
    await asyncio.gather(holding, waiting)

    assert before == ["2.0"]
    assert sorted(event.subject for event in await Event.all()) == ["1.0", "2.0"]
