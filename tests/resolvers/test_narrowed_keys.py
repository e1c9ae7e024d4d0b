"""API keys that are narrowed to some tasks: what they reach, and that nothing beyond it is there for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from models import ApiKey, Event, Permission, Test, TestStatus
from settings import Settings
from tests.conftest import serving
from tests.furnished import QUESTION, Furnished, furnish, program
from tests.listening import changed, event_stream, socket, until
from tests.world import ISSUE_TICKETS, Clock, Door

CREATE = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    __typename
    ... on CreateApiKeySuccess { secret apiKey { id scopes tasks { id } } }
    ... on TooManyRows { limit }
  }
}
"""
REVOKE = "mutation ($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { __typename } }"
ROTATE = """
mutation ($input: RotateApiKeyInput!) {
  rotateApiKey(input: $input) { __typename ... on RotateApiKeySuccess { secret apiKey { id tasks { id } } } }
}
"""
EVERYTHING = """
{
  organization {
    name
    settings { allowedRedirectHosts redirectSigningSecret }
    tests(first: 5) { totalCount nodes { id } }
    tasks(first: 5) {
      totalCount
      nodes { id steps { id } tickets(first: 5) { totalCount nodes { id } } testSessions(first: 5) { nodes { id } } }
    }
    tickets(first: 5) {
      totalCount
      nodes {
        id candidate { id } accessLinks(first: 5) { totalCount nodes { id } } assessments(first: 5) { nodes { id } }
      }
    }
    testSessions(first: 5) { totalCount nodes { id events(first: 5) { totalCount nodes { type } } } }
    members(first: 5) { totalCount nodes { id } }
    apiKeys(first: 5) { totalCount nodes { id } }
  }
  events(first: 5) { totalCount head nodes { cursor } }
}
"""
FOUND = """
query ($text: String!) {
  organization {
    tasks(filter: {text: $text}) { totalCount }
    tickets(filter: {text: $text}) { totalCount nodes { id } }
    testSessions(filter: {text: $text}) { totalCount nodes { id } }
  }
}
"""
CHANGES = "subscription { testSessionStatusChanged { status } }"


@dataclass(frozen=True)
class Two:
    """One organization with two tasks, all that belongs to each, and a key that may everything in the first."""

    owner: Door
    ours: Furnished
    others: Furnished
    key: Door


@pytest.fixture
async def two(door: Door, app: Starlette) -> Two:
    """Two tasks of one organization."""
    owner = await door.sign_up("Hill School")
    ours, others = await furnish(app.state.site, owner), await furnish(app.state.site, owner)
    return Two(owner, ours, others, await program(app.state.site, ours, Permission, narrowed=True))


def told(answer: dict[str, Any]) -> tuple[Any, Any]:
    """What an answer says, whatever it cost."""
    return answer.get("data"), answer.get("errors")


async def kept() -> int:
    """How many keys there are."""
    return await ApiKey.all().count()


async def test_a_key_is_made_for_some_tasks_and_says_which(two: Two) -> None:
    tasks = sorted([two.others.task.gid, two.ours.task.gid])

    made = await two.owner.mutate(CREATE, name="Robot", scopes=["READ"], taskIds=[*tasks, tasks[0]])

    assert made["apiKey"]["tasks"] == [{"id": task} for task in tasks]
    event = await Event.filter(type="API_KEY_CREATED").first()
    assert event is not None
    assert event.payload == {"scopes": ["read"], "tasks": 2}


async def test_a_key_for_everything_has_no_list_of_tasks(two: Two) -> None:
    made = [
        await two.owner.mutate(CREATE, name="Robot", scopes=["READ"]),
        await two.owner.mutate(CREATE, name="Robot", scopes=["READ"], taskIds=None),
    ]

    assert [one["apiKey"]["tasks"] for one in made] == [None, None]


async def test_refuses_no_task_at_all_and_more_than_a_hundred(two: Two) -> None:
    before = await kept()

    answers = [
        await two.owner.mutate(CREATE, name="Robot", scopes=["READ"], taskIds=tasks)
        for tasks in ([], [two.ours.task.gid] * 101)
    ]

    assert answers == [{"__typename": "TooManyRows", "limit": 100}] * 2
    assert await kept() == before


