"""Reading lists: nested, in pages, narrowed, and only one's own; however many rows, the same few statements."""

from __future__ import annotations

from typing import Any

import pytest

import models
from tests.world import Clock, Door

W1 = """
{ organization { tasks(first: 10) { edges { node { name
  tickets(first: 10) { edges { node { invitationCode status
    testSessions(first: 5) { edges { node { id status score startedAt } } }
  } } }
} } } } }
"""
EVERYTHING = """
{ organization {
  tests { totalCount nodes { title maxScore sections { questions { id } } } }
  tasks { totalCount nodes { id steps { test { title } } welcome { bodyHtml } testSessions { totalCount } } }
  tickets { totalCount nodes {
    accessLink candidate { fullName } task { name } accessLinks(first: 5) { totalCount nodes { url ticket { id } } }
    assessments(first: 5) { totalCount nodes { id ticket { id } } } testSessions { totalCount }
  } }
  testSessions { totalCount nodes { id task { name } ticket { candidate { fullName } } test { title } } }
} }
"""
ENTER = """
mutation ($input: EnterTaskInput!) {
  enterTask(input: $input) { __typename ... on EnterTaskSuccess { accessToken } ... on Refusal { message } }
}
"""
START = """
mutation ($input: StartTestInput!) {
  startTest(input: $input) { __typename ... on StartTestSuccess { testSession { id } } ... on Refusal { message } }
}
"""
CREATE_LINKS = """
mutation ($input: CreateAccessLinksInput!) { createAccessLinks(input: $input) { __typename } }
"""
REVOKE = """
mutation ($input: RevokeTicketsInput!) {
  revokeTickets(input: $input) { __typename ... on RevokeTicketsSuccess { tickets { id status } } }
}
"""
TICKETS = """
query ($filter: TicketFilter, $first: Int, $after: String, $last: Int, $before: String) {
  organization { tickets(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    totalCount
    edges { cursor }
    nodes { candidate { fullName } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  } }
}
"""
TASKS = "query ($filter: TaskFilter) { organization { tasks(filter: $filter) { totalCount nodes { name } } } }"
SESSIONS = """
query ($filter: TestSessionFilter) {
  organization { testSessions(filter: $filter) { totalCount nodes { ticket { candidate { fullName } } } } }
}
"""


async def start(door: Door, task: Any, ticket: Any) -> Door:
    """The candidate, sitting the first test of the task."""
    entered = await door.mutate(ENTER, taskSlug=task["slug"], invitationCode=ticket["invitationCode"])
    candidate = door.with_token(entered["accessToken"])
    started = await candidate.mutate(START, stepId=task["steps"][0]["id"])
    assert started["__typename"] == "StartTestSuccess", started
    return candidate


async def furnish(door: Door, owner: Door, tasks: int, tickets: int) -> None:
    """So many tasks with so many tickets each, every candidate sitting, every ticket with a link."""
    for _ in range(tasks):
        task = await owner.open_task()
        issued = await owner.issue(task["id"], tickets)
        await owner.mutate(CREATE_LINKS, ticketIds=[ticket["id"] for ticket in issued])
        for ticket in issued:
            await start(door, task, ticket)


async def names(owner: Door, document: str, **variables: Any) -> list[str]:
    """The candidates of a list of tickets or sessions."""
    found = next(iter((await owner.ask(document, **variables))["organization"].values()))
    assert found["totalCount"] >= len(found["nodes"])
    return [(node.get("ticket") or node)["candidate"]["fullName"] for node in found["nodes"]]


@pytest.mark.parametrize("document", [W1, EVERYTHING])
async def test_a_nested_query_is_the_same_few_statements_however_many_rows(
    door: Door, statements: list[str], document: str
) -> None:
    few, many = await door.sign_up(), await door.sign_up()
    await furnish(door, few, tasks=1, tickets=1)
    await furnish(door, many, tasks=3, tickets=4)
    await few.ask(document)  # it is planned when it comes again
    counted = []

    for owner in (few, many):
        statements.clear()
        await owner.ask(document)
        # what is read through the tenancy door; the server's own sweeps are left out
        counted.append(sum("organization_id" in sql.partition("WHERE")[2] for sql in statements))

    assert counted[0] == counted[1]
    assert counted[0] == 1 if document is W1 else 3 <= counted[0] <= 24


