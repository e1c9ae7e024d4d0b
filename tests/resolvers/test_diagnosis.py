"""Why somebody cannot get in, and what to do about it."""

from __future__ import annotations

from starlette.applications import Starlette

from models import AccessLink, Role, Ticket
from models import clock as now_of
from tests.hall import ENTER, key, open_hall
from tests.world import Clock, Door

DIAGNOSE = """
query ($id: ID!) {
  accessDiagnosis(ticketId: $id) {
    ticketStatus taskStatus canEnter reasons { code message advice } openAssessment { id status }
    assessmentsUsed assessmentsAllowed attempts { step { id } used limit } links { status reason { code } }
    lastRefusal { code at }
  }
}
"""


async def test_nothing_is_in_the_way_of_a_good_ticket(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    await hall.start()

    diagnosis = (await hall.owner.ask(DIAGNOSE, id=hall.ticket["id"]))["accessDiagnosis"]

    assert diagnosis == {
        "ticketStatus": "ACTIVATED",
        "taskStatus": "OPEN",
        "canEnter": True,
        "reasons": [],
        "openAssessment": {"id": hall.sitter.known["assessment"]["id"], "status": "IN_PROGRESS"},
        "assessmentsUsed": 1,
        "assessmentsAllowed": 1,
        "attempts": [{"step": {"id": hall.step_id}, "used": 1, "limit": 1}],
        "links": [],
        "lastRefusal": None,
    }


async def test_everything_in_the_way_is_named_with_what_to_do(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door, ticket={"validUntil": "2026-01-02T04:00:00Z"}, closesAt="2026-01-02T05:00:00Z")
    ticket = await Ticket.get(id=key(hall.ticket["id"]))
    await AccessLink.create(organization_id=ticket.organization_id, ticket_id=ticket.id, revoked_at=now_of.now())

    clock.forward(hours=3)
    diagnosis = (await hall.owner.ask(DIAGNOSE, id=hall.ticket["id"]))["accessDiagnosis"]

    assert (diagnosis["ticketStatus"], diagnosis["canEnter"]) == ("EXPIRED", False)
    assert [reason["code"] for reason in diagnosis["reasons"]] == ["TicketExpired", "TicketExpired"]
    assert all(reason["advice"] for reason in diagnosis["reasons"])
    assert diagnosis["links"] == [{"status": "REVOKED", "reason": {"code": "LinkRevoked"}}]


async def test_the_last_refusal_of_the_right_code_is_told(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door, ticket={"validUntil": "2026-01-02T04:00:00Z"})

    clock.forward(hours=3)
    refused = (await hall.enter())["__typename"]
    clock.forward(minutes=1)
    wrong = await door.mutate(ENTER, taskSlug=hall.task["slug"], invitationCode="AAAA-AAAAA-AAAA")

    assert (refused, wrong["__typename"]) == ("TicketExpired", "CodeUnknown")
    diagnosis = (await hall.owner.ask(DIAGNOSE, id=hall.ticket["id"]))["accessDiagnosis"]
    assert diagnosis["lastRefusal"] == {"code": "TicketExpired", "at": "2026-01-02T06:04:05+00:00"}


async def test_a_used_ticket_says_so(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    await hall.submit(await hall.start())

    diagnosis = (await hall.owner.ask(DIAGNOSE, id=hall.ticket["id"]))["accessDiagnosis"]

    assert (diagnosis["ticketStatus"], diagnosis["canEnter"], diagnosis["openAssessment"]) == ("CONSUMED", False, None)
    assert [reason["code"] for reason in diagnosis["reasons"]] == ["TicketConsumed"]


async def test_staff_alone_diagnose(app: Starlette, door: Door) -> None:
    hall, other = await open_hall(app, door), await open_hall(app, door)
    viewer = await hall.owner.colleague(Role.VIEWER)

    codes = [await who.code_of(DIAGNOSE, id=hall.ticket["id"]) for who in (viewer, hall.sitter, other.owner, door)]

    assert codes == [None, "FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED"]