async def test_refuses_a_task_of_another_organization_like_an_absent_one(two: Two, door: Door) -> None:
    stranger = await door.sign_up()
    absent, before = "tsk_01890a5d-ac96-774b-bcce-b302099a8057", await kept()
    wanted = {"name": "Robot", "scopes": ["READ"]}

    told = [
        await who.execute(CREATE, input={**wanted, "taskIds": tasks})
        for who, tasks in (
            (stranger, [two.ours.task.gid]),
            (stranger, [absent]),
            (two.owner, [two.ours.task.gid, absent]),
            (two.owner, [two.ours.ticket.gid]),
        )
    ]

    assert {answer["errors"][0]["extensions"]["code"] for answer in told} == {"NOT_FOUND"}
    assert len({answer["errors"][0]["message"] for answer in told}) == 1
    assert await kept() == before


async def test_everything_that_it_reads_is_of_its_tasks(two: Two) -> None:
    ours = two.ours

    seen = await two.key.ask(EVERYTHING)

    session = {"id": ours.session.gid}
    [task], [ticket] = seen["organization"]["tasks"]["nodes"], seen["organization"]["tickets"]["nodes"]
    assert seen["organization"]["name"] == "Hill School"
    assert seen["organization"]["tests"] == {"totalCount": 1, "nodes": [{"id": ours.test.gid}]}
    assert task == {
        "id": ours.task.gid,
        "steps": [{"id": ours.step.gid}],
        "tickets": {"totalCount": 1, "nodes": [{"id": ours.ticket.gid}]},
        "testSessions": {"nodes": [session]},
    }
    assert ticket == {
        "id": ours.ticket.gid,
        "candidate": {"id": ours.candidate.gid},
        "accessLinks": {"totalCount": 1, "nodes": [{"id": ours.link.gid}]},
        "assessments": {"nodes": [{"id": ours.assessment.gid}]},
    }
    happened = {"totalCount": 2, "nodes": [{"type": "TEST_SESSION_STATUS_CHANGED"}, {"type": "ANSWERS_SAVED"}]}
    assert seen["organization"]["testSessions"]["nodes"] == [{**session, "events": happened}]
    assert [seen["organization"][name]["totalCount"] for name in ("tasks", "tickets", "testSessions")] == [1, 1, 1]
    assert seen["events"]["totalCount"] == len(seen["events"]["nodes"]) == 2
    assert seen["events"]["head"] == seen["events"]["nodes"][-1]["cursor"]


async def test_it_sees_no_member_no_other_key_and_no_secret_of_the_organization(two: Two) -> None:
    me = (await two.key.ask("{ viewer { ... on ApiKey { id tasks { id } } } }"))["viewer"]

    seen = (await two.key.ask(EVERYTHING))["organization"]

    assert me["tasks"] == [{"id": two.ours.task.gid}]
    assert seen["members"] == {"totalCount": 0, "nodes": []}
    assert seen["apiKeys"] == {"totalCount": 1, "nodes": [{"id": me["id"]}]}
    assert seen["settings"]["redirectSigningSecret"] is None


async def test_nothing_that_happens_elsewhere_changes_what_it_reads(two: Two) -> None:
    before = await two.key.ask(EVERYTHING)

    await two.owner.open_task(name="Another")
    await two.owner.issue(two.others.task.gid, 3)
    await two.owner.mutate(CREATE, name="Robot", scopes=["READ"])

    assert await two.key.ask(EVERYTHING) == before


async def test_a_search_finds_nothing_elsewhere(two: Two) -> None:
    found = (await two.key.ask(FOUND, text="Cleo"))["organization"]
    everybody = (await two.owner.ask(FOUND, text="Cleo"))["organization"]

    assert found["tickets"] == {"totalCount": 1, "nodes": [{"id": two.ours.ticket.gid}]}
    assert found["testSessions"] == {"totalCount": 1, "nodes": [{"id": two.ours.session.gid}]}
    assert [everybody[name]["totalCount"] for name in ("tickets", "testSessions")] == [2, 2]


async def test_every_node_elsewhere_is_like_an_absent_one(two: Two) -> None:
    document = "query ($id: ID!) { node(id: $id) { id } }"
    own = {name: await two.key.code_of(document, id=gid) for name, gid in two.ours.nodes.items()}

    others = {name: await two.key.execute(document, id=gid) for name, gid in two.others.nodes.items()}

    hidden = {"ApiKey", "Member"}  # its own key is neither of the two
    assert {name for name, code in own.items() if code is not None} == hidden
    assert others.pop("Organization")["data"]["node"]["id"] == two.owner.known["organization"]["id"]
    absent = await two.key.execute(document, id="tsk_01890a5d-ac96-774b-bcce-b302099a8057")
    assert [answer for answer in others.values() if told(answer) != told(absent)] == []


