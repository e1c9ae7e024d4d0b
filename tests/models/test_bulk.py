"""Rows by the thousand: others have their turn in between, and statements are few."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest
from starlette.applications import Starlette
from tortoise.exceptions import OperationalError

import models
from models import bulk, chance
from models.unit import transactional
from services import batches
from services.candidates import NewCandidate, checked


class Held:
    """Counts what is handled between two turns of the event loop."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def handle(self, count: int = 1) -> None:
        """So much more was handled."""
        self.now += count
        self.most = max(self.most, self.now)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Begin anew at each turn of the loop."""
        watch = asyncio.create_task(self._watch())
        yield
        watch.cancel()

    async def _watch(self) -> None:
        while True:
            self.now = 0
            await asyncio.sleep(0)


class People(list[NewCandidate]):
    """A list that says when some of it are taken out."""

    def __init__(self, count: int, held: Held) -> None:
        super().__init__(NewCandidate(f"P {at}", f"p{at}@example.org") for at in range(count))
        self._held = held

    def __getitem__(self, at: slice) -> list[NewCandidate]:  # type: ignore[override]
        some: list[NewCandidate] = super().__getitem__(at)
        self._held.handle(len(some))
        return some


async def test_looking_at_many_rows_never_holds_the_loop(app: Starlette) -> None:
    held = Held()
    people = People(3_000, held)
    batch = models.TicketBatch(organization_id=chance.new_id(), task_id=chance.new_id(), count=3_000)

    async with held.watching():
        await checked(people)
        assert 0 < held.most <= 100
        await batches.fingerprint({}, people)
        draft = await batches.draft(batch, people, {})

    assert held.most <= bulk.TURN
    assert draft.people == people
    assert not any(map(gc.is_tracked, (*draft.ticket_ids, *draft.candidate_ids, *draft.codes)))


async def test_writing_many_rows_never_holds_the_loop(app: Starlette, statements: list[str]) -> None:
    held = Held()
    organization = await models.Organization.create(name="O", redirect_secret=b"x" * 32)

    def names() -> Iterator[str]:
        for at in range(2_500):
            held.handle()
            yield f"P {at}"

    @transactional
    async def write() -> None:
        ids = [chance.new_id_text() for _ in range(2_500)]
        shared = {"organization_id": organization.id, "email": None}
        await bulk.insert(models.Candidate, ids, shared, {"full_name": names()})

    async with held.watching():
        await write()

    assert 0 < held.most <= bulk.TURN + 1
    assert len([sql for sql in statements if sql.startswith('INSERT INTO "candidate"')]) == 3
    rows = await models.Candidate.all().order_by("id")
    assert [row.full_name for row in rows] == [f"P {at}" for at in range(2_500)]
    assert {str(row.attributes) for row in rows} == {"{}"}


async def test_what_is_too_long_is_not_cut(app: Starlette) -> None:
    organization = await models.Organization.create(name="O", redirect_secret=b"x" * 32)

    @transactional
    async def write() -> None:
        ids, names = [chance.new_id_text(), chance.new_id_text()], ["x" * 201, "y"]
        await bulk.insert(models.Candidate, ids, {"organization_id": organization.id}, {"full_name": names})

    with suppress(OperationalError):  # PostgreSQL refuses it; SQLite knows no lengths
        await write()

    assert [len(row.full_name) for row in await models.Candidate.all().order_by("id")] in ([], [201, 1])


async def test_rows_are_inserted_in_a_unit_of_work_alone(app: Starlette) -> None:
    with pytest.raises(RuntimeError):
        await bulk.insert(models.Candidate, [], {}, {})


@pytest.mark.parametrize("count", [0, 1, 250, 251, 750])
async def test_every_row_has_its_turn_once(count: int) -> None:
    rows = list(range(count))

    taken = [some async for some in bulk.Turns(rows)]

    assert [one for some in taken for one in some] == rows
    assert all(0 < len(some) <= bulk.TURN for some in taken)
