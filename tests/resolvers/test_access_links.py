"""Making shared links and withdrawing them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

import models
from models import EventType, TicketStatus
from services.keys import Keys
from settings import Settings
from tests.world import Clock, Door

CREATE = """
mutation ($input: CreateAccessLinksInput!) {
  createAccessLinks(input: $input) {
    __typename
    ... on CreateAccessLinksSuccess { accessLinks { id url status expiresAt maxUses useCount ticket { id } } }
    ... on Refusal { message }
    ... on InvalidInput { field }
    ... on TooManyRows { limit }
  }
}
"""
REVOKE = """
mutation ($input: RevokeAccessLinkInput!) {
  revokeAccessLink(input: $input) {
    __typename
    ... on RevokeAccessLinkSuccess { accessLink { id status } }
    ... on Refusal { message }
  }
}
"""
LINKS = "query ($id: ID) { ticket(id: $id) { accessLinks { totalCount nodes { id status maxUses } } } }"
MISSING = "lnk_01890a5d-ac96-774b-bcce-b302099a8057"


async def one_ticket(owner: Door) -> Any:
    """A ticket of a new, open task."""
    [ticket] = await owner.issue((await owner.open_task())["id"])
    return ticket


async def refused(owner: Door, **input: Any) -> Any:
    """The refusal of a call that makes no link."""
    answer = await owner.mutate(CREATE, **input)
    assert await models.AccessLink.all().count() == 0
    assert await models.Event.filter(type=EventType.ACCESS_LINKS_CREATED).count() == 0
    return answer


async def test_a_link_says_nothing_but_its_id_version_and_expiry(door: Door, settings: Settings) -> None:
    owner = await door.sign_up()
    ticket = await one_ticket(owner)

    made = await owner.mutate(CREATE, ticketIds=[ticket["id"]], expiresAt="2026-01-03T00:00:00Z", maxUses=2)

    [link] = made["accessLinks"]
    assert link == {
        "id": link["id"],
        "url": link["url"],
        "status": "ACTIVE",
        "expiresAt": "2026-01-03T00:00:00+00:00",
        "maxUses": 2,
        "useCount": 0,
        "ticket": {"id": ticket["id"]},
    }
    assert link["url"].startswith("https://admit.test/a/")
    claims = Keys(settings.secrets).open_link(link["url"].removeprefix("https://admit.test/a/"))
    assert claims.link_id == models.AccessLink.key_of(link["id"])
    assert (claims.version, claims.expires_at) == (1, datetime(2026, 1, 3, tzinfo=UTC))
    assert ticket["invitationCode"] not in link["url"]


async def test_links_come_in_the_order_sent_and_once_for_a_ticket_sent_twice(door: Door) -> None:
    owner = await door.sign_up()
    first, second = [ticket["id"] for ticket in await owner.issue((await owner.open_task())["id"], 2)]

    made = await owner.mutate(CREATE, ticketIds=[second, first, second])

    links = made["accessLinks"]
    assert [link["ticket"]["id"] for link in links] == [second, first, second]
    assert links[0]["id"] == links[2]["id"]
    assert await models.AccessLink.all().count() == 2
    event = await models.Event.get(type=EventType.ACCESS_LINKS_CREATED)
    assert event.payload == {"count": 2}


async def test_sent_again_it_makes_another_link(door: Door) -> None:
    owner = await door.sign_up()
    ticket = await one_ticket(owner)

    await owner.mutate(CREATE, ticketIds=[ticket["id"]])
    await owner.mutate(CREATE, ticketIds=[ticket["id"]], maxUses=1)

    links = (await owner.ask(LINKS, id=ticket["id"]))["ticket"]["accessLinks"]
    assert links["totalCount"] == 2
    assert [link["maxUses"] for link in links["nodes"]] == [None, 1]


@pytest.mark.parametrize(
    ("field", "value"), [("expiresAt", "2026-01-02T03:04:05Z"), ("maxUses", 0), ("maxUses", -1), ("maxUses", 1_000_001)]
)
async def test_refuses_a_link_that_could_never_be_used(door: Door, field: str, value: Any) -> None:
    owner = await door.sign_up()
    ticket = await one_ticket(owner)

    answer = await refused(owner, ticketIds=[ticket["id"]], **{field: value})

    assert (answer["__typename"], answer["field"]) == ("InvalidInput", field)


async def test_refuses_all_when_one_ticket_is_revoked(door: Door) -> None:
    owner = await door.sign_up()
    first, second = [ticket["id"] for ticket in await owner.issue((await owner.open_task())["id"], 2)]
    await models.Ticket.filter(id=models.Ticket.key_of(second)).update(status=TicketStatus.REVOKED)

    answer = await refused(owner, ticketIds=[first, second])

    assert answer["__typename"] == "TicketRevoked"


async def test_refuses_no_ticket_and_more_than_a_thousand(door: Door) -> None:
    owner = await door.sign_up()
    ticket = await one_ticket(owner)

    none = await refused(owner, ticketIds=[])
    many = await refused(owner, ticketIds=[ticket["id"]] * 1_001)

    assert (none["__typename"], none["limit"]) == (many["__typename"], many["limit"]) == ("TooManyRows", 1_000)


async def test_a_ticket_of_another_organization_is_not_found(door: Door) -> None:
    owner, other = await door.sign_up(), await door.sign_up()
    viewer = await owner.colleague(models.Role.VIEWER)
    ours, theirs = await one_ticket(owner), await one_ticket(other)

    codes = [
        await owner.code_of(CREATE, input={"ticketIds": [ours["id"], theirs["id"]]}),
        await owner.code_of(CREATE, input={"ticketIds": [ours["candidate"]["id"]]}),
        await viewer.code_of(CREATE, input={"ticketIds": [theirs["id"]]}),
        await viewer.code_of(CREATE, input={"ticketIds": [ours["id"]]}),
        await viewer.code_of(CREATE, input={"ticketIds": []}),
        await door.code_of(CREATE, input={"ticketIds": []}),
    ]

    assert codes == ["NOT_FOUND"] * 3 + ["FORBIDDEN"] * 2 + ["UNAUTHENTICATED"]
    assert await models.AccessLink.all().count() == 0


async def test_the_clock_shows_that_a_link_has_expired(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    ticket = await one_ticket(owner)
    await owner.mutate(CREATE, ticketIds=[ticket["id"]], expiresAt="2026-01-02T03:09:05Z")

    clock.forward(minutes=5)

    [link] = (await owner.ask(LINKS, id=ticket["id"]))["ticket"]["accessLinks"]["nodes"]
    assert link["status"] == "EXPIRED"


async def test_withdrawing_a_link_twice_or_at_once_is_withdrawing_it_once(door: Door) -> None:
    owner = await door.sign_up()
    ticket = await one_ticket(owner)
    [link] = (await owner.mutate(CREATE, ticketIds=[ticket["id"]]))["accessLinks"]

    answers = await asyncio.gather(*(owner.mutate(REVOKE, accessLinkId=link["id"]) for _ in range(5)))

    success = {"__typename": "RevokeAccessLinkSuccess", "accessLink": {"id": link["id"], "status": "REVOKED"}}
    assert answers == [success] * 5
    event = await models.Event.get(type=EventType.ACCESS_LINK_REVOKED)
    assert (event.subject, event.ticket_id) == (link["id"], models.Ticket.key_of(ticket["id"]))


async def test_a_link_of_another_organization_is_not_found(door: Door) -> None:
    owner, other = await door.sign_up(), await door.sign_up()
    viewer = await owner.colleague(models.Role.VIEWER)
    ticket = await one_ticket(owner)
    [link] = (await owner.mutate(CREATE, ticketIds=[ticket["id"]]))["accessLinks"]

    codes = [
        await other.code_of(REVOKE, input={"accessLinkId": link["id"]}),
        await owner.code_of(REVOKE, input={"accessLinkId": MISSING}),
        await owner.code_of(REVOKE, input={"accessLinkId": ticket["id"]}),
        await viewer.code_of(REVOKE, input={"accessLinkId": link["id"]}),
    ]

    assert codes == ["NOT_FOUND"] * 3 + ["FORBIDDEN"]
    assert (await models.AccessLink.get()).revoked_at is None