async def test_a_list_of_tickets_with_one_from_elsewhere_is_refused_as_a_whole(two: Two) -> None:
    document = "mutation ($input: TicketIdsInput!) { suspendTickets(input: $input) { __typename } }"

    code = await two.key.code_of(document, input={"ticketIds": [two.ours.ticket.gid, two.others.ticket.gid]})

    assert code == "NOT_FOUND"
    await two.ours.ticket.refresh_from_db()
    assert two.ours.ticket.status == "ACTIVATED"


async def test_its_own_tasks_are_all_its_own(two: Two) -> None:
    ticket = {"ticketIds": [two.ours.ticket.gid]}
    session = {"testSessionIds": [two.ours.session.gid], "seconds": 60}
    task = {"taskId": two.ours.task.gid}
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("closeTask", "TaskIdInput", task),
        ("openTask", "TaskIdInput", task),
        ("createAccessLinks", "CreateAccessLinksInput", ticket),
        ("revokeAccessLink", "RevokeAccessLinkInput", {"accessLinkId": two.ours.link.gid}),
        ("adjustTime", "AdjustTimeInput", session),
        ("adjustTime", "AdjustTimeInput", {**task, "seconds": 60}),
        ("releaseResults", "ReleaseResultsInput", task),
        ("configureFinishRedirect", "ConfigureFinishRedirectInput", {**task, "url": None}),
        ("exportDirectLinks", "ExportDirectLinksInput", task),
        ("suspendTickets", "TicketIdsInput", ticket),
        ("restoreTickets", "TicketIdsInput", ticket),
    ]

    answers = []
    for name, type_, given in asked:
        document = f"mutation ($input: {type_}!) {{ {name}(input: $input) {{ __typename }} }}"
        answers.append((await two.key.mutate(document, **given))["__typename"])

    assert [name for name in answers if not name.endswith("Success")] == []


@pytest.mark.parametrize(
    ("field", "type_", "input"),
    [
        ("createTask", "CreateTask", lambda two: {"name": "T", "steps": [{"testId": two.ours.test.gid}]}),
        ("createTask", "CreateTask", lambda two: {"name": "T", "steps": []}),
        ("createTest", "CreateTest", lambda two: {"title": "T", "sections": []}),
        ("publishTest", "TestId", lambda two: {"testId": two.ours.test.gid}),
        ("retireTest", "TestId", lambda two: {"testId": two.ours.test.gid}),
        ("configureFinishRedirect", "ConfigureFinishRedirect", lambda two: {"url": None}),
        ("logOutEverywhere", "LogOutEverywhere", lambda two: {}),
        ("createApiKey", "CreateApiKey", lambda two: {"name": "Robot", "scopes": ["READ"]}),
    ],
)
async def test_what_is_not_done_in_one_task_is_forbidden(two: Two, field: str, type_: str, input: Any) -> None:
    document = f"mutation ($input: {type_}Input!) {{ {field}(input: $input) {{ __typename }} }}"
    before = await Event.all().count()

    code = await two.key.code_of(document, input=input(two))

    assert code == "FORBIDDEN"
    assert await Event.all().count() == before


async def test_a_draft_that_no_task_of_its_delivers_is_not_there(two: Two) -> None:
    ours: dict[str, Any] = {"organization_id": two.ours.member.organization_id}
    content = [{"title": None, "questions": [QUESTION]}]
    draft = await Test.create(**ours, title="Draft", status=TestStatus.DRAFT, content=content)
    document = "mutation ($input: TestIdInput!) { publishTest(input: $input) { __typename } }"

    code = await two.key.code_of(document, input={"testId": draft.gid})

    assert code == "NOT_FOUND"


async def test_it_makes_keys_for_its_own_tasks_alone_and_looks_after_those(two: Two) -> None:
    wanted = {"name": "Robot", "scopes": ["READ"]}

    made = await two.key.mutate(CREATE, **wanted, taskIds=[two.ours.task.gid])
    beyond = await two.key.code_of(CREATE, input={**wanted, "taskIds": [two.ours.task.gid, two.others.task.gid]})
    wider = await two.key.code_of(CREATE, input={**wanted, "scopes": ["AUTHOR_TESTS"], "taskIds": [two.ours.task.gid]})

    assert made["apiKey"]["tasks"] == [{"id": two.ours.task.gid}]
    assert (beyond, wider) == ("NOT_FOUND", "FORBIDDEN")
    rotated = await two.key.mutate(ROTATE, apiKeyId=made["apiKey"]["id"])
    assert (await two.key.mutate(REVOKE, apiKeyId=made["apiKey"]["id"]))["__typename"] == "RevokeApiKeySuccess"
    assert await two.key.with_token(rotated["secret"]).code_of(EVERYTHING) == "UNAUTHENTICATED"


