"""Another organization's cursors, filters and addresses tell nothing: they are like ones that were made up.

Its ids are swept in tests/resolvers/test_sweep.py, for every argument of every root field.
"""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from starlette.applications import Starlette

from models import Event, Export, Ticket
from services import exporting
from settings import Settings
from tests.furnished import Furnished, furnish
from tests.hall import site_of
from tests.listening import PATIENCE
from tests.resolvers.test_exports import EXPORT
from tests.world import Door

EVENTS = "query ($after: Cursor) { events(after: $after) { totalCount nodes { id } head } }"
STREAM = "subscription ($after: Cursor) { testSessionStatusChanged(after: $after) { cursor } }"
TICKETS = """
query ($id: ID!, $after: String, $before: String, $filter: TicketFilter) {
  task(id: $id) { tickets(after: $after, before: $before, filter: $filter) { totalCount nodes { id } } }
}
"""
SESSIONS = """
query ($id: ID!, $filter: TestSessionFilter) {
  task(id: $id) { testSessions(filter: $filter) { totalCount nodes { id } } }
}
"""
TASKS = "query ($filter: TaskFilter) { organization { tasks(filter: $filter) { nodes { id } } } }"
NODE = "query ($id: ID!) { node(id: $id) { id ... on Export { downloadUrl } } }"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """No worker in the background: the test is the worker."""
    return replace(settings, export_workers=0)


@pytest.fixture
async def ours(app: Starlette, door: Door) -> Furnished:
    """One organization's things."""
    return await furnish(site_of(app), await door.sign_up())


@pytest.fixture
async def theirs(app: Starlette, door: Door, ours: Furnished) -> Furnished:
    """Another's, made later."""
    return await furnish(site_of(app), await door.sign_up())


def cursor(key: UUID) -> str:
    """The place of a row in a connection, as the server writes it."""
    return urlsafe_b64encode(key.bytes).decode().rstrip("=")


def neighbour(key: UUID) -> UUID:
    """A key that no row has."""
    return UUID(int=key.int ^ 1)


async def told(door: Door, document: str, **variables: Any) -> dict[str, Any]:
    """The whole answer, but for what is left of the caller's own allowance."""
    answer = await door.execute(document, **variables)
    answer.pop("extensions", None)
    return answer


async def test_the_log_of_another_is_not_read_by_its_cursor(ours: Furnished, theirs: Furnished) -> None:
    log = await Event.filter(organization_id=theirs.member.organization_id)
    foreign = [await told(ours.owner, EVENTS, after=event.cursor) for event in log]
    made_up = await told(ours.owner, EVENTS, after=cursor(neighbour(theirs.event.id)))

    assert len(foreign) >= 2
    assert foreign == [made_up] * len(foreign)
    assert made_up["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_nor_is_its_stream(ours: Furnished, theirs: Furnished) -> None:
    answers = [await stream(ours.owner, after) for after in (theirs.event.cursor, cursor(neighbour(theirs.event.id)))]

    assert answers[0] == answers[1]
    assert '"BAD_REQUEST"' in answers[0]


async def stream(door: Door, after: str) -> str:
    """Everything that a stream says until it ends."""
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {door.token}"}
    body = {"query": STREAM, "variables": {"after": after}}
    async with asyncio.timeout(PATIENCE):  # one that is not refused does not end
        return (await door.client.post("/graphql", json=body, headers=headers)).text


async def test_a_list_is_paged_by_a_foreign_cursor_as_by_one_made_up(ours: Furnished, theirs: Furnished) -> None:
    key = theirs.ticket.id
    windows: list[dict[str, Any]] = [{"after": cursor(UUID(int=1))}, {"before": cursor(UUID(int=2**128 - 1))}]

    for name in ("after", "before"):
        foreign, made_up = [
            await ours.owner.ask(TICKETS, id=ours.task.gid, **{name: cursor(each)}) for each in (key, neighbour(key))
        ]
        assert foreign == made_up
    seen = [await ours.owner.ask(TICKETS, id=ours.task.gid, **window) for window in windows]

    assert [[node["id"] for node in one["task"]["tickets"]["nodes"]] for one in seen] == [[ours.ticket.gid]] * 2
    assert {one["task"]["tickets"]["totalCount"] for one in seen} == {1}


async def test_filters_find_nothing_of_anothers(ours: Furnished, theirs: Furnished) -> None:
    await Ticket.filter(id=theirs.ticket.id).update(group="Secret", labels=["hidden"])
    filters = [
        {"group": "Secret"},
        {"label": "hidden"},
        {"text": theirs.candidate.gid},
        {"text": theirs.ticket.code},
        {"text": "%"},
        {"text": "' OR 1=1 --"},
        {"externalId": str(theirs.candidate.id)},
    ]

    async def found(document: str, of: str, **filter: str) -> Any:
        return (await ours.owner.ask(document, id=ours.task.gid, filter=filter))["task"][of]

    tickets = [await found(TICKETS, "tickets", **one) for one in filters]
    sessions = [await found(SESSIONS, "testSessions", **one) for one in filters]
    everybody = await found(TICKETS, "tickets", text="cleo")
    tasks = await ours.owner.ask(TASKS, filter={"text": ""})

    assert tickets == [{"totalCount": 0, "nodes": []}] * len(filters)
    assert sessions == [{"totalCount": 0, "nodes": []}] * len(filters)
    assert everybody == {"totalCount": 1, "nodes": [{"id": ours.ticket.gid}]}
    assert [node["id"] for node in tasks["organization"]["tasks"]["nodes"]] == [ours.task.gid]


async def test_an_export_is_neither_seen_nor_downloaded_by_another(
    app: Starlette, ours: Furnished, theirs: Furnished
) -> None:
    made = []
    for things in (ours, theirs):
        asked = await things.owner.mutate(EXPORT, taskId=things.task.gid)
        while await exporting.step(site_of(app)):
            pass
        made.append((await things.owner.ask(NODE, id=asked["export"]["id"]))["node"])
    mine, other = made
    absent = f"{Export.prefix}_{neighbour(Export.key_of(other['id']))}"
    address = mine["downloadUrl"]

    swapped = [await ours.owner.client.get(address.replace(mine["id"], id_)) for id_ in (other["id"], absent)]
    nodes = [await told(ours.owner, NODE, id=id_) for id_ in (other["id"], absent)]

    assert (await ours.owner.client.get(address)).status_code == 200
    assert [answer.status_code for answer in swapped] == [403, 403]
    assert swapped[0].text == swapped[1].text
    assert nodes[0] == nodes[1]
