"""Putting tickets on hold, and letting them go on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette

from models import Assessment, Event, Role, TestSession, Ticket, chance
from tests.hall import START, Hall, events, key, open_hall
from tests.world import Door

REVOKE = """
mutation ($input: RevokeTicketsInput!) { revokeTickets(input: $input) { __typename ... on Refusal { message } } }
"""


def document(name: str) -> str:
    """Of suspendTickets or restoreTickets."""
    success = f"{name[0].upper()}{name[1:]}Success"
    return (
        f"mutation ($input: TicketIdsInput!) {{ {name}(input: $input) {{ __typename "
        f"... on {success} {{ tickets {{ id status }} }} ... on TooManyRows {{ limit }} "
        "... on MoveNotAllowed { status } ... on Refusal { message } } }"
    )


SUSPEND, RESTORE = document("suspendTickets"), document("restoreTickets")


async def statuses(*tickets: Any) -> list[str]:
    """How these tickets stand."""
    return [(await Ticket.get(id=key(ticket["id"]))).status.value for ticket in tickets]


async def moves(ticket: Any) -> list[Any]:
    """Every move of the ticket, in the log's order."""
    log = await Event.filter(type="TICKET_STATUS_CHANGED", subject=ticket["id"]).order_by("position")
    return [(event.payload["from"], event.payload["to"]) for event in log]


async def hold(hall: Hall) -> None:
    """The hall's ticket."""
    assert (await hall.owner.mutate(SUSPEND, ticketIds=[hall.ticket["id"]]))["__typename"] == "SuspendTicketsSuccess"


async def restore(hall: Hall) -> str:
    """The hall's ticket; its status then."""
    answer = await hall.owner.mutate(RESTORE, ticketIds=[hall.ticket["id"]])
    assert answer["__typename"] == "RestoreTicketsSuccess", answer
    return str(answer["tickets"][0]["status"])


async def test_a_ticket_on_hold_lets_nobody_in_until_it_is_restored(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    fresh = (await hall.owner.issue(hall.task["id"]))[0]
    both = [fresh["id"], hall.ticket["id"]]

    held = await hall.owner.mutate(SUSPEND, ticketIds=both)
    entered, started = await hall.enter(), await hall.sitter.mutate(START, stepId=hall.step_id)
    restored = await hall.owner.mutate(RESTORE, ticketIds=both)

    assert held["tickets"] == [{"id": one, "status": "SUSPENDED"} for one in both]
    assert [entered["__typename"], started["__typename"]] == ["TicketSuspended"] * 2
    assert restored["tickets"] == [{"id": both[0], "status": "ISSUED"}, {"id": both[1], "status": "ACTIVATED"}]
    assert await moves(fresh) == [("ISSUED", "SUSPENDED"), ("SUSPENDED", "ISSUED")]
    assert (await hall.enter())["__typename"] == "EnterTaskSuccess"
    assert (await hall.start())["status"] == "ACTIVE"


async def test_again_changes_nothing(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    await hold(hall)
    before = await events()
    await hold(hall)
    held = await events()
    await restore(hall)
    after = await events()

    again = await restore(hall)

    assert (held, after) == (before, before + 1)
    assert (again, await events()) == ("ACTIVATED", after)


async def test_of_many_at_once_one_moves_it(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)

    await asyncio.gather(*(hold(hall) for _ in range(10)))

    assert await moves(hall.ticket) == [("ISSUED", "ACTIVATED"), ("ACTIVATED", "SUSPENDED")]


async def test_a_running_test_goes_on_to_its_end_and_then_the_ticket_is_used_up(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()

    await hold(hall)
    back = await hall.enter()
    await hall.submit(session)
    ended = (await Assessment.get()).status, await statuses(hall.ticket)
    restored = await restore(hall)

    assert back["__typename"] == "EnterTaskSuccess"
    assert ended == ("COMPLETED", ["SUSPENDED"])
    assert restored == "CONSUMED"
    assert (await TestSession.get()).status == "SUBMITTED"
    assert (await hall.enter())["__typename"] == "TicketConsumed"


@pytest.mark.parametrize("mutation", [SUSPEND, RESTORE])
@pytest.mark.parametrize("status", ["CONSUMED", "REVOKED"])
async def test_what_is_used_up_or_withdrawn_is_refused_and_so_is_the_whole_call(
    app: Starlette, door: Door, mutation: str, status: str
) -> None:
    hall = await open_hall(app, door)
    issued, held = await hall.owner.issue(hall.task["id"], 2)
    await hall.owner.mutate(SUSPEND, ticketIds=[held["id"]])
    if status == "CONSUMED":
        await hall.submit(await hall.start())
    else:
        await hall.owner.mutate(REVOKE, ticketIds=[hall.ticket["id"]])
    before, was = await events(), await statuses(issued, held, hall.ticket)

    answer = await hall.owner.mutate(mutation, ticketIds=[issued["id"], held["id"], hall.ticket["id"]])

    assert (answer["__typename"], answer["status"]) == ("MoveNotAllowed", status)
    assert (await events(), await statuses(issued, held, hall.ticket)) == (before, was)


@pytest.mark.parametrize("mutation", [SUSPEND, RESTORE])
async def test_none_or_too_many_are_refused(app: Starlette, door: Door, mutation: str) -> None:
    hall = await open_hall(app, door)
    before = await events()

    none = await hall.owner.mutate(mutation, ticketIds=[])
    many = await hall.owner.mutate(mutation, ticketIds=[f"tkt_{chance.new_id()}" for _ in range(1_001)])

    assert [(one["__typename"], one["limit"]) for one in (none, many)] == [("TooManyRows", 1_000)] * 2
    assert await events() == before


@pytest.mark.parametrize("mutation", [SUSPEND, RESTORE])
async def test_only_those_who_issue_tickets_may(app: Starlette, door: Door, mutation: str) -> None:
    other, hall = await open_hall(app, door), await open_hall(app, door)
    proctor = await hall.owner.colleague(Role.PROCTOR)
    fine, before = (await hall.owner.issue(hall.task["id"]))[0], await events()
    asked = {"ticketIds": [fine["id"], hall.ticket["id"]]}

    codes = [await who.code_of(mutation, input=asked) for who in (proctor, hall.sitter, other.owner, door)]
    mixed = await hall.owner.code_of(mutation, input={"ticketIds": [fine["id"], other.ticket["id"]]})

    assert codes == ["FORBIDDEN", "NOT_FOUND", "NOT_FOUND", "UNAUTHENTICATED"]
    assert mixed == "NOT_FOUND"
    assert await events() == before
