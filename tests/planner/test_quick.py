"""The short way in answers as the long way does, to the byte, headers included; what is unusual goes the long way."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any
from weakref import ref

import httpx
import orjson
import pytest
from starlette.applications import Starlette

from planner.front import Front
from planner.tiers import Planner
from resolvers.context import Context
from resolvers.door import Door as DoorHere
from resolvers.short import Short
from settings import Settings
from tests.at_once import Ways, posted, told, waits, wire_to
from tests.conftest import serving
from tests.furnished import furnish
from tests.resolvers.test_api_keys import new_key
from tests.world import ISSUE_TICKETS, Clock, Door
from web.heads import Heads

DOCUMENT = "query Q($code: String) { ticket(invitationCode: $code) { id status task { name } } }"
ALLOWED = "https://app.example"
USUAL: dict[str, str] = {"content-type": "application/json", "accept": "application/json"}
REQUESTS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "usual": (USUAL, {}),
    "no accept": ({"content-type": "application/json", "accept": "*/*"}, {}),
    "new media type": ({**USUAL, "accept": "application/graphql-response+json, application/json;q=0.9"}, {}),
    "utf-8": ({**USUAL, "content-type": "application/json; charset=utf-8"}, {}),
    "latin": ({**USUAL, "content-type": "application/json; charset=latin-1"}, {}),
    "form": ({**USUAL, "content-type": "application/x-www-form-urlencoded"}, {}),
    "html": ({**USUAL, "accept": "text/html"}, {}),
    "stream": ({**USUAL, "accept": "text/event-stream"}, {}),
    "origin": ({**USUAL, "origin": ALLOWED}, {}),
    "other origin": ({**USUAL, "origin": "https://evil.example"}, {}),
    "our own origin": ({**USUAL, "origin": "https://admit.test"}, {}),
    "no origin": ({**USUAL, "origin": "null"}, {}),
    "compressed": ({**USUAL, "content-encoding": "gzip"}, {}),
    "other host": ({**USUAL, "Host": "evil.example"}, {}),
    "wrong credential": ({**USUAL, "authorization": "Bearer admit_wrong"}, {}),
    "no credential": ({**USUAL, "authorization": ""}, {}),
    "operation name": (USUAL, {"operationName": "Q"}),
    "wrong operation name": (USUAL, {"operationName": "R"}),
    "wrong variables": (USUAL, {"variables": {"code": 7}}),
    "no such code": (USUAL, {"variables": {"code": "NOPE"}}),
    "variables are a list": (USUAL, {"variables": []}),
    "extensions": (USUAL, {"extensions": {"persistedQuery": None}}),
}


@pytest.fixture
async def spa(settings: Settings, clock: Clock) -> AsyncIterator[Door]:
    """A real server that pages of another origin may ask."""
    async with (
        serving(replace(settings, allowed_origins=ALLOWED)) as (base_url, _app),
        httpx.AsyncClient(base_url=base_url) as client,
    ):
        yield Door(client)


@pytest.mark.parametrize(("headers", "over"), REQUESTS.values(), ids=REQUESTS.keys())
async def test_all_ways_answer_the_same(
    spa: Door, settings: Settings, headers: dict[str, str], over: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, wire, ways = await spa.sign_up(), wire_to(spa), Ways(monkeypatch)
    secret = (await new_key(owner, "READ"))["secret"]
    program = owner.with_token(secret)
    [ticket] = await owner.issue((await owner.open_task())["id"])
    code = ticket["invitationCode"]
    for _ in range(2):
        await program.ask(DOCUMENT, code=code)  # known from now on, and so is that the key is used
    sent = {"authorization": f"Bearer {secret}", **headers}
    request = posted({"query": DOCUMENT, "variables": {"code": code}, **over}, sent)

    ways.tried.clear()
    quick, at_once = await wire.send(request), await wire.send(request)
    monkeypatch.setattr(Heads, "sent", lambda *_: None)
    monkeypatch.setattr(Short, "usual", lambda *_: None)
    monkeypatch.setattr(Front, "answer", _never)
    wire.close()
    slow = await wire.send(request)
    wire.close()

    assert told(quick) == told(slow)
    assert told(at_once) == told(slow)
    if (headers is USUAL and not over) or headers.get("origin") == ALLOWED:
        assert ways.taken == ["quick", "quick" if waits(settings) else "at once"]


@pytest.mark.parametrize("way", ["short", "long"])
async def test_nothing_of_a_request_stays_when_it_was_answered(
    spa: Door, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    owner, wire = await spa.sign_up(), wire_to(spa)
    secret = (await new_key(owner, "READ"))["secret"]
    query = (
        "{ organization { tasks(first: 5) { nodes { name tickets(first: 5) { nodes { candidate { fullName } } } } } } }"
    )
    request = posted({"query": query}, {"authorization": f"Bearer {secret}", **USUAL})
    for _ in range(2):
        await wire.send(request)
    made: list[ref[Context]] = []

    def context_for(self: DoorHere, address: str) -> Context:
        made.append(ref(context := make(self, address)))
        return context

    make = DoorHere.context_for
    monkeypatch.setattr(DoorHere, "context_for", context_for)
    monkeypatch.setattr(Planner, "at_once", lambda *_: None)
    if way == "long":
        monkeypatch.setattr(Front, "answer", _never)

    answer = await wire.send(request)  # and the connection stays

    assert orjson.loads(answer.body).get("errors") is None
    for _ in range(100):  # its task ends
        await asyncio.sleep(0)
    gc.collect()
    assert [one() for one in made] == [None]
    wire.close()


async def test_a_mutation_that_goes_wrong_beneath_its_root_is_done_once_and_charged_once(
    door: Door, app: Starlette
) -> None:
    document = """mutation ($input: IssueTicketsInput!) { issueTickets(input: $input) {
      ... on IssueTicketsSuccess { tickets { id testSessions(after: "junk") { nodes { id } } } } } }"""
    owner = await door.sign_up()
    task = await owner.open_task()
    inputs = {"taskId": task["id"], "candidates": [{"fullName": "One"}]}
    counts = []

    for _ in range(3):  # the first time the long way, then the short way as far as it goes
        answer = await owner.execute(document, input=inputs)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
        found = await owner.ask("{ organization { tickets { totalCount } } }")
        counts.append(found["organization"]["tickets"]["totalCount"])

    assert counts == [1, 2, 3]


async def test_who_came_in_by_the_mutation_reads_the_rest_whatever_goes_wrong_in_it(door: Door, app: Starlette) -> None:
    document = """mutation ($input: EnterTaskInput!) { enterTask(input: $input) { ... on EnterTaskSuccess {
      assessment { status ticket { candidate { fullName } } testSessions(after: "junk") { nodes { id } } } } } }"""
    mine = await furnish(app.state.site, await door.sign_up())
    sent = {"taskSlug": mine.task.slug, "invitationCode": mine.ticket.code}

    answers = [await door.execute(document, input=sent) for _ in range(3)]

    assert [_told(one) for one in answers] == [[("BAD_REQUEST", ["enterTask", "assessment", "testSessions"])]] * 3


async def test_a_bug_on_the_short_way_is_told_by_its_number(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    owner = await door.sign_up()
    usual = await owner.post("{ viewer { __typename } }")
    monkeypatch.setattr(Front, "answer", _broken)

    answer = await owner.post("{ viewer { __typename } }")

    [error] = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]) == (500, {"code": "INTERNAL"})
    assert "a secret of ours" not in answer.text
    assert "a secret of ours" in caplog.text
    assert answer.headers.keys() == usual.headers.keys()


async def test_a_mutation_is_as_good_the_short_way(door: Door, app: Starlette) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    made = [await owner.mutate(ISSUE_TICKETS, taskId=task["id"], candidates=[{"fullName": "One"}]) for _ in range(2)]

    assert [one["__typename"] for one in made] == ["IssueTicketsSuccess"] * 2
    assert made[0]["tickets"][0]["id"] != made[1]["tickets"][0]["id"]


async def test_a_body_in_pieces_and_a_client_that_hangs_up_go_the_long_way(app: Starlette, door: Door) -> None:
    owner = await door.sign_up()
    await owner.ask("{ organization { id } }")
    body = b'{"query": "{ organization { id } }"}'

    whole = await _raw(app, owner, len(body), [_part(body[:9], more=True), _part(body[9:])])
    hung_up = await _raw(app, owner, len(body), [{"type": "http.disconnect"}])

    assert b'"organization"' in whole[-1]["body"]
    assert hung_up == []


async def test_a_body_that_is_not_here_yet_is_waited_for_the_long_way(app: Starlette, door: Door) -> None:
    owner = await door.sign_up()
    await owner.ask("{ organization { id } }")
    body = b'{"query": "{ organization { id } }"}'

    late = await _raw(app, owner, len(body), [_part(body)], waits=True)
    early = await _raw(app, owner, len(body), [_part(body)])

    first, second = (orjson.loads(sent[-1]["body"])["data"] for sent in (late, early))
    assert first == second


def _part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def _raw(
    app: Starlette, owner: Door, length: int, messages: Iterable[dict[str, Any]], *, waits: bool = False
) -> list[Any]:
    left, sent = list(messages), list[Any]()
    headers = {**USUAL, "host": "admit.test", "authorization": f"Bearer {owner.token}", "content-length": str(length)}
    scope = {
        "type": "http", "method": "POST", "path": "/graphql", "raw_path": b"/graphql", "query_string": b"",
        "root_path": "", "scheme": "https", "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("t", 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()], "state": {},
    }  # fmt: skip

    async def receive() -> Any:
        if waits:
            loop = asyncio.get_running_loop()
            here = loop.create_future()
            loop.call_soon(here.set_result, None)
            await here
            await asyncio.sleep(0)
        return left.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def _told(answer: Any) -> list[Any]:
    return [(failure["extensions"]["code"], failure["path"]) for failure in answer["errors"]]


async def _broken(*_: Any, **__: Any) -> None:
    raise RuntimeError("a secret of ours")


async def _never(*_: Any, **__: Any) -> None:
    return None
