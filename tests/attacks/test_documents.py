"""Documents that are small to send and dear to answer: refused over HTTP, SSE and a WebSocket."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import graphql as g
import httpx
import pytest

from schema.documents import KEPT, Known, Shelf
from server import create_app
from settings import Settings
from tests.conftest import serving
from tests.listening import Socket, event_stream, socket
from tests.process import resident, running
from tests.resolvers.test_door import JSON, RESPONSE_JSON, body, post
from tests.world import LOG_IN, PASSWORD, Clock, Door

OWN = "{ organization { name } }"
WIDE = "{ organization { tasks(first: 100) { nodes { tickets(first: 100) { nodes { id } } } } } }"


def _fragments(count: int, inside: str, last: str = "viewer { __typename }") -> str:
    """Fragments of which each spreads the next as `inside` says."""
    names = [f"fragment F{at} on Query {{ {inside.replace('NEXT', f'...F{at + 1}')} }}" for at in range(count - 1)]
    return "{ ...F0 } " + " ".join(names) + f" fragment F{count - 1} on Query {{ {last} }}"


def _thirty(introspection: str) -> str:
    body, fragments = introspection[introspection.index("__schema") :].split("fragment", 1)
    inside = body.strip().removesuffix("}")
    return "{ " + " ".join(f"a{at}: {inside}" for at in range(30)) + "} fragment" + fragments


DOCUMENTS = {
    "aliases": "{ " + " ".join(f"a{at}: viewer {{ __typename }}" for at in range(150)) + " }",
    "aliases in fragments": _fragments(5, "a: viewer { __typename } NEXT NEXT NEXT", "a: viewer { __typename }"),
    "fields": "{ " + "viewer { __typename } " * 450 + "}",
    "fields in inline fragments": "{ " + "... { viewer { __typename } } " * 199 + "}",
    "names in inline fragments": "{ " + "... { __typename } " * 390 + "}",
    "fields x 50,000": "{" + "a " * 49_000 + "}",
    "directives": "{ " + "... @skip(if: false) @include(if: true) { viewer { __typename } } " * 26 + "}",
    "directives x 200": "{ viewer { __typename " + "@include(if: true) " * 200 + "} }",
    "nested": "{ organization " + "{ tasks { nodes { organization " * 15 + "{ id }" + "} } }" * 15 + "}",
    "nested x 1,000": "{ viewer " * 900 + "}" * 900,
    "nested in fragments": _fragments(20, "organization { tasks { nodes { organization { id } } } } viewer { NEXT }"),
    "exponential": _fragments(30, "NEXT NEXT"),
    "exponential x 3": _fragments(45, "NEXT NEXT NEXT"),
    "fragments": "{ viewer { __typename } } " + " ".join(f"fragment F{at} on Query {{ a }}" for at in range(60)),
    "operations": " ".join(f"query Q{at} {{ viewer {{ __typename }} }}" for at in range(250)),
    "operations x 1,000": " ".join(f"query Q{at} {{ a }}" for at in range(1_000)),
    "introspections": _thirty(g.get_introspection_query()),
    "introspections, shallow": "{ " + " ".join(f"a{at}: __schema {{ types {{ name }} }}" for at in range(30)) + " }",
    "introspection, deep": "{ __schema { types " + "{ fields { type " * 6 + "{ name }" + "} }" * 6 + " } }",
    "pages": WIDE,
    "guesses": "mutation { " + " ".join(f'g{at}: enterTask(input: {{taskSlug: "x", invitationCode: "{at}"}}) '
                                        "{ __typename }" for at in range(20)) + " }",
    "comments": "{ viewer { __typename } } #" + "x" * 20_000,
}  # fmt: skip
CIRCULAR = {
    "itself": "{ ...F } fragment F on Query { viewer { __typename } ...F }",
    "each other": "{ ...F } fragment F on Query { ...G ...G } fragment G on Query { ...F ...F }",
    "all others": "{ ...F0 } "
    + " ".join(f"fragment F{at} on Query {{ " + " ".join(f"...F{to}" for to in range(25)) + " }" for at in range(25)),
}


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> list[Known]:
    """Every document that was measured, as often as it was."""
    measured: list[Known] = []

    def noted(one: Known, *args: Any) -> tuple[int, bool]:
        measured.append(one)
        return cost(one, *args)

    cost = Known.cost
    monkeypatch.setattr(Known, "cost", noted)
    return measured


def _name(document: str) -> str | None:
    return "Q0" if document.startswith("query Q0") else None


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
async def test_over_http_it_is_refused_before_anything_is_read(
    door: Door, document: str, statements: list[str]
) -> None:
    owner = await door.sign_up()
    authorization = f"Bearer {owner.token}"
    statements.clear()
    await owner.ask("{ __typename }")
    recognising = len(statements)
    statements.clear()

    answers = [
        await post(door, body(document, operationName=_name(document)), accept=accept, authorization=authorization)
        for accept in (JSON, RESPONSE_JSON)
    ]

    for answer in answers:
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["extensions"]) == (400, {"code": "QUERY_TOO_COMPLEX"})
        assert error["message"].startswith("A document may have at most ")
        assert answer.json().keys() == {"errors"}
    assert len(statements) == 2 * recognising


async def test_over_a_websocket_it_is_refused_and_the_socket_goes_on(live: Door) -> None:
    owner = await live.sign_up()
    codes = {}

    async with socket(owner) as opened:
        for name, document in DOCUMENTS.items():
            codes[name] = await _refusal(opened, document)
        for name, document in CIRCULAR.items():
            codes[name] = await _refusal(opened, document)
        await opened.subscribe(OWN, id="good")
        answer = await opened.next()

    assert codes == {**dict.fromkeys(DOCUMENTS, "QUERY_TOO_COMPLEX"), **dict.fromkeys(CIRCULAR, "BAD_REQUEST")}
    assert answer == {"name": "Example University"}


async def _refusal(opened: Socket, document: str) -> str:
    payload = {"query": document, "operationName": _name(document)}
    await opened.send({"id": "attack", "type": "subscribe", "payload": payload})
    message = await opened.receive()
    assert message["type"] == "error", message
    return str(message["payload"][0]["extensions"]["code"])


async def test_as_server_sent_events_it_is_refused(live: Door) -> None:
    owner = await live.sign_up()
    many = " ".join(f"a{at}: testSessionStatusChanged {{ cursor }}" for at in range(31))

    async with event_stream(owner, f"subscription {{ {many} }}") as events:
        told = [one async for one in events]

    [(name, data), end] = told
    assert (name, data["errors"][0]["extensions"], end) == ("next", {"code": "QUERY_TOO_COMPLEX"}, ("complete", None))


@pytest.mark.parametrize("document", CIRCULAR.values(), ids=CIRCULAR.keys())
async def test_fragments_that_spread_each_other_are_a_mistake(door: Door, document: str) -> None:
    answer = await post(door, body(document), accept=RESPONSE_JSON)

    assert answer.status_code == 400
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {"BAD_REQUEST"}
    assert len(answer.json()["errors"]) <= 11


async def test_fifty_thousand_fields_of_a_stranger_are_not_even_read(door: Door) -> None:
    answer = await post(door, body("{" + "a " * 50_000 + "}"))

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (413, "BAD_REQUEST")


async def test_a_page_size_in_a_variable_counts_as_one_in_the_document(door: Door) -> None:
    owner = await door.sign_up()
    document = "query ($n: Int) { organization { tasks(first: 50) { nodes { tickets(first: $n) { nodes { id } } } } } }"

    codes = [await owner.code_of(document, n=size) for size in (1, 100, 1, None, 100)]

    assert codes == [None, "QUERY_TOO_COMPLEX", None, None, "QUERY_TOO_COMPLEX"]


async def test_the_standard_introspection_is_answered(door: Door) -> None:
    owner = await door.sign_up()

    for descriptions in (True, False):
        answer = await owner.ask(g.get_introspection_query(descriptions, input_value_deprecation=True, one_of=True))
        assert answer["__schema"]["queryType"]["name"] == "Query"


def test_no_more_documents_are_remembered_than_there_is_room_for() -> None:
    shelf = Shelf()
    document = g.parse("{ " + "a " * 1_900 + "}")
    for number in range(200):
        shelf.put(str(number), Known(document))

    kept = [number for number in range(200) if shelf.take(str(number))]

    assert len(kept) == KEPT // (document.token_count + 8)
    assert kept == list(range(200 - len(kept), 200))


def test_what_is_long_and_says_little_takes_its_room_too() -> None:
    shelf = Shelf()
    texts = [f"{{ __typename }} #{number}{'x' * 19_900}" for number in range(2_000)]
    for text in texts:
        shelf.put(text, Known(g.parse(text)))

    kept = sum(len(text) for text in texts if shelf.take(text))

    assert 0 < kept < 16_000_000


async def test_variables_that_the_document_does_not_name_are_not_remembered(door: Door, known: list[Known]) -> None:
    for number in range(20):
        await door.execute("query ($n: Int) { nodes(ids: []) { id } }", n=number % 2, **{f"a{number}": number})

    assert [len(one.costs) for one in {id(one): one for one in known}.values()] == [2]


# ---- extensions.cost and the bucket ---------------------------------------------------------------------------------


async def test_an_answer_says_what_it_cost_and_what_is_left(door: Door) -> None:
    owner = await door.sign_up()

    first, second = [(await owner.execute(OWN))["extensions"] for _ in range(2)]

    assert first["cost"]["requestedQueryCost"] == 2
    assert first["cost"]["throttleStatus"] == {
        "maximumAvailable": 20_000,
        "currentlyAvailable": 19_998,
        "restoreRate": 1_000,
    }
    assert 19_996 <= second["cost"]["throttleStatus"]["currentlyAvailable"] <= 19_998


async def test_who_has_spent_all_is_told_when_to_come_back_and_nobody_else_notices(
    settings: Settings, clock: Clock
) -> None:
    app = create_app(replace(settings, cost_capacity=100, cost_per_second=1))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://admit.test")
    async with app.router.lifespan_context(app), client:
        owner, other = await Door(client).sign_up(), await Door(client).sign_up()
        costs = "{ organization { tasks(first: 95) { nodes { id } } } }"
        await owner.ask(costs)

        answers = [
            await post(owner, body(costs), accept=accept, authorization=f"Bearer {owner.token}")
            for accept in (JSON, RESPONSE_JSON)
        ]

        for answer in answers:
            extensions = answer.json()["errors"][0]["extensions"]
            assert (answer.status_code, extensions["code"]) == (429, "RATE_LIMITED")
            assert 90 <= int(answer.headers["retry-after"]) == extensions["retryAfter"] <= 98
            assert answer.json().keys() == {"errors"}
        assert (await other.ask(costs))["organization"] == {"tasks": {"nodes": []}}


async def test_a_stranger_is_charged_by_address_and_for_mistakes_too(settings: Settings, clock: Clock) -> None:
    app = create_app(replace(settings, cost_capacity=5, cost_per_second=1))
    async with app.router.lifespan_context(app):
        one, other = [
            httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 1)), base_url="https://admit.test")
            for address in ("192.0.2.1", "192.0.2.2")
        ]
        async with one, other:
            codes = [await Door(one).code_of("{ viewer { nothing } }") for _ in range(3)]
            theirs = await Door(other).code_of("{ viewer { __typename } }")

    assert (codes, theirs) == (["BAD_REQUEST", "BAD_REQUEST", "RATE_LIMITED"], None)


async def test_over_a_websocket_each_operation_is_charged(settings: Settings, clock: Clock) -> None:
    narrow = replace(settings, cost_capacity=100, cost_per_second=1)
    subscription = "subscription { testSessionStatusChanged { testSession { task { tickets { nodes { id } } } } } }"
    async with serving(narrow) as (base_url, _app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        owner = await Door(client).sign_up()
        async with socket(owner) as opened:
            await opened.subscribe("{ organization { tasks(first: 96) { nodes { id } } } }")
            answer, _ = await opened.receive(), await opened.receive()
            await opened.subscribe(subscription, id="2")
            refused = await opened.receive()
        async with event_stream(owner, subscription) as events:
            [(_, told), _] = [one async for one in events]

    assert answer["payload"]["extensions"]["cost"]["requestedQueryCost"] == 99
    for failures in (refused["payload"], told["errors"]):
        assert failures[0]["extensions"]["code"] == "RATE_LIMITED"
        assert 1 <= failures[0]["extensions"]["retryAfter"] <= 54
    assert refused["type"] == "error"


async def test_without_a_bucket_only_the_cost_is_told(settings: Settings, clock: Clock) -> None:
    app = create_app(replace(settings, cost_capacity=0))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://admit.test")
    async with app.router.lifespan_context(app), client:
        answer = await Door(client).execute("{ viewer { __typename } }")

    assert answer["extensions"] == {"cost": {"requestedQueryCost": 2}}


# ---- reading the schema ---------------------------------------------------------------------------------------------


async def test_in_production_strangers_cannot_read_the_schema_nor_guess_at_it(settings: Settings, clock: Clock) -> None:
    app = create_app(replace(settings, environment="production"))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://admit.test")
    async with app.router.lifespan_context(app), client:
        stranger = Door(client)
        owner = await stranger.sign_up()
        asked = ("{ __schema { types { name } } }", '{ ...F } fragment F on Query { __type(name: "Query") { name } }')
        refused = [(await stranger.execute(document))["errors"][0] for document in asked]
        known = [await owner.code_of(document) for document in asked]
        misspelled: list[tuple[str, dict[str, Any]]] = [
            ("{ viewr }", {}),
            ("{ organization }", {}),
            ("query ($t: [EventType!]) { events(types: $t) { head } }", {"t": ["TICKET_ISUED"]}),
            (LOG_IN, {"input": {"emial": "a", "password": PASSWORD}}),
        ]
        hints = [await _messages(stranger, *one) for one in misspelled]
        told = [await _messages(owner, *one) for one in misspelled]
        name = await stranger.ask("{ __typename }")

    assert {(error["message"], error["extensions"]["code"]) for error in refused} == {
        ("Sign in to read the schema.", "UNAUTHENTICATED")
    }
    assert known == [None, None]
    assert "Did you mean" not in "".join(hints)
    assert all("Did you mean" in one for one in told)
    assert name == {"__typename": "Query"}


async def test_developers_may_read_the_schema_without_a_credential(door: Door) -> None:
    assert (await door.ask("{ __schema { queryType { name } } }")) == {"__schema": {"queryType": {"name": "Query"}}}
    assert "Did you mean" in await _messages(door, "{ viewr }", {})


async def _messages(door: Door, document: str, variables: dict[str, Any]) -> str:
    return json.dumps([error["message"] for error in (await door.execute(document, **variables))["errors"]])


# ---- the real server ------------------------------------------------------------------------------------------------

MEGABYTES = 100
PROBE = 1.0  # seconds that somebody beside them waits at most
SECONDS = 0.1  # of a processor for one of them


async def test_none_takes_the_server_long_to_refuse(tmp_path: Path) -> None:
    took: dict[str, float] = {}
    async with (
        running(tmp_path, COST_CAPACITY="0") as server,
        httpx.AsyncClient(base_url=server.base_url, trust_env=False, timeout=60) as client,
    ):
        await client.post("/graphql", json={"query": OWN})
        for name, document in {**DOCUMENTS, **CIRCULAR}.items():
            spent = []
            for again in range(3):  # the collection of garbage, of whatever time, falls into one of them
                before = _worked(server.process.pid)
                await client.post("/graphql", json={"query": f"{document}#{again}"})
                spent.append(_worked(server.process.pid) - before)
            took[name] = min(spent)

    assert {name: seconds for name, seconds in took.items() if seconds > SECONDS} == {}


async def test_under_all_of_them_at_once_the_server_answers_others_and_does_not_grow(tmp_path: Path) -> None:
    different = [f"query Q{at} {{ nodes(ids: [" + "1 " * 1_950 + "]) { id } }" for at in range(40)]
    async with (
        running(tmp_path, COST_CAPACITY="0") as server,
        httpx.AsyncClient(base_url=server.base_url, trust_env=False, timeout=60) as client,
        httpx.AsyncClient(base_url=server.base_url, trust_env=False, timeout=PROBE) as other,
    ):
        await client.post("/graphql", json={"query": OWN})
        before = resident(server.process.pid)

        attacks = [*DOCUMENTS.values(), *CIRCULAR.values(), *different]
        answers = asyncio.gather(*(client.post("/graphql", json={"query": one}) for one in attacks))
        probes = [await other.get("/healthz") for _ in range(20)]
        statuses = {answer.status_code for answer in await answers}
        grown = resident(server.process.pid) - before

    assert [probe.status_code for probe in probes] == [200] * 20
    assert statuses == {200, 400}
    assert grown < MEGABYTES


def _worked(pid: int) -> float:
    """The processor time of a process, in seconds; a busy machine does not lengthen it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