async def test_the_nested_query_shows_every_session(door: Door) -> None:
    owner = await door.sign_up()
    await furnish(door, owner, tasks=2, tickets=2)

    tasks = (await owner.ask(W1))["organization"]["tasks"]["edges"]

    assert len(tasks) == 2
    tickets = [ticket["node"] for task in tasks for ticket in task["node"]["tickets"]["edges"]]
    assert [ticket["status"] for ticket in tickets] == ["ACTIVATED"] * 4
    sessions = [edge["node"] for ticket in tickets for edge in ticket["testSessions"]["edges"]]
    assert len({session["id"] for session in sessions}) == 4
    assert {session["status"] for session in sessions} == {"ACTIVE"}


async def test_another_organization_sees_nothing_of_it(door: Door) -> None:
    owner, other = await door.sign_up(), await door.sign_up()
    await furnish(door, owner, tasks=1, tickets=1)

    seen = (await other.ask(EVERYTHING))["organization"]

    assert seen == {name: {"totalCount": 0, "nodes": []} for name in ("tests", "tasks", "tickets", "testSessions")}


async def test_pages_follow_each_other_without_a_gap_or_a_repeat(door: Door) -> None:
    owner = await door.sign_up()
    await owner.issue((await owner.open_task())["id"], 7)
    forwards: list[str] = []
    backwards: list[str] = []
    after = before = None

    for _ in range(3):
        page = (await owner.ask(TICKETS, first=3, after=after))["organization"]["tickets"]
        forwards += [node["candidate"]["fullName"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        assert page["totalCount"] == 7
        assert page["pageInfo"]["hasNextPage"] is (len(forwards) < 7)
    for _ in range(3):
        page = (await owner.ask(TICKETS, last=3, before=before))["organization"]["tickets"]
        backwards[:0] = [node["candidate"]["fullName"] for node in page["nodes"]]
        before = page["pageInfo"]["startCursor"]
        assert page["pageInfo"]["hasPreviousPage"] is (len(backwards) < 7)

    assert forwards == backwards == [f"Candidate {at}" for at in range(1, 8)]


@pytest.mark.parametrize(
    "window", [{"first": 101}, {"first": -1}, {"first": 1, "last": 1}, {"after": "nonsense"}, {"after": "é"}]
)
async def test_a_window_that_means_nothing_is_a_bad_request(door: Door, window: dict[str, Any]) -> None:
    owner = await door.sign_up()

    assert await owner.code_of(TICKETS, **window) == "BAD_REQUEST"


async def test_tickets_are_narrowed_by_each_condition_and_by_all_together(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    ada = {"fullName": "Ada Lovelace", "email": "ada@example.org", "externalId": "S-1"}
    bob = {"fullName": "Bob 100%", "email": "bob@school.example", "externalId": "S-10"}
    eve = {"fullName": "Eve_Ä", "externalId": "X"}
    await owner.issue(task["id"], candidates=[ada], group="Monday", labels=["early", "a\\b"])
    [second] = await owner.issue(task["id"], candidates=[bob], group="Tuesday", labels=["early bird", 'quo"te'])
    await owner.issue(task["id"], candidates=[eve], validUntil="2026-01-02T03:05:00Z")
    await owner.mutate(REVOKE, ticketIds=[second["id"]])
    clock.forward(minutes=5)

    async def found(**filter_: Any) -> list[str]:
        return [name[:3] for name in await names(owner, TICKETS, filter=filter_)]

    assert await found() == ["Ada", "Bob", "Eve"]
    assert await found(status=["REVOKED"]) == ["Bob"]
    assert await found(status=["EXPIRED", "ISSUED"]) == ["Ada", "Eve"]
    assert await found(status=[]) == []
    assert await found(group="Monday") == ["Ada"]
    assert await found(label="early") == ["Ada"]
    assert await found(label="a\\b") == ["Ada"]
    assert await found(label='quo"te') == ["Bob"]
    assert await found(label="earl") == []
    assert await found(externalId="S-1") == ["Ada"]
    assert await found(text="LOVE") == ["Ada"]
    assert await found(text="school.EXAMPLE") == ["Bob"]
    assert await found(text="s-1") == ["Ada", "Bob"]
    assert await found(text="0%") == ["Bob"]
    assert await found(text="e_") == ["Eve"]
    assert await found(text="early") == []
    assert await found(group="Monday", label="early", status=["ISSUED"], text="ada") == ["Ada"]
    assert await found(group="Monday", text="bob") == []


async def test_tasks_are_narrowed_by_status_and_name(door: Door) -> None:
    owner = await door.sign_up()
    await owner.open_task(name="Spring exam")
    await owner.draft_task(name="Autumn exam")

    async def found(**filter_: Any) -> list[str]:
        tasks = (await owner.ask(TASKS, filter=filter_))["organization"]["tasks"]
        assert tasks["totalCount"] == len(tasks["nodes"])
        return [task["name"] for task in tasks["nodes"]]

    assert await found(status=["OPEN"]) == ["Spring exam"]
    assert await found(status=["OPEN", "DRAFT"]) == ["Spring exam", "Autumn exam"]
    assert await found(text="AUT") == ["Autumn exam"]
    assert await found(text="exam", status=["CLOSED"]) == []


async def test_sessions_are_narrowed_by_status_and_by_their_tickets(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    [first] = await owner.issue(
        task["id"], candidates=[{"fullName": "Ada", "externalId": "S-1"}], group="g", labels=["l"]
    )
    [second] = await owner.issue(task["id"], candidates=[{"fullName": "Bob"}])
    for ticket in (first, second):
        await start(door, task, ticket)

    async def found(**filter_: Any) -> list[str]:
        return await names(owner, SESSIONS, filter=filter_)

    assert await found(status=["ACTIVE"]) == ["Ada", "Bob"]
    assert await found(status=["SUBMITTED"]) == []
    assert await found(group="g") == await found(label="l") == await found(externalId="S-1") == ["Ada"]
    assert await found(text="BO") == ["Bob"]


@pytest.mark.parametrize("text", ["\0", "a\nb", "x" * 321])
async def test_a_filter_that_no_row_could_meet_is_a_bad_request(door: Door, text: str) -> None:
    owner = await door.sign_up()

    codes = [
        await owner.code_of(TICKETS, filter={"text": text}),
        await owner.code_of(TICKETS, filter={"group": text}),
        await owner.code_of(TASKS, filter={"text": text}),
        await owner.code_of(SESSIONS, filter={"label": text}),
    ]

    assert codes == ["BAD_REQUEST"] * 4


async def test_revoking_can_end_the_running_session_or_let_it_go_on(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    first, second = await owner.issue(task["id"], 2)
    for ticket in (first, second):
        await start(door, task, ticket)

    await owner.mutate(REVOKE, ticketIds=[first["id"]])
    await owner.mutate(REVOKE, ticketIds=[second["id"]], runningSessions="TERMINATE")
    await owner.mutate(REVOKE, ticketIds=[second["id"]], runningSessions="TERMINATE")

    assert await names(owner, SESSIONS, filter={"status": ["ACTIVE"]}) == ["Candidate 1"]
    assert await names(owner, SESSIONS, filter={"status": ["TERMINATED"]}) == ["Candidate 2"]
    assert await models.Ticket.filter(status=models.TicketStatus.REVOKED).count() == 2


async def test_a_candidate_sees_its_own_ticket_and_never_the_right_answers(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    own, other = await owner.issue(task["id"], 2)
    candidate = await start(door, task, own)
    by_id = """
    query ($id: ID!) { ticket(id: $id) { id task { id tickets { nodes { id } } } accessLinks { nodes { id } } } }
    """
    answers = "query ($id: ID!) { task(id: $id) { steps { test { title sections { title } } } } }"

    seen = await candidate.ask(by_id, id=own["id"])
    key = await candidate.execute(answers, id=task["id"])

    assert seen["ticket"] == {
        "id": own["id"],
        "task": {"id": task["id"], "tickets": {"nodes": [{"id": own["id"]}]}},
        "accessLinks": {"nodes": []},
    }
    assert await candidate.code_of(by_id, id=other["id"]) == "NOT_FOUND"
    assert await candidate.code_of("{ organization { id } }") == "FORBIDDEN"
    assert key["data"] == {"task": {"steps": [{"test": {"title": "Arithmetic", "sections": None}}]}}
    assert [error["extensions"]["code"] for error in key["errors"]] == ["FORBIDDEN"]
