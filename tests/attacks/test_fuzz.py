"""Ten thousand requests and a thousand frames that are almost right, against `python server.py`: none is our bug.

FUZZ=… in the environment asks for more requests, or fewer; of frames there are a tenth. A failure names its number, and
the same number is the same mistake the next time.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.attacks.budgets import AS_ENVIRONMENT
from tests.attacks.fuzzing import FORM, JSON, Asked, Hand
from tests.attacks.wire import Dropped, Wire
from tests.hall import ENTER, PAPER, REDEEM, SAVE, START, SUBMIT
from tests.listening import bare_socket
from tests.process import Running
from tests.suites.conftest import started
from tests.world import CREATE_TASK, CREATE_TEST, ISSUE_TICKETS, LOG_IN, PASSWORD, QUESTIONS, SIGN_UP, Door

REQUESTS = int(os.environ.get("FUZZ", "10000"))
PARTS = max(4, REQUESTS // 2_500)  # which take turns on the machine
AT_ONCE = 8

TICKETS = """
query ($task: ID!, $first: Int, $after: String, $filter: TicketFilter) {
  task(id: $task) {
    tickets(first: $first, after: $after, filter: $filter) { totalCount nodes { id candidate { fullName attributes } } }
  }
}
"""
LOG = "query ($after: Cursor, $types: [EventType!]) { events(first: 5, after: $after, types: $types) { nodes { id } } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
STREAM = "subscription ($after: Cursor, $id: ID) { testSessionStatusChanged(after: $after, taskId: $id) { cursor } }"
KEY = "mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { ... on CreateApiKeySuccess { secret } } }"
SCOPES = ["READ", "AUTHOR_TESTS", "MANAGE_TASKS", "ISSUE_TICKETS", "MANAGE_ORGANIZATION"]
REDIRECT = """
mutation ($input: ConfigureFinishRedirectInput!) { configureFinishRedirect(input: $input) { __typename } }
"""


@pytest.fixture
async def server(tmp_path: Path, database_url: str) -> AsyncIterator[Running]:
    """A process without budgets."""
    async with started(tmp_path, database_url, **AS_ENVIRONMENT) as made:
        yield made


@pytest.fixture
async def requests(server: Running) -> list[Asked]:
    """What honest people send: an owner, two candidates, one who types a code, one who signs in."""
    async with httpx.AsyncClient(base_url=server.base_url, trust_env=False) as client:
        owner = await Door(client).sign_up()
        made = await owner.mutate(KEY, name="Robot", scopes=SCOPES)
        task = await owner.open_task()
        first, second = await owner.issue(task["id"], 2)
        over_graphql = await _over_graphql(owner, made["secret"], task, first)
        on_pages = await _on_pages(client, task, second)
        return [*over_graphql, *on_pages, *await _of_staff(client, owner)]


def operation(document: str, token: str | None = None, **variables: object) -> Asked:
    """A GraphQL request."""
    headers = [("authorization", f"Bearer {token}")] if token else []
    return Asked("POST", "/graphql", headers, {"query": document, "variables": variables}, JSON)


async def _over_graphql(owner: Door, key: str, task: Any, ticket: Any) -> list[Asked]:
    slug, code, email = task["slug"], ticket["invitationCode"], owner.known["member"]["email"]
    entered = await owner.mutate(ENTER, taskSlug=slug, invitationCode=code)
    token = entered["accessToken"]
    step = entered["assessment"]["steps"][0]["step"]["id"]
    session = (await owner.with_token(token).mutate(START, stepId=step))["testSession"]["id"]
    person = {"fullName": "Ann", "email": "ann@example.org", "attributes": {"a": [1, "x"]}, "extraTimePercent": 25}
    answers = [
        {"questionId": "q1", "value": ["a", 1.5], "sequence": 3},
        {"questionId": "q2", "value": "x", "sequence": 4},
    ]
    newcomer = {"organizationName": "O", "fullName": "F", "email": "f@example.org", "password": PASSWORD}
    staff: list[tuple[str, dict[str, Any]]] = [
        (TICKETS, {"task": task["id"], "first": 2, "filter": {"search": "a", "status": ["ISSUED"]}}),
        (LOG, {"types": ["TICKETS_ISSUED"]}),
        (NODES, {"ids": [task["id"], ticket["id"], session, step]}),
        (STREAM, {"id": task["id"]}),
        (CREATE_TEST, {"input": {"title": "T", "durationSeconds": 60, "sections": [{"questions": QUESTIONS}]}}),
        (CREATE_TASK, {"input": {"name": "N", "slug": "a-slug", "steps": [{"testId": "tst_x", "attemptLimit": 2}]}}),
        (
            ISSUE_TICKETS,
            {"input": {"taskId": task["id"], "candidates": [person], "validUntil": "2030-01-01T00:00:00Z"}},
        ),
        (REDIRECT, {"input": {"url": "https://a.example/x?y=1", "allowedHosts": ["a.example"]}}),
    ]
    candidates: list[tuple[str, dict[str, Any]]] = [
        (START, {"input": {"stepId": step}}),
        (SAVE, {"input": {"testSessionId": session, "answers": answers}}),
        (PAPER, {"id": session}),
        (SUBMIT, {"input": {"testSessionId": f"{session[:-4]}0000"}}),
    ]
    strangers: list[tuple[str, dict[str, Any]]] = [
        (SIGN_UP, {"input": newcomer}),
        (LOG_IN, {"input": {"email": email, "password": PASSWORD}}),
        (ENTER, {"input": {"taskSlug": slug, "invitationCode": code}}),
        (REDEEM, {"input": {"token": ticket["accessLink"].rpartition("/")[2] * 4}}),
    ]
    return [
        *(operation(document, key, **variables) for document, variables in staff),
        *(operation(document, token, **variables) for document, variables in candidates),
        *(operation(document, **variables) for document, variables in strangers),
        Asked("GET", "/graphql?query={viewer{__typename}}&variables={}", [("authorization", f"Bearer {key}")]),
    ]


async def _on_pages(client: httpx.AsyncClient, task: Any, ticket: Any) -> list[Asked]:
    welcome = f"/t/{task['slug']}"
    token = _hidden((await client.get(welcome)).text, "form_token")
    link = urlsplit(ticket["accessLink"]).path
    entered = await client.get(link)
    home, cookie = entered.headers["location"], ("cookie", entered.headers["set-cookie"].partition(";")[0])
    page = (await client.get(home, headers=[cookie])).text
    csrf, action = _hidden(page, "csrf"), re.findall(r'action="([^"]+/start)"', page)[0]
    here = (await client.post(action, data={"csrf": csrf}, headers=[cookie])).headers["location"]
    script = [cookie, ("accept", JSON), ("x-csrf-token", csrf)]
    draft = {"questionId": "q1", "value": ["a"], "sequence": 7}
    return [
        Asked("GET", welcome),
        Asked("POST", welcome, [], {"form_token": token, "code": ticket["invitationCode"]}, FORM),
        Asked("GET", link),
        Asked("GET", f"/a/{token}"),
        Asked("GET", home, [cookie]),
        Asked("POST", action, [cookie], {"csrf": csrf}, FORM),
        Asked("POST", f"{home}/complete", [cookie], {"csrf": csrf}, FORM),
        Asked("GET", here, [cookie]),
        Asked("POST", f"{here}/answers", [cookie], {"csrf": csrf, "answer.q1": "a", "then": "review"}, FORM),
        Asked("POST", f"{here}/answers", script, {"answers": [draft]}, JSON),
        Asked("POST", f"{here}/heartbeat", script, {}, JSON),
        Asked("GET", f"{here}/review", [cookie]),
        Asked("GET", f"{here}/finished", [cookie]),
        Asked("GET", f"/exports/exp_{home[-36:]}.xlsx?until=1999999999&signature={token}"),
        Asked("GET", "/static/site.css"),
        Asked("GET", "/healthz"),
    ]


async def _of_staff(client: httpx.AsyncClient, owner: Door) -> list[Asked]:
    token = _hidden((await client.get("/sign-in")).text, "token")
    form = {"token": token, "email": owner.known["member"]["email"], "password": PASSWORD, "task": ""}
    signed_in = await client.post("/sign-in", data=form)
    cookie = ("cookie", signed_in.headers["set-cookie"].partition(";")[0])
    csrf = _hidden((await client.get("/dashboard", headers=[cookie])).text, "csrf")
    return [
        Asked("GET", "/sign-in?task=tsk_1"),
        Asked("POST", "/sign-in", [], form, FORM),
        Asked("GET", "/dashboard", [cookie]),
        Asked("POST", "/dashboard/token", [cookie, ("x-csrf-token", csrf)], {}, FORM),
        Asked("POST", "/sign-out", [cookie], {"csrf": f"{csrf}x"}, FORM),
    ]


def _hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found, page
    return found[1]


async def fuzzed(server: Running, requests: Sequence[Asked], numbers: Sequence[int]) -> tuple[Counter[int], list[str]]:
    """Send the requests of these numbers: how often each status came, and what came that should not have."""
    statuses, wrong = Counter[int](), []
    with closing(Wire(urlsplit(server.base_url).port or 0)) as wire:
        for number in numbers:
            hand = Hand(number)
            request = hand.spoils(hand.chance.choice(requests))
            try:
                answer = await wire.send(request)
            except Dropped as dropped:
                wrong.append(f"{number}: {dropped} {request[:300]!r}")
                continue
            statuses[answer.status] += 1
            if answer.status >= 500 or b'"INTERNAL"' in answer.body:
                wrong.append(f"{number}: {answer.status} {answer.body[:200]!r} {request[:300]!r}")
    return statuses, wrong


@pytest.mark.parametrize("part", range(PARTS))
async def test_no_request_is_dropped_or_our_bug(server: Running, requests: list[Asked], part: int) -> None:
    numbers = range(part, REQUESTS, PARTS)

    results = await asyncio.gather(*(fuzzed(server, requests, numbers[at::AT_ONCE]) for at in range(AT_ONCE)))

    statuses = sum((each for each, _ in results), Counter[int]())
    assert [what for _, wrong in results for what in wrong] == []
    assert statuses.total() == len(numbers)
    assert statuses[200] > len(numbers) / 4, statuses
    assert {200, 303, 400, 403, 404, 405, 415} <= set(statuses)
    async with httpx.AsyncClient(base_url=server.base_url, trust_env=False) as client:
        assert (await Door(client).sign_up()).token


# What a client's library never sends: no UTF-8, reserved bits and kinds, no mask, a continuation of nothing, a ping too
# long, a close without a code or with one that is never sent.
UNFRAMED = [
    b"\x81\x81\x00\x00\x00\x00\xff",
    b"\xc1\x80\x00\x00\x00\x00",
    b"\x83\x80\x00\x00\x00\x00",
    b"\x81\x01a",
    b"\x80\x81\x00\x00\x00\x00a",
    b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + b"a" * 126,
    b"\x88\x81\x00\x00\x00\x00a",
    b"\x88\x82\x00\x00\x00\x00\x03\xee",
]
PING = json.dumps({"type": "ping"})


def frame(hand: Hand, payloads: Sequence[object]) -> str | bytes:
    """One message of the protocol, spoilt."""
    kinds: list[object] = [
        {"type": "connection_init", "payload": {"authorization": "Bearer x"}},
        {"type": "ping", "payload": {"a": 1}},
        {"type": "complete", "id": "1"},
        *({"type": "subscribe", "id": "1", "payload": payload} for payload in payloads),
    ]
    text = json.dumps(hand.spoilt_value(hand.chance.choice(kinds)))
    if hand.chance.random() < 0.3:
        text = hand.spoilt_bytes(text.encode()).decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode()
    return text.encode() if hand.chance.random() < 0.1 else text


async def conversed(server: Running, payloads: Sequence[object], hand: Hand) -> str:
    """Send one frame on a socket of its own, then ask whether the server is there: `pong`, or how it closed."""
    async with bare_socket(server.base_url) as opened:
        try:
            if hand.chance.random() < 0.8:
                await opened.send({"type": "connection_init"})
            if hand.chance.random() < 0.1:
                opened.connection.transport.write(hand.chance.choice(UNFRAMED))
            else:
                await opened.send(frame(hand, payloads))
            await opened.send(PING)
            while (message := await opened.receive())["type"] != "pong":
                if "INTERNAL" in str(message):
                    return str(message)
        except ConnectionClosed:
            return str(opened.connection.close_code)
        except TimeoutError:
            return "silence"
    return "pong"


async def test_no_frame_breaks_a_socket(server: Running, requests: list[Asked]) -> None:
    payloads = [asked.body for asked in requests if asked.path == "/graphql" and isinstance(asked.body, dict)]
    numbers = range(REQUESTS // 10)
    several = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> str:
        async with several:
            return await conversed(server, payloads, Hand(number))

    ends = await asyncio.gather(*map(one, numbers))

    orderly = {"pong", "1002", "1003", "1005", "1007", "1009", "4400", "4401", "4403", "4406", "4409", "4429"}
    assert [(number, end) for number, end in zip(numbers, ends, strict=True) if end not in orderly] == []
    assert {"pong", "1002", "1007", "4400", "4401", "4429"} <= set(ends)
    async with httpx.AsyncClient(base_url=server.base_url, trust_env=False) as client:
        assert (await Door(client).sign_up()).token
