"""The state tables, each move of each table: what is allowed happens once and is logged, the rest changes nothing."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from itertools import product
from typing import Any

import pytest
from starlette.applications import Starlette

import errors
from models import Assessment, Event, Task, Test, TestSession, Ticket, TicketStatus, system
from models.moves import Stateful, begin, move
from models.unit import transactional
from tests.furnished import Furnished, furnish
from tests.world import Door

TABLES: list[type[Stateful]] = [Test, Task, Ticket, Assessment, TestSession]
moving = transactional(move)


@pytest.fixture
async def things(door: Door, app: Starlette) -> Furnished:
    """One row of each table."""
    return await furnish(app.state.site, await door.sign_up())


def row_of(things: Furnished, table: type[Stateful]) -> Any:
    """The one that there is."""
    rows = (things.test, things.task, things.ticket, things.assessment, things.session)
    return next(row for row in rows if isinstance(row, table))


def test_every_state_table_is_tested() -> None:
    assert set(TABLES) == set(Stateful.__subclasses__())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_a_table_names_only_its_own_states_and_none_stays_put(table: type[Stateful]) -> None:
    for was, allowed in table.MOVES.items():
        assert allowed <= set(table.MOVES)
        assert was not in allowed


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
async def test_each_move_of_the_table_succeeds_or_changes_nothing(things: Furnished, table: type[Stateful]) -> None:
    row, actor = row_of(things, table), system(things.member.organization_id)
    statuses: type[StrEnum] = type(row.status)

    for was, to in product(table.MOVES, statuses):
        await table.filter(id=row.id).update(status=was)
        await Event.filter().delete()
        fresh: Any = await table.get(id=row.id)

        answers: list[Any] = await asyncio.gather(moving(fresh, to, actor), return_exceptions=True)

        now = (await table.get(id=row.id)).status
        logged = [(event.type, event.subject, event.payload) for event in await Event.all()]
        written = [(table.moved, row.gid, {"from": was.value, "to": to.value})]
        refused = answers[0].status if isinstance(answers[0], errors.MoveNotAllowed) else answers[0]
        expected = (None, to, written) if to in table.MOVES[was] else (was, was, [])
        assert (refused, now, logged) == expected


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
async def test_the_event_is_filed_under_what_the_row_concerns(things: Furnished, table: type[Stateful]) -> None:
    row, actor = row_of(things, table), system(things.member.organization_id)

    await moving(row, next(to for to in table.MOVES[row.status]), actor)

    event = await Event.filter(type=table.moved).order_by("-position").first()
    assert event is not None
    about = {name: getattr(event, name) for name in ("task_id", "ticket_id", "session_id")}
    assert about == {"task_id": None, "ticket_id": None, "session_id": None, **row.concerns()}
    assert (event.organization_id, event.actor) == (things.member.organization_id, "system")


async def test_whoever_is_slower_is_told_and_changes_nothing(things: Furnished) -> None:
    actor = system(things.member.organization_id)
    mine, yours = await Ticket.get(), await Ticket.get()
    await moving(yours, TicketStatus.REVOKED, actor)

    with pytest.raises(errors.MoveNotAllowed) as refused:
        await moving(mine, TicketStatus.SUSPENDED, actor)

    assert (refused.value.status, (await Ticket.get()).status) == (TicketStatus.REVOKED, TicketStatus.REVOKED)
    assert await Event.filter(type=Ticket.moved).count() == 1


async def test_of_many_at_once_exactly_one_moves(things: Furnished) -> None:
    actor = system(things.member.organization_id)
    copies = [await Ticket.get() for _ in range(8)]

    answers = await asyncio.gather(
        *(moving(copy, TicketStatus.REVOKED, actor) for copy in copies), return_exceptions=True
    )

    assert [type(answer) for answer in answers].count(type(None)) == 1
    assert await Event.filter(type=Ticket.moved).count() == 1


async def test_other_columns_are_set_with_the_status_or_not_at_all(things: Furnished) -> None:
    actor = system(things.member.organization_id)
    ticket = await Ticket.get()

    await moving(ticket, TicketStatus.SUSPENDED, actor, group="held")
    with pytest.raises(errors.MoveNotAllowed):
        await moving(ticket, TicketStatus.CONSUMED, actor, group="lost")

    stored = await Ticket.get()
    assert (stored.status, stored.group) == (ticket.status, ticket.group) == (TicketStatus.SUSPENDED, "held")


async def test_a_first_status_is_an_event_from_nothing(things: Furnished) -> None:
    @transactional
    async def made() -> None:
        begin(things.ticket, system(things.member.organization_id), batch="b")

    await made()

    event = await Event.filter(type=Ticket.moved).get()
    assert event.payload == {"from": None, "to": "ACTIVATED", "batch": "b"}
