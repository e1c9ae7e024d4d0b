"""Issuing tickets, all or nothing and once per key; finding and revoking them."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

import models
from models import EventType, TaskStatus, TicketStatus
from tests.world import ISSUE_TICKETS, Clock, Door, kinds

SETTING_UP = (
    EventType.TEST_CREATED,
    EventType.TEST_STATUS_CHANGED,
    EventType.TASK_CREATED,
    EventType.TASK_STATUS_CHANGED,
)
TICKET = """
query ($id: ID, $code: String) {
  ticket(id: $id, invitationCode: $code) {
    id status invitationCode accessLink group labels validFrom validUntil extraTimePercent meetingUrl createdAt
    candidate { fullName email externalId attributes } task { id name }
  }
}
"""
REVOKE_TICKETS = """
mutation ($input: RevokeTicketsInput!) {
  revokeTickets(input: $input) {
    __typename
    ... on RevokeTicketsSuccess { tickets { id status } }
    ... on Refusal { message }
    ... on TooManyRows { limit }
  }
}
"""
MISSING = "tkt_01890a5d-ac96-774b-bcce-b302099a8057"


async def problems(owner: Door, *candidates: dict[str, Any]) -> list[tuple[int, str]]:
    """Row and field of everything that is wrong with the candidates, of whom none is kept."""
    task = await owner.open_task()
    answer = await owner.mutate(ISSUE_TICKETS, taskId=task["id"], candidates=list(candidates))
    assert answer["__typename"] == "InvalidCandidates", answer
    assert await models.Ticket.all().count() == await models.Candidate.all().count() == 0
    assert await models.TicketBatch.all().count() == 0
    return [(problem["index"], problem["field"]) for problem in answer["problems"]]


async def refused(owner: Door, **input: Any) -> Any:
    """The refusal of a call that issues no ticket."""
    answer = await owner.mutate(ISSUE_TICKETS, **input)
    assert await models.Ticket.all().count() == await models.Candidate.all().count() == 0
    assert await kinds(*SETTING_UP) == []
    return answer


async def test_a_ticket_shows_everything_that_was_sent(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    ada = {
        "fullName": "Ada Lovelace",
        "email": "ada@example.org",
        "externalId": "S-1",
        "attributes": {"year": 1, "tags": ["a"]},
        "extraTimePercent": 25,
        "meetingUrl": "https://meet.example.org/ada",
    }

    issued = await owner.mutate(
        ISSUE_TICKETS,
        taskId=task["id"],
        candidates=[ada],
        group="Monday",
        labels=["early", "first floor", "early"],
        validFrom="2026-01-01T00:00:00Z",
        validUntil="2026-02-01T00:00:00Z",
    )

    assert issued["replayed"] is False
    ticket = (await owner.ask(TICKET, id=issued["tickets"][0]["id"]))["ticket"]
    code = ticket["invitationCode"]
    assert re.fullmatch(r"[A-HJKMNP-Z2-9]{4}-[A-HJKMNP-Z2-9]{5}-[A-HJKMNP-Z2-9]{4}", code)
    assert ticket == {
        "id": issued["tickets"][0]["id"],
        "status": "ISSUED",
        "invitationCode": code,
        "accessLink": f"{task['link']}/{code}",
        "group": "Monday",
        "labels": ["early", "first floor"],
        "validFrom": "2026-01-01T00:00:00+00:00",
        "validUntil": "2026-02-01T00:00:00+00:00",
        "extraTimePercent": 25,
        "meetingUrl": "https://meet.example.org/ada",
        "createdAt": "2026-01-02T03:04:05+00:00",
        "candidate": {
            "fullName": "Ada Lovelace",
            "email": "ada@example.org",
            "externalId": "S-1",
            "attributes": {"year": 1, "tags": ["a"]},
        },
        "task": {"id": task["id"], "name": "Entrance exam"},
    }


async def test_tickets_come_in_the_order_in_which_their_candidates_were_sent(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    people = [{"fullName": f"P {at}"} for at in range(1_200)]

    issued = await owner.mutate(ISSUE_TICKETS, taskId=task["id"], candidates=people, idempotencyKey="k")
    again = await owner.mutate(ISSUE_TICKETS, taskId=task["id"], candidates=people, idempotencyKey="k")

    assert [ticket["candidate"]["fullName"] for ticket in issued["tickets"]] == [one["fullName"] for one in people]
    assert len({ticket["invitationCode"] for ticket in issued["tickets"]}) == 1_200
    assert again == {**issued, "replayed": True}


async def test_one_event_without_personal_data_tells_of_a_batch(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    await owner.issue(task["id"], 3)

    event = await models.Event.get(type=EventType.TICKETS_ISSUED)
    batch = await models.TicketBatch.get()
    assert (event.subject, event.payload, event.task_id) == (batch.gid, {"count": 3}, models.Task.key_of(task["id"]))
    assert await models.Event.filter(type=EventType.TICKET_STATUS_CHANGED).count() == 0


@pytest.mark.parametrize("name", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "山田　太郎", "<b>x</b>"])
async def test_a_name_is_text_whatever_it_begins_with(door: Door, name: str) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    [ticket] = await owner.issue(task["id"], candidates=[{"fullName": name}])

    assert ticket["candidate"]["fullName"] == name


async def test_every_bad_row_is_named_and_no_ticket_is_issued(door: Door) -> None:
    owner = await door.sign_up()

    found = await problems(
        owner,
        {"fullName": "Fine"},
        {"fullName": " ", "email": "nobody"},
        {"fullName": "x" * 201, "externalId": "x" * 201},
        {"fullName": "a\0b", "attributes": [1]},
        {"fullName": "Fine, too", "email": "", "externalId": "", "meetingUrl": ""},
        {"fullName": "A", "extraTimePercent": 401, "meetingUrl": "http://meet.example.org"},
        {"fullName": "A", "extraTimePercent": -1, "attributes": {"x": "y" * 10_000}},
        {"fullName": "A", "attributes": {"x": "\0"}},
    )

    assert found == [
        (1, "fullName"),
        (1, "email"),
        (2, "fullName"),
        (2, "externalId"),
        (3, "fullName"),
        (3, "attributes"),
        (5, "extraTimePercent"),
        (5, "meetingUrl"),
        (6, "attributes"),
        (6, "extraTimePercent"),
        (7, "attributes"),
    ]


@pytest.mark.parametrize(
    "email",
    ["a", "a@", "@b.example", "a@b", "a@b..example", "a b@c.example", ".a@b.example", "a@-b.example", "a\n@b.example"],
)
async def test_refuses_an_address_that_is_none(door: Door, email: str) -> None:
    owner = await door.sign_up()

    assert await problems(owner, {"fullName": "A", "email": email}) == [(0, "email")]


async def test_addresses_of_other_scripts_and_internal_hosts_are_kept(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    addresses = ["ada.l+x@school.local", "ädä@exämple.org", "O'Brien@a-b.example"]

    tickets = await owner.issue(task["id"], candidates=[{"fullName": "A", "email": one} for one in addresses])

    assert [ticket["candidate"]["email"] for ticket in tickets] == addresses


async def test_refuses_nobody_and_more_than_ten_thousand(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    none = await refused(owner, taskId=task["id"], candidates=[])
    many = await refused(owner, taskId=task["id"], candidates=[{"fullName": ""}] * 10_001)

    assert (
        none
        == many
        == {"__typename": "TooManyRows", "message": "Send between 1 and 10,000 rows in one call.", "limit": 10_000}
    )


async def test_refuses_a_window_that_ends_before_it_begins(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    answer = await refused(
        owner,
        taskId=task["id"],
        candidates=[{"fullName": "A"}],
        validFrom="2026-01-02T00:00:00Z",
        validUntil="2026-01-01T00:00:00Z",
    )

    assert answer["__typename"] == "InvalidWindow"


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("group", "x" * 201, "group"),
        ("labels", ["a"] * 21, "labels"),
        ("labels", ["fine", "x" * 101], "labels.1"),
        ("labels", [" "], "labels.0"),
        ("idempotencyKey", "x" * 201, "idempotencyKey"),
    ],
)
async def test_refuses_groups_labels_and_keys_that_cannot_be_kept(
    door: Door, field: str, value: Any, named: str
) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    answer = await refused(owner, taskId=task["id"], candidates=[{"fullName": "A"}], **{field: value})

    assert (answer["__typename"], answer["field"]) == ("InvalidInput", named)


async def test_refuses_an_archived_task(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.draft_task()
    await models.Task.filter(slug=task["slug"]).update(status=TaskStatus.ARCHIVED)

    answer = await refused(owner, taskId=task["id"], candidates=[{"fullName": "A"}], idempotencyKey="k")

    assert answer["__typename"] == "TaskArchived"
    assert await models.TicketBatch.all().count() == 0


async def test_the_same_key_with_another_body_is_refused(door: Door) -> None:
    owner = await door.sign_up()
    task, other = await owner.open_task(), await owner.open_task()
    await owner.issue(task["id"], idempotencyKey="k")

    people = await owner.mutate(ISSUE_TICKETS, taskId=task["id"], candidates=[{"fullName": "B"}], idempotencyKey="k")
    place = await owner.mutate(
        ISSUE_TICKETS,
        taskId=other["id"],
        candidates=[{"fullName": "Candidate 1", "email": "candidate1@example.org", "externalId": "S-1"}],
        idempotencyKey="k",
    )

    assert people["__typename"] == place["__typename"] == "IdempotencyKeyReused"
    assert await models.Ticket.all().count() == 1


async def test_a_key_is_the_organizations_own(door: Door) -> None:
    owner, other = await door.sign_up(), await door.sign_up()
    task, theirs = await owner.open_task(), await other.open_task()

    [ours], [another] = (
        await owner.issue(task["id"], idempotencyKey="k"),
        await other.issue(theirs["id"], idempotencyKey="k"),
    )

    assert ours["id"] != another["id"]


async def test_without_a_key_the_same_call_twice_issues_twice(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    [first], [second] = await owner.issue(task["id"]), await owner.issue(task["id"])

    assert first["invitationCode"] != second["invitationCode"]


async def test_twins_at_the_same_moment_make_one_batch(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    call = {"taskId": task["id"], "candidates": [{"fullName": "A"}, {"fullName": "B"}], "idempotencyKey": "k"}

    answers = await asyncio.gather(*(owner.mutate(ISSUE_TICKETS, **call) for _ in range(8)))

    assert sorted(answer["replayed"] for answer in answers) == [False] + [True] * 7
    assert all(answer["tickets"] == answers[0]["tickets"] for answer in answers)
    assert await models.Ticket.all().count() == await models.Candidate.all().count() == 2
    assert await models.Event.filter(type=EventType.TICKETS_ISSUED).count() == 1


async def test_ten_thousand_tickets_are_a_bounded_number_of_statements(door: Door, statements: list[str]) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    document = "mutation ($input: IssueTicketsInput!) { issueTickets(input: $input) { __typename } }"
    counted = {}

    for n in (1, 500, 10_000):
        statements.clear()
        people = [{"fullName": f"P {at}", "email": f"p{at}@example.org"} for at in range(n)]
        await owner.mutate(document, taskId=task["id"], candidates=people)
        counted[n] = sum(sql.startswith("INSERT") for sql in statements)  # the server's own look-ups are left out

    assert counted == {1: 4, 500: 4, 10_000: 4 + 2 * 9}  # batch, event, and two for each thousand
    assert await models.Ticket.all().count() == 10_501


@pytest.mark.parametrize("candidates", [[{"fullName": "A"}], [], [{"fullName": ""}]], ids=["good", "none", "bad"])
async def test_a_task_of_another_organization_is_not_found(door: Door, candidates: list[dict[str, str]]) -> None:
    owner, other = await door.sign_up(), await door.sign_up()
    viewer = await owner.colleague(models.Role.VIEWER)
    task = await owner.open_task()
    call = {"candidates": candidates}

    codes = [
        await other.code_of(ISSUE_TICKETS, input={"taskId": task["id"], **call}),
        await owner.code_of(ISSUE_TICKETS, input={"taskId": task["steps"][0]["id"], **call}),
        await viewer.code_of(ISSUE_TICKETS, input={"taskId": task["id"], **call}),
        await door.code_of(ISSUE_TICKETS, input={"taskId": task["id"], **call}),
    ]

    assert codes == ["NOT_FOUND", "NOT_FOUND", "FORBIDDEN", "UNAUTHENTICATED"]
    assert await models.Ticket.all().count() == 0


@pytest.mark.parametrize(
    "typed", [str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} ".replace("-", "–")]
)
async def test_a_ticket_is_found_by_its_code_however_it_is_typed(door: Door, typed: Any) -> None:
    owner = await door.sign_up()
    [ticket] = await owner.issue((await owner.open_task())["id"])

    found = (await owner.ask(TICKET, code=typed(ticket["invitationCode"])))["ticket"]

    assert found["id"] == ticket["id"]


async def test_a_ticket_is_asked_for_by_exactly_one_of_id_and_code(door: Door) -> None:
    owner, other = await door.sign_up(), await door.sign_up()
    [ticket] = await owner.issue((await owner.open_task())["id"])

    codes = [
        await owner.code_of(TICKET),
        await owner.code_of(TICKET, id=ticket["id"], code=ticket["invitationCode"]),
        await owner.code_of(TICKET, code="AAAA-AAAAA-AAAA"),
        await owner.code_of(TICKET, code="\0"),
        await other.code_of(TICKET, code=ticket["invitationCode"]),
        await other.code_of(TICKET, id=ticket["id"]),
        await owner.code_of(TICKET, id=ticket["candidate"]["id"]),
        await door.code_of(TICKET, id=ticket["id"]),
    ]

    assert codes == ["BAD_REQUEST"] * 2 + ["NOT_FOUND"] * 5 + ["UNAUTHENTICATED"]


async def test_the_clock_shows_whether_a_ticket_is_scheduled_or_expired(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    window: dict[str, Any] = {"validFrom": "2026-01-02T03:08:00Z", "validUntil": "2026-01-02T03:13:00Z"}
    [ticket] = await owner.issue((await owner.open_task())["id"], **window)
    seen = []

    for _ in range(3):
        seen.append((await owner.ask(TICKET, id=ticket["id"]))["ticket"]["status"])
        clock.forward(minutes=5)

    assert seen == ["SCHEDULED", "ISSUED", "EXPIRED"]


async def test_revoking_again_changes_nothing(door: Door) -> None:
    owner = await door.sign_up()
    first, second = await owner.issue((await owner.open_task())["id"], 2)
    await owner.mutate(REVOKE_TICKETS, ticketIds=[first["id"]])

    answer = await owner.mutate(REVOKE_TICKETS, ticketIds=[second["id"], first["id"], second["id"]])

    assert answer["tickets"] == [{"id": one["id"], "status": "REVOKED"} for one in (second, first, second)]
    events = await models.Event.filter(type=EventType.TICKET_STATUS_CHANGED).order_by("position")
    assert [(event.subject, event.payload) for event in events] == [
        (first["id"], {"from": "ISSUED", "to": "REVOKED"}),
        (second["id"], {"from": "ISSUED", "to": "REVOKED"}),
    ]


async def test_two_who_revoke_at_once_both_succeed_with_one_event_each(door: Door) -> None:
    owner = await door.sign_up()
    tickets = [ticket["id"] for ticket in await owner.issue((await owner.open_task())["id"], 5)]

    answers = await asyncio.gather(
        *(owner.mutate(REVOKE_TICKETS, ticketIds=order) for order in (tickets, tickets[::-1], tickets, tickets[::-1]))
    )

    assert {answer["__typename"] for answer in answers} == {"RevokeTicketsSuccess"}
    assert await models.Event.filter(type=EventType.TICKET_STATUS_CHANGED).count() == 5


async def test_one_absent_ticket_and_none_is_revoked(door: Door) -> None:
    owner, other = await door.sign_up(), await door.sign_up()
    proctor = await owner.colleague(models.Role.PROCTOR)
    [ours] = await owner.issue((await owner.open_task())["id"])
    [theirs] = await other.issue((await other.open_task())["id"])

    codes = [
        await owner.code_of(REVOKE_TICKETS, input={"ticketIds": [ours["id"], MISSING]}),
        await owner.code_of(REVOKE_TICKETS, input={"ticketIds": [ours["id"], theirs["id"]]}),
        await owner.code_of(REVOKE_TICKETS, input={"ticketIds": [ours["id"], ours["candidate"]["id"]]}),
        await proctor.code_of(REVOKE_TICKETS, input={"ticketIds": [theirs["id"]]}),
        await proctor.code_of(REVOKE_TICKETS, input={"ticketIds": [ours["id"]]}),
    ]

    assert codes == ["NOT_FOUND"] * 4 + ["FORBIDDEN"]
    assert await models.Ticket.filter(status=TicketStatus.ISSUED).count() == 2


async def test_refuses_to_revoke_none_or_more_than_a_thousand(door: Door) -> None:
    owner = await door.sign_up()
    [ticket] = await owner.issue((await owner.open_task())["id"])

    none = await owner.mutate(REVOKE_TICKETS, ticketIds=[])
    many = await owner.mutate(REVOKE_TICKETS, ticketIds=[ticket["id"]] * 1_001)

    assert (none["__typename"], none["limit"]) == (many["__typename"], many["limit"]) == ("TooManyRows", 1_000)
    assert await models.Ticket.filter(status=TicketStatus.ISSUED).count() == 1
