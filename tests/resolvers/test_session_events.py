"""What happened to one session, read off the event log."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette

from models import Role
from tests.hall import ENTER, START, open_hall
from tests.world import Door

EVENTS = """
query ($id: ID!, $after: Cursor, $first: Int, $types: [EventType!]) {
  testSession(id: $id) { events(after: $after, first: $first, types: $types) {
    nodes { type subject actor payload cursor } edges { node { id } }
    pageInfo { hasNextPage hasPreviousPage endCursor } totalCount head
  } }
}
"""
MANY = """
query ($id: ID!) {
  task(id: $id) { testSessions { nodes { id events(first: 2) { totalCount nodes { type subject } } } } }
}
"""


async def test_a_sessions_events_are_its_own_in_their_order(app: Starlette, door: Door) -> None:
    other, hall = await open_hall(app, door), await open_hall(app, door)
    session = await hall.start()
    await other.start()
    await hall.proctor("pauseTestSession", session)
    await hall.proctor("resumeTestSession", session)
    await hall.submit(session)

    events = (await hall.owner.ask(EVENTS, id=session["id"]))["testSession"]["events"]

    assert [(event["type"], event["payload"].get("to")) for event in events["nodes"]] == [
        ("TEST_SESSION_STATUS_CHANGED", "ACTIVE"),
        ("TEST_SESSION_STATUS_CHANGED", "PAUSED"),
        ("TEST_SESSION_STATUS_CHANGED", "ACTIVE"),
        ("TEST_SESSION_STATUS_CHANGED", "SUBMITTED"),
        ("RESULT_RECORDED", None),
    ]
    assert {event["subject"] for event in events["nodes"]} == {session["id"]}
    assert events["nodes"][3]["actor"] == hall.ticket["id"]
    assert events["totalCount"] == len(events["edges"]) == 5


async def test_pages_and_types_narrow_it(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    await hall.submit(session)

    first = (await hall.owner.ask(EVENTS, id=session["id"], first=2))["testSession"]["events"]
    after = first["pageInfo"]["endCursor"]
    rest = (await hall.owner.ask(EVENTS, id=session["id"], after=after))["testSession"]["events"]
    results = (await hall.owner.ask(EVENTS, id=session["id"], types=["RESULT_RECORDED"]))["testSession"]["events"]

    assert [event["payload"].get("to") for event in first["nodes"]] == ["ACTIVE", "SUBMITTED"]
    assert first["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False, "endCursor": after}
    assert [event["type"] for event in rest["nodes"]] == ["RESULT_RECORDED"]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)
    assert (first["totalCount"], rest["totalCount"], results["totalCount"]) == (3, 3, 1)
    assert [event["type"] for event in results["nodes"]] == ["RESULT_RECORDED"]


@pytest.mark.parametrize("wrong", [{"first": 101}, {"first": -1}, {"after": "x"}])
async def test_refuses_a_page_that_cannot_be(app: Starlette, door: Door, wrong: dict[str, Any]) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()

    assert await hall.owner.code_of(EVENTS, id=session["id"], **wrong) == "BAD_REQUEST"


async def test_the_events_of_many_sessions_are_as_many_statements_as_of_one(
    app: Starlette, door: Door, statements: list[str]
) -> None:
    hall = await open_hall(app, door)
    await hall.start()
    for ticket in await hall.owner.issue(hall.task["id"], 3):
        entered = await door.mutate(ENTER, taskSlug=hall.task["slug"], invitationCode=ticket["invitationCode"])
        await door.with_token(entered["accessToken"]).mutate(START, stepId=hall.step_id)
    statements.clear()

    sessions = (await hall.owner.ask(MANY, id=hall.task["id"]))["task"]["testSessions"]["nodes"]

    assert [
        (session["events"]["totalCount"], [event["subject"] for event in session["events"]["nodes"]])
        for session in sessions
    ] == [(1, [session["id"]]) for session in sessions]
    assert len(sessions) == 4
    assert len([one for one in statements if '"event"' in one]) == 3  # the log's end, the pages, the counts


async def test_staff_alone_read_them(app: Starlette, door: Door) -> None:
    hall, other = await open_hall(app, door), await open_hall(app, door)
    session = await hall.start()
    viewer = await hall.owner.colleague(Role.VIEWER)

    own = await hall.sitter.execute(EVENTS, id=session["id"])
    codes = [await who.code_of(EVENTS, id=session["id"]) for who in (viewer, other.owner, other.sitter, door)]

    assert own["data"] == {"testSession": {"events": None}}
    assert [error["extensions"]["code"] for error in own["errors"]] == ["FORBIDDEN"]
    assert codes == [None, "NOT_FOUND", "NOT_FOUND", "UNAUTHENTICATED"]