async def test_it_neither_rotates_nor_revokes_the_keys_of_others_but_itself(two: Two) -> None:
    me = (await two.key.ask("{ viewer { ... on ApiKey { id } } }"))["viewer"]["id"]
    others = two.ours.api_key.gid

    codes = [
        await two.key.code_of(ROTATE, input={"apiKeyId": others}),
        await two.key.code_of(REVOKE, input={"apiKeyId": others}),
    ]
    rotated = await two.key.mutate(ROTATE, apiKeyId=me)

    assert codes == ["NOT_FOUND", "NOT_FOUND"]
    assert rotated["apiKey"] == {"id": me, "tasks": [{"id": two.ours.task.gid}]}
    assert (await two.key.with_token(rotated["secret"]).ask(EVERYTHING))["organization"]["tasks"]["totalCount"] == 1


async def test_an_idempotency_key_that_was_used_elsewhere_is_refused_and_tells_nothing_else(two: Two) -> None:
    people = [{"fullName": "Ann"}]
    await two.owner.issue(two.others.task.gid, idempotencyKey="monday")
    before = await Event.all().count()

    answer = await two.key.mutate(ISSUE_TICKETS, taskId=two.ours.task.gid, candidates=people, idempotencyKey="monday")

    assert answer["__typename"] == "IdempotencyKeyReused"
    assert await Event.all().count() == before


async def test_a_hundred_tasks_with_their_tickets_are_read_by_one_that_is_narrowed_to_them(two: Two) -> None:
    steps = [{"testId": two.ours.test.gid}]
    gids = [(await two.owner.draft_task(steps=steps))["id"] for _ in range(100)]
    made = await two.owner.mutate(CREATE, name="Robot", scopes=["READ"], taskIds=gids)
    document = "{ organization { tasks(first: 100) { nodes { id tickets(first: 1) { totalCount nodes { id } } } } } }"

    seen = (await two.key.with_token(made["secret"]).ask(document))["organization"]["tasks"]

    assert [task["id"] for task in seen["nodes"]] == gids
    assert {task["tickets"]["totalCount"] for task in seen["nodes"]} == {0}


# ---- streams ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def live_two(settings: Settings, clock: Clock) -> AsyncIterator[tuple[Two, Any]]:
    """The same on a real server, and what its streams wait for."""
    quick = replace(settings, export_workers=0, poll_seconds=0.05)
    async with serving(quick) as (base_url, app), httpx.AsyncClient(base_url=base_url) as client:
        owner = await Door(client).sign_up()
        ours, others = await furnish(app.state.site, owner), await furnish(app.state.site, owner)
        yield Two(owner, ours, others, await program(app.state.site, ours, Permission, narrowed=True)), app.state.site


async def test_a_stream_tells_of_its_tasks_alone(live_two: tuple[Two, Any]) -> None:
    two, site = live_two

    async with socket(two.key) as listener, event_stream(two.key, CHANGES) as events:
        await listener.subscribe(CHANGES)
        await until(lambda: site.pulse.followers == 2)
        await changed(two.ours.member.actor, "PAUSED", task_id=two.others.task.id)
        await changed(two.ours.member.actor, "TERMINATED")
        await changed(two.ours.member.actor, "SUBMITTED", task_id=two.ours.task.id)
        heard = (await listener.next())["status"]
        _, told = await anext(events)

    assert heard == told["data"]["testSessionStatusChanged"]["status"] == "SUBMITTED"


async def test_a_stream_of_a_thing_elsewhere_is_refused_like_that_of_an_absent_one(live_two: tuple[Two, Any]) -> None:
    two, _site = live_two
    document = """subscription ($task: ID, $ticket: ID, $session: ID) {
      testSessionStatusChanged(taskId: $task, ticketId: $ticket, testSessionId: $session) { status }
    }"""
    asked = [
        {"task": two.others.task.gid},
        {"ticket": two.others.ticket.gid},
        {"session": two.others.session.gid},
        {"task": "tsk_01890a5d-ac96-774b-bcce-b302099a8057"},
    ]

    async with socket(two.key) as listener:
        told = []
        for variables in asked:
            await listener.subscribe(document, **variables)
            told.append(await listener.receive())

    assert {message["type"] for message in told} == {"error"}
    assert [message["payload"] for message in told] == [told[-1]["payload"]] * 4
    assert told[-1]["payload"][0]["extensions"]["code"] == "NOT_FOUND"
