"""The GraphQL endpoint itself: what it accepts, over HTTP and over a WebSocket, and how it refuses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from server import create_app
from settings import Settings
from tests.conftest import serving
from tests.listening import Socket, bare_socket, event_stream, socket
from tests.world import SIGN_UP, Clock, Door

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
HELLO = "{ viewer { __typename } }"
DEEP = b"[" * 100_000 + b"]" * 100_000
OWN = "{ organization { name } }"


async def post(door: Door, content: bytes, **headers: str) -> httpx.Response:
    """The answer to these bytes."""
    named = {name.replace("_", "-"): value for name, value in {"content_type": JSON, **headers}.items()}
    return await door.client.post("/graphql", content=content, headers=named)


def body(query: str, **more: Any) -> bytes:
    """A request for the document."""
    return json.dumps({"query": query, **more}).encode()


def code(answer: httpx.Response) -> str:
    """The code of the only error."""
    [error] = answer.json()["errors"]
    found: str = error["extensions"]["code"]
    return found


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (RESPONSE_JSON, RESPONSE_JSON),
        (f"{RESPONSE_JSON}, {JSON};q=0.9", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=0.5, {JSON}", JSON),
        (f"{RESPONSE_JSON};q=0, */*", JSON),
        (f"{RESPONSE_JSON}, application/graphql+json, {JSON}, text/event-stream, multipart/mixed", RESPONSE_JSON),
    ],
)
async def test_answers_in_the_media_type_that_the_client_prefers(door: Door, accept: str | None, media: str) -> None:
    if accept is None:
        del door.client.headers["accept"]

    answer = await post(door, body(HELLO), **({"accept": accept} if accept else {}))

    assert (answer.status_code, answer.headers["content-type"]) == (200, f"{media}; charset=utf-8")
    assert answer.json()["data"] == {"viewer": None}
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("accept", ["text/plain", f"{JSON};q=0", "text/event-stream", "image/*"])
async def test_refuses_to_answer_a_query_in_another_media_type(door: Door, accept: str) -> None:
    answer = await post(door, body(HELLO), accept=accept)

    assert (answer.status_code, code(answer)) == (406, "BAD_REQUEST")


async def test_a_mutation_whose_answer_nobody_accepts_is_not_executed(door: Door) -> None:
    person = {"organizationName": "A", "fullName": "B", "email": "c@example.org", "password": "correct horse battery"}

    refused = await post(door, body(SIGN_UP, variables={"input": person}), accept="text/event-stream")

    assert (refused.status_code, code(refused)) == (406, "BAD_REQUEST")
    assert (await door.mutate(SIGN_UP, **person))["__typename"] == "SignUpSuccess"


@pytest.mark.parametrize(
    "query",
    [
        "{",
        "{ nothing }",
        "query ($first: Int!) { events(first: $first) { head } }",
        "query A { viewer { __typename } } query B { viewer { __typename } }",
        "fragment F on Query { viewer { __typename } }",
        "{ events(first: " + "9" * 5_000 + ") { head } }",
    ],
)
async def test_what_cannot_be_executed_has_no_data(door: Door, query: str) -> None:
    modern = await post(door, body(query), accept=RESPONSE_JSON)
    classic = await post(door, body(query), accept=JSON)

    assert (modern.status_code, classic.status_code) == (400, 200)
    assert modern.json() == classic.json()
    assert modern.json().keys() == {"errors"}
    assert {error["extensions"]["code"] for error in modern.json()["errors"]} == {"BAD_REQUEST"}


async def test_an_error_during_execution_has_data_and_status_200(door: Door) -> None:
    answer = await post(door, body(OWN), accept=RESPONSE_JSON)

    assert answer.status_code == 200
    assert (answer.json()["data"], code(answer)) == ({"organization": None}, "UNAUTHENTICATED")


async def test_runs_the_operation_that_is_named(door: Door) -> None:
    two = "query A { a: viewer { __typename } } query B { b: viewer { __typename } }"

    answers = [(await post(door, body(two, operationName=name))).json() for name in ("A", "B", "C", "")]

    assert [answer.get("data") for answer in answers] == [{"a": None}, {"b": None}, None, None]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b'"x"',
        b"1",
        b"[]",
        b"{}",
        b"{",
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": 1}',
        b'{"query": {}}',
        b'{"query": "\xff"}',
        b'{"query": "\\ud800"}',
        b'{"query": "{a}", "variables": 1}',
        b'{"query": "{a}", "variables": [1]}',
        b'{"query": "{a}", "operationName": 1}',
        b'{"query": "{a}", "extensions": "x"}',
        b'{"query": "{a}", "variables": {"a": ' + b"9" * 5_000 + b"}}",
        b'{"query": "{a}", "variables": {"a": ' + DEEP[:40_000] + DEEP[-40_000:] + b"}}",
        b"[" + body(HELLO) + b"]",
    ],
)
async def test_refuses_a_body_that_is_no_request_with_400(door: Door, content: bytes) -> None:
    answer = await post(door, content)

    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")
    assert answer.json().keys() == {"errors"}


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/plain; application/json",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
    ],
)
async def test_refuses_whatever_is_not_json_so_that_no_form_of_another_site_can_ask(
    door: Door, content_type: str
) -> None:
    answer = await post(door, body(HELLO), content_type=content_type)

    assert (answer.status_code, code(answer)) == (415, "BAD_REQUEST")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=UTF-8", "Application/JSON", 'application/json;charset="utf-8"']
)
async def test_accepts_json_however_it_is_spelled(door: Door, content_type: str) -> None:
    assert (await post(door, body(HELLO), content_type=content_type)).status_code == 200


async def test_refuses_a_body_that_is_too_large_without_reading_it_all(door: Door, settings: Settings) -> None:
    read = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1_000):
            read += 10_000
            yield b" " * 10_000

    announced = await post(door, b" " * (settings.body_bytes + 1))
    chunked = await door.client.post("/graphql", content=chunks(), headers={"content-type": JSON})

    assert (announced.status_code, code(announced)) == (413, "BAD_REQUEST")
    assert (chunked.status_code, code(chunked)) == (413, "BAD_REQUEST")
    assert read <= settings.body_bytes + 10_000


async def test_who_is_signed_in_may_send_long_lists(door: Door, settings: Settings) -> None:
    owner = await door.sign_up()
    padded = body(OWN) + b" " * settings.body_bytes

    answer = await post(door, padded, authorization=f"Bearer {owner.token}")
    too_much = await post(door, padded + b" " * settings.list_body_bytes, authorization=f"Bearer {owner.token}")

    assert (answer.status_code, too_much.status_code) == (200, 413)


async def test_a_query_may_come_by_get_and_empty_parameters_are_absent(door: Door) -> None:
    named = {"query": "query A($id: ID!) { node(id: $id) { id } }", "variables": '{"id": "x"}', "operationName": ""}

    plain = await door.client.get("/graphql", params={"query": HELLO, "variables": "", "operationName": ""})
    junk = await door.client.get("/graphql", params={"query": HELLO, "variables": "{"})
    answer = await door.client.get("/graphql", params=named)

    assert (plain.status_code, plain.json()["data"]) == (200, {"viewer": None})
    assert (junk.status_code, code(junk)) == (400, "BAD_REQUEST")
    assert code(answer) == "UNAUTHENTICATED"


async def test_a_mutation_never_comes_by_get(door: Door) -> None:
    answer = await door.client.get("/graphql", params={"query": "mutation { logOut { __typename } }"})

    assert (answer.status_code, answer.headers["allow"], code(answer)) == (405, "POST", "BAD_REQUEST")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_refused_with_those_that_are_not(door: Door, method: str) -> None:
    answer = await door.client.request(method, "/graphql", content=body(HELLO), headers={"content-type": JSON})

    assert (answer.status_code, answer.headers["allow"], code(answer)) == (405, "GET, POST", "BAD_REQUEST")


async def test_a_credential_that_does_not_count_is_401_whatever_was_asked(door: Door) -> None:
    answers = [await post(door, body(HELLO), authorization=header) for header in ("Bearer x", "Basic x", "Bearer", "x")]

    assert {(answer.status_code, answer.headers["www-authenticate"], code(answer)) for answer in answers} == {
        (401, "Bearer", "UNAUTHENTICATED")
    }


async def test_a_browser_that_asks_nothing_sees_the_explorer(door: Door) -> None:
    page = await door.client.get("/graphql", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    program = await door.client.get("/graphql")

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (program.status_code, code(program)) == (400, "BAD_REQUEST")


async def test_a_subscription_is_streamed_or_refused(door: Door) -> None:
    subscription = "subscription { testSessionStatusChanged { cursor } }"

    refused = await post(door, body(subscription), accept=JSON)
    streamed = await post(door, body(subscription), accept=f"{JSON}, text/event-stream")

    assert (refused.status_code, code(refused)) == (406, "BAD_REQUEST")
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert streamed.headers["cache-control"] == "no-store, no-transform"
    assert "content-length" not in streamed.headers
    assert '"UNAUTHENTICATED"' in streamed.text
    assert streamed.text.endswith("event: complete\ndata:\n\n")


async def test_a_value_that_is_refused_is_not_repeated(door: Door) -> None:
    answer = await door.post(SIGN_UP, input={"password": "hunter2hunter2", "email": 7, "nothing": 1})

    assert answer.json().keys() == {"errors"}
    assert "hunter2" not in answer.text


async def test_only_the_origins_of_the_settings_may_read_answers(settings: Settings, clock: Clock) -> None:
    app = create_app(replace(settings, allowed_origins="https://app.example"))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://admit.test")
    async with app.router.lifespan_context(app), client:
        asked = {
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization, content-type",
        }
        ours = await client.options("/graphql", headers={"origin": "https://app.example", **asked})
        theirs = await client.options("/graphql", headers={"origin": "https://app.example.evil", **asked})
        read = await client.get("/graphql", params={"query": HELLO}, headers={"origin": "https://app.example"})
        unread = await client.get("/graphql", params={"query": HELLO}, headers={"origin": "null"})

    assert (ours.status_code, ours.headers["access-control-allow-origin"]) == (200, "https://app.example")
    assert theirs.status_code == 400
    assert read.headers["access-control-allow-origin"] == "https://app.example"
    for answer in (theirs, unread):
        assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-credentials" not in read.headers


# ---- over a WebSocket -----------------------------------------------------------------------------------------------


async def test_a_socket_runs_queries_too_and_anonymously(live: Door) -> None:
    async with socket(live) as opened:
        await opened.subscribe(HELLO)
        answer, end = await opened.receive(), await opened.receive()

    assert (answer["id"], answer["type"], answer["payload"]["data"]) == ("1", "next", {"viewer": None})
    assert end == {"id": "1", "type": "complete"}


@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
async def test_the_credential_is_found_however_its_name_is_spelled(live: Door, name: str) -> None:
    owner = await live.sign_up()

    async with bare_socket(live.base_url) as opened:
        await opened.send({"type": "connection_init", "payload": {name: f"Bearer {owner.token}"}})
        await opened.receive()
        await opened.subscribe(OWN)
        answer = await opened.next()

    assert answer == {"name": "Example University"}


async def test_a_credential_that_does_not_count_closes_with_4403(live: Door) -> None:
    async with bare_socket(live.base_url) as opened:
        await opened.send({"type": "connection_init", "payload": {"authorization": "Bearer x"}})

        assert await opened.close_code() == 4403


@pytest.mark.parametrize(
    ("frame", "closes"),
    [
        ("null", 4400),
        ("1", 4400),
        ('"subscribe"', 4400),
        ("[]", 4400),
        ("{", 4400),
        ("{}", 4400),
        (b"{}", 4400),
        (DEEP.decode(), 4400),
        ('{"type": 1}', 4400),
        ('{"type": {}}', 4400),
        ('{"type": "' + "é" * 500 + '"}', 4400),
        ('{"type": "ping", "payload": 1}', 4400),
        ('{"type": "complete"}', 4400),
        ('{"type": "complete", "id": []}', 4400),
        ('{"type": "subscribe", "payload": {"query": "{a}"}}', 4400),
        ('{"type": "subscribe", "id": 1, "payload": {"query": "{a}"}}', 4400),
        ('{"type": "subscribe", "id": {}, "payload": {"query": "{a}"}}', 4400),
        ('{"type": "subscribe", "id": "", "payload": {"query": "{a}"}}', 4400),
        ('{"type": "subscribe", "id": "1"}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": null}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": "{a}"}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": 1}}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": 1}}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "operationName": 1}}', 4400),
        ('{"type": "connection_init", "payload": "x"}', 4400),
        ('{"type": "connection_init"}', 4429),
    ],
)
async def test_a_frame_that_means_nothing_closes_the_socket_in_order(
    live: Door, frame: str | bytes, closes: int
) -> None:
    async with socket(live) as opened:
        await opened.send(frame)

        assert await opened.close_code() == closes


async def test_an_operation_before_the_beginning_closes_with_4401(live: Door) -> None:
    async with bare_socket(live.base_url) as opened:
        await opened.subscribe(HELLO)

        assert await opened.close_code() == 4401


async def test_an_id_that_is_in_use_closes_with_4409(live: Door) -> None:
    owner = await live.sign_up()

    async with socket(owner) as opened:
        for _ in range(2):
            await opened.subscribe("subscription { testSessionStatusChanged { cursor } }", id="é" * 300)

        assert await opened.close_code() == 4409


async def test_a_mistake_in_a_document_ends_the_operation_and_not_the_socket(live: Door) -> None:
    two = "query A { viewer { __typename } } query B { viewer { __typename } }"
    async with socket(live) as opened:
        codes = [
            await _refused(opened, query)
            for query in (
                "",
                "{ " + "x" * 200 + "(",
                "{ nothing }",
                two,
                "query ($a: Int!) { events(first: $a) { head } }",
            )
        ]
        await opened.subscribe(HELLO)
        answer = await opened.next()

    assert (codes, answer) == (["BAD_REQUEST"] * 5, None)


async def _refused(opened: Socket, query: str) -> str:
    await opened.subscribe(query, id="wrong")
    message = await opened.receive()
    assert message["type"] == "error", message
    found: str = message["payload"][0]["extensions"]["code"]
    return found


async def test_a_socket_that_does_not_begin_is_closed(settings: Settings, clock: Clock) -> None:
    impatient = replace(settings, websocket_init_seconds=0.05)
    async with serving(impatient) as (base_url, _app), bare_socket(base_url) as opened:
        assert await opened.close_code() == 4408


async def test_a_socket_runs_so_many_operations_at_once_and_no_more(settings: Settings, clock: Clock) -> None:
    narrow = replace(settings, websocket_operations=2)
    async with serving(narrow) as (base_url, _app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        owner = await Door(client).sign_up()
        async with socket(owner) as opened:
            for number in range(3):
                await opened.subscribe("subscription { testSessionStatusChanged { cursor } }", id=str(number))
            refused = await opened.receive()
            await opened.send({"id": "0", "type": "complete"})
            await opened.subscribe(OWN, id="3")
            answer = await opened.next()

    assert (refused["id"], refused["type"]) == ("2", "error")
    assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert answer == {"name": "Example University"}


async def test_only_the_modern_protocol_is_spoken(live: Door) -> None:
    async with bare_socket(live.base_url, subprotocols=["graphql-ws", "graphql-sse"]) as opened:
        assert await opened.close_code() == 4406


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://app.example.evil", "http://app.example"])
async def test_a_page_of_another_origin_opens_no_socket(settings: Settings, clock: Clock, origin: str) -> None:
    async with serving(replace(settings, allowed_origins="https://app.example")) as (base_url, _app):
        with pytest.raises(InvalidStatus) as refused:
            async with bare_socket(base_url, origin=origin):
                pass

    assert refused.value.response.status_code == 403


async def test_pages_of_our_own_and_of_allowed_origins_open_sockets(settings: Settings, clock: Clock) -> None:
    async with serving(replace(settings, allowed_origins="https://app.example")) as (base_url, _app):
        for origin in ("https://app.example", base_url):
            async with bare_socket(base_url, origin=origin) as opened:
                await opened.send({"type": "connection_init"})
                assert await opened.receive() == {"type": "connection_ack"}


async def test_messages_are_text_as_browsers_expect(live: Door) -> None:
    async with bare_socket(live.base_url) as opened:
        await opened.send({"type": "connection_init", "payload": None})

        assert isinstance(await opened.connection.recv(), str)


async def test_over_http_a_mistake_in_a_subscription_is_told_and_completes(live: Door) -> None:
    owner = await live.sign_up()

    async with event_stream(owner, "subscription { testSessionStatusChanged { nothing } }") as events:
        told = [one async for one in events]

    [(name, data), end] = told
    assert (name, data.keys(), end) == ("next", {"errors"}, ("complete", None))
    assert data["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}
