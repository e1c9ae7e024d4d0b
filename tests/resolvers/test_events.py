"""Reading the event log: in order, page after page, by staff."""

from __future__ import annotations

from uuid import UUID

import pytest

from models import Role
from models.event import cursor_of
from tests.world import Door

EVENTS = """
query ($after: Cursor, $first: Int, $types: [EventType!]) {
  events(after: $after, first: $first, types: $types) {
    edges { cursor node { id } }
    nodes { id type subject actor occurredAt payload cursor }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
    head
  }
}
"""


async def test_the_log_tells_what_happened_to_what_by_whom_and_when(door: Door) -> None:
    owner = await door.sign_up()

    events = (await owner.ask(EVENTS, types=["ORGANIZATION_CREATED"]))["events"]

    [event] = events["nodes"]
    assert event == {
        "id": event["id"],
        "type": "ORGANIZATION_CREATED",
        "subject": owner.known["organization"]["id"],
        "actor": owner.known["member"]["id"],
        "occurredAt": "2026-01-02T03:04:05+00:00",
        "payload": {},
        "cursor": event["cursor"],
    }
    assert event["id"].startswith("evt_")
    assert events["edges"] == [{"cursor": event["cursor"], "node": {"id": event["id"]}}]


async def test_pages_follow_each_other_without_a_gap(door: Door) -> None:
    owner = await door.sign_up()
    await owner.open_task()
    everything = (await owner.ask(EVENTS))["events"]

    seen, after = [], None
    while True:
        page = (await owner.ask(EVENTS, first=2, after=after))["events"]
        seen += page["nodes"]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert seen == everything["nodes"]
    assert everything["totalCount"] == page["totalCount"] == len(seen) > 2
    assert everything["head"] == seen[-1]["cursor"] == after


async def test_only_the_types_that_were_asked_for_are_shown(door: Door) -> None:
    owner = await door.sign_up()
    await owner.draft_task()

    some = (await owner.ask(EVENTS, types=["TASK_CREATED", "TEST_CREATED"]))["events"]
    none = (await owner.ask(EVENTS, types=[]))["events"]

    assert [event["type"] for event in some["nodes"]] == ["TEST_CREATED", "TASK_CREATED"]
    assert (none["nodes"], none["totalCount"], none["pageInfo"]["endCursor"]) == ([], 0, None)


async def test_another_organizations_log_is_not_shown(door: Door) -> None:
    owner, stranger = await door.sign_up(), await door.sign_up()
    await owner.open_task()

    events = (await stranger.ask(EVENTS))["events"]

    assert [event["type"] for event in events["nodes"]] == ["ORGANIZATION_CREATED", "MEMBER_LOGGED_IN"]


async def test_every_member_of_staff_may_read_it(door: Door) -> None:
    owner = await door.sign_up()
    viewer = await owner.colleague(Role.VIEWER)

    assert (await viewer.ask(EVENTS, first=1))["events"]["totalCount"] == 3


@pytest.mark.parametrize("wrong", [{"first": 101}, {"first": -1}, {"after": "x"}, {"after": cursor_of(UUID(int=1))}])
async def test_refuses_a_page_that_cannot_be(door: Door, wrong: dict[str, object]) -> None:
    owner = await door.sign_up()

    assert await owner.code_of(EVENTS, **wrong) == "BAD_REQUEST"


async def test_a_page_is_three_statements_however_long(door: Door, statements: list[str]) -> None:
    owner = await door.sign_up()
    await owner.open_task()
    document = "{ events { nodes { id type subject actor payload } } }"
    statements.clear()

    await owner.ask(document)

    assert len([one for one in statements if '"event"' in one]) == 2
    assert len(statements) == 3  # and who asks
