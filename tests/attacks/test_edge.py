"""What comes before anybody knows what is asked: too slow, too large, in two senses, under false names."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

from models import Assessment, Organization
from settings import Settings
from tests.attacks.raw import nobody_notices, raw, said, statuses
from tests.conftest import serving
from tests.listening import event_stream, socket, until
from tests.process import resident
from tests.world import SIGN_UP, Clock, Door

HURRIED = 0.2  # seconds
HOST = b"Host: 127.0.0.1\r\n"
ASKING = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
HEARTBEATS = "subscription { testSessionStatusChanged { status } }"


@pytest.fixture
async def hurried(settings: Settings, clock: Clock) -> AsyncIterator[str]:
    """A server without patience."""
    quick = replace(settings, header_seconds=HURRIED, body_seconds=HURRIED, body_bytes=1_000, list_body_bytes=20_000)
    async with serving(quick) as (base_url, _app):
        yield base_url


def signing_up(headers: bytes = b"", target: bytes = b"/graphql") -> bytes:
    """A whole request that makes an organization."""
    asked = {"organizationName": "Smuggler", "fullName": "S", "email": "s@example.org", "password": "a long password"}
    body = json.dumps({"query": SIGN_UP, "variables": {"input": asked}}).encode()
    head = b"POST %b HTTP/1.1\r\n%bContent-Type: application/json\r\n" % (target, HOST)
    return head + headers + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


# ---- slow ------------------------------------------------------------------------------------------------------------


async def test_a_hundred_clients_whose_heads_never_end_are_dropped_and_nobody_else_notices(
    settings: Settings, clock: Clock
) -> None:
    beginning = b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-Slow: "

    async def slow(base_url: str) -> bytes:
        async with raw(base_url) as client:
            await client.send(beginning)
            return await client.rest()

    async with serving(replace(settings, header_seconds=2.0)) as (base_url, _app):  # enough for all to begin
        attackers = [asyncio.create_task(slow(base_url)) for _ in range(100)]
        await nobody_notices(base_url)
        answers = await asyncio.gather(*attackers)

    assert {tuple(statuses(answer)) for answer in answers} == {(408,)}


async def test_a_head_that_drips_is_not_kept_alive_by_its_drops(hurried: str) -> None:
    async with raw(hurried) as client:
        dripping = asyncio.create_task(client.drip(b"GET /healthz HTTP/1.1\r\nX-Slow: " + b"a" * 5_000))
        answer = await client.rest()
        dripping.cancel()

    assert statuses(answer) == [408]


@pytest.mark.parametrize("nothing", [b"", b"\r\n\r\n"])
async def test_a_connection_on_which_nothing_is_asked_is_closed(hurried: str, nothing: bytes) -> None:
    async with raw(hurried) as client:
        await client.send(nothing)

        assert await client.rest() == b""


async def test_blank_lines_after_an_answer_keep_no_connection_open(hurried: str) -> None:
    async with raw(hurried) as client:
        await client.send(ASKING + b"\r\n")
        await client.head()
        dripping = asyncio.create_task(client.drip(b"\r\n" * 5_000))
        await client.rest()
        dripping.cancel()


async def test_the_head_of_a_second_request_has_no_more_time_than_the_first(hurried: str) -> None:
    async with raw(hurried) as client:
        await client.send(ASKING + ASKING[:-2])

        assert statuses(await client.rest()) == [200, 408]


@pytest.mark.parametrize("path", ["/graphql", "/t/none", "/sign-in"])
@pytest.mark.parametrize(
    "body",
    [b"Content-Length: 500\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"],
    ids=["counted", "chunked"],
)
async def test_a_body_that_stalls_is_given_up(hurried: str, path: str, body: bytes) -> None:
    media = b"application/json" if path == "/graphql" else b"application/x-www-form-urlencoded"
    head = b"POST %b HTTP/1.1\r\n%bContent-Type: %b\r\n" % (path.encode(), HOST, media)

    answer = await said(hurried, head + body)

    assert statuses(answer) == [408]
    assert b"connection: close" in answer.lower()


async def test_a_body_that_drips_is_given_up_although_it_goes_on(hurried: str) -> None:
    head = b"POST /graphql HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 900\r\n\r\n"

    async with raw(hurried) as client:
        await client.send(head)
        dripping = asyncio.create_task(client.drip(b" " * 900))
        answer = await client.rest()
        dripping.cancel()

    assert statuses(answer) == [408]


async def test_streams_and_slow_answers_have_all_the_time_they_need(settings: Settings, clock: Clock) -> None:
    quick = replace(settings, header_seconds=HURRIED, body_seconds=HURRIED, stalled_seconds=HURRIED)
    async with serving(quick) as (base_url, app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        slow = asyncio.Event()
        app.router.routes.insert(0, Route("/slow", _slow_until(slow), methods=["POST"]))
        owner = await Door(client).sign_up()
        loop = asyncio.get_running_loop()

        asked = asyncio.create_task(client.post("/slow", content=b"12345", timeout=10))
        async with socket(owner) as listener, event_stream(owner, HEARTBEATS):
            await listener.subscribe(HEARTBEATS)
            await until(lambda: app.state.site.pulse.followers == 2)
            later = loop.time() + 4 * HURRIED
            await until(lambda: loop.time() > later)

            assert app.state.site.pulse.followers == 2
        slow.set()
        assert (await asked).text == "5"


def _slow_until(event: asyncio.Event):  # type: ignore[no-untyped-def]
    async def slow(request: Request) -> Response:
        await event.wait()
        return PlainTextResponse(str(len(await request.body())))

    return slow


# ---- large -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 400_000,
        b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 150 + b"\r\n",
        b"\r\n" * 200_000,
    ],
    ids=["address", "field", "endless field", "many fields", "blank lines"],
)
async def test_a_head_that_is_too_large_is_refused(live: Door, head: bytes) -> None:
    answer = await said(live.base_url, head)

    assert statuses(answer) == [431]
    await nobody_notices(live.base_url)


async def test_a_head_of_a_moderate_size_is_read(live: Door) -> None:
    answer = await said(live.base_url, ASKING[:-2] + b"Connection: close\r\nX: " + b"a" * 30_000 + b"\r\n\r\n")

    assert statuses(answer) == [200]


@pytest.mark.parametrize("framing", ["counted", "chunked"])
@pytest.mark.parametrize("path", ["/graphql", "/t/none", "/sign-in"])
async def test_a_body_that_is_too_large_is_413_on_every_route_and_the_client_can_read_so(
    hurried: str, path: str, framing: str
) -> None:
    media = b"application/json" if path == "/graphql" else b"application/x-www-form-urlencoded"
    head = b"POST %b HTTP/1.1\r\n%bContent-Type: %b\r\n" % (path.encode(), HOST, media)
    content = b"a" * 300_000
    body = {
        "counted": b"Content-Length: %d\r\n\r\n%b" % (len(content), content),
        "chunked": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(content), content),
    }[framing]

    answer = await said(hurried, head + body)

    assert statuses(answer) == [413]
    assert b"connection: close" in answer.lower()


async def test_a_flood_that_nobody_reads_ends_with_the_answer(hurried: str) -> None:
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    before = most = resident(os.getpid())

    async with raw(hurried) as client:
        await client.send(b"POST /nothing HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
        answer = asyncio.create_task(client.rest())
        sent = 0
        while not answer.done() and sent < 500:
            await client.send(chunk)
            sent += 1
            most = max(most, resident(os.getpid()))
        await nobody_notices(hurried)

        assert statuses(await answer) == [404]
    assert sent < 500
    assert most - before < 100


@pytest.mark.parametrize(
    "wrapping",
    [b"1;" + b"a" * 200_000, b"0" * 200_000, b"0\r\nX-Trailer: " + b"a" * 200_000],
    ids=["extension", "size", "trailer"],
)
async def test_a_body_of_wrapping_without_content_is_refused(live: Door, wrapping: bytes) -> None:
    head = (
        b"POST /graphql HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )

    answer = await said(live.base_url, head + wrapping)

    assert statuses(answer) in ([431], [400])


async def test_beyond_so_many_connections_requests_and_sockets_are_told_to_come_later(
    settings: Settings, clock: Clock
) -> None:
    async with serving(replace(settings, connections=3)) as (base_url, _app):
        async with raw(base_url) as one, raw(base_url) as two:
            await one.send(ASKING)
            await two.send(ASKING)
            assert statuses(await one.head()) == statuses(await two.head()) == [200]

            refused = await said(base_url, ASKING)
            upgrading = await said(base_url, UPGRADE)

        assert statuses(refused) == statuses(upgrading) == [503]
        await nobody_notices(base_url)


# ---- in two senses ---------------------------------------------------------------------------------------------------

UPGRADE = (
    b"GET /graphql HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
POST = b"POST /graphql HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
EMPTY = b"0\r\n\r\n"


@pytest.mark.parametrize(
    "first",
    [
        POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + EMPTY,
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + EMPTY,
        POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        POST + b"Content-Length: 4, 4\r\n\r\nabcd",
        POST + b"Content-Length: +4\r\n\r\nabcd",
        POST + b"Content-Length: 0x4\r\n\r\nabcd",
        POST + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + EMPTY,
        POST.replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n",
        POST + b"X: a\nContent-Length: 0\r\n\r\n",
        POST + b"X: a\rContent-Length: 0\r\n\r\n",
        POST + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + EMPTY,
        POST + b"Transfer-Encoding: identity, chunked\r\n\r\n" + EMPTY,
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + EMPTY,
        POST + b"Transfer-Encoding: identity\r\n\r\n" + EMPTY,
        POST + b"Transfer-Encoding: xchunked\r\n\r\n" + EMPTY,
        POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + EMPTY,
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + EMPTY,
        POST + b"Transfer-Encoding : chunked\r\n\r\n" + EMPTY,
        POST + b"Content-Length : 4\r\n\r\nabcd",
        POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n" + EMPTY,
        UPGRADE[:-2] + b"Content-Length: 4\r\n\r\nabcd",
        UPGRADE[:-2] + b"Transfer-Encoding: chunked\r\n\r\n" + EMPTY,
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: identity\r\n\r\n",
    ],
)  # fmt: skip
async def test_a_head_that_two_servers_may_read_in_two_ways_is_refused_and_nothing_behind_it_executed(
    live: Door, first: bytes
) -> None:
    answer = await said(live.base_url, first + signing_up())

    assert statuses(answer) == [400]
    assert b"connection: close" in answer
    assert await Organization.all().count() == 0
    await nobody_notices(live.base_url)


@pytest.mark.parametrize("chunk", [b"1\nZ\r\n", b"-1\r\n", b"0x1\r\nZ\r\n", b"1\r\nZZ\r\n", b"f" * 17 + b"\r\nZ\r\n"])
async def test_a_chunk_whose_length_is_unclear_is_refused_and_nothing_behind_it_executed(
    live: Door, chunk: bytes
) -> None:
    answer = await said(live.base_url, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + EMPTY + signing_up())

    assert statuses(answer) == [400]
    assert await Organization.all().count() == 0


async def test_a_request_in_a_body_is_the_body(live: Door) -> None:
    inner = signing_up()
    head = b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(inner)

    answer = await said(live.base_url, head + inner)

    assert statuses(answer) == [200]
    assert await Organization.all().count() == 0


async def test_what_follows_a_request_that_closes_is_not_executed(live: Door) -> None:
    answer = await said(live.base_url, ASKING[:-2] + b"Connection: close\r\n\r\n" + signing_up())

    assert statuses(answer) == [200]
    assert await Organization.all().count() == 0


async def test_what_follows_a_body_that_was_refused_is_not_executed(live: Door) -> None:
    inner = signing_up()
    head = b"POST /graphql HTTP/1.1\r\n" + HOST + b"Content-Type: text/plain\r\n"

    answer = await said(live.base_url, head + b"Content-Length: %d\r\n\r\n" % (len(inner) + 1) + inner)

    assert statuses(answer) == [415]
    assert await Organization.all().count() == 0


async def test_requests_in_a_row_are_answered_in_their_order_and_once(live: Door) -> None:
    rows = ASKING + signing_up() + ASKING[:-2] + b"Connection: close\r\n\r\n"

    answer = await said(live.base_url, rows)

    assert statuses(answer) == [200, 200, 200]
    assert answer.index(b"\r\n\r\nok") < answer.index(b"SignUpSuccess") < answer.rindex(b"\r\n\r\nok")
    assert await Organization.all().count() == 1


async def test_a_thousand_requests_in_a_row_do_not_wait_in_memory(live: Door) -> None:
    answer = await said(live.base_url, ASKING * 1_000 + signing_up())

    assert set(statuses(answer)) == {200}
    assert len(statuses(answer)) < 30
    assert await Organization.all().count() == 0


async def test_requests_behind_a_stream_do_not_wait_in_memory(live: Door) -> None:
    owner = await live.sign_up()
    body = json.dumps({"query": HEARTBEATS}).encode()
    wanted = b"Accept: text/event-stream\r\nAuthorization: Bearer %b\r\n" % (owner.token or "").encode()

    async with raw(live.base_url) as client:
        await client.send(POST + wanted + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        assert statuses(await client.head()) == [200]
        for _ in range(100):
            await client.send(ASKING * 1_000)

        assert statuses(await client.rest()) == []


async def test_a_request_is_answered_before_the_nonsense_behind_it_closes_the_connection(live: Door) -> None:
    answer = await said(live.base_url, signing_up() + b"nonsense\r\n\r\n")

    assert statuses(answer) == [200]
    assert b"SignUpSuccess" in answer
    assert await Organization.all().count() == 1


async def test_what_comes_after_a_body_is_no_header(settings: Settings, clock: Clock) -> None:
    async with serving(replace(settings, trusted_proxies="127.0.0.1")) as (base_url, app):
        _tell_address(app)
        head = b"GET /whoami HTTP/1.1\r\n" + HOST + b"X-Forwarded-For: 203.0.113.7\r\nConnection: close\r\n"
        trailer = b"X-Forwarded-For: 198.51.100.1\r\n"

        answer = await said(base_url, head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + trailer + b"\r\n")

    assert answer.endswith(b"\r\n\r\n203.0.113.7")


@pytest.mark.parametrize("target", [b"*", b"a:1", b"//", b"/%", b"http://[", b"\xff"])
async def test_an_odd_address_is_answered_and_breaks_nothing(live: Door, target: bytes) -> None:
    for method in (b"GET", b"OPTIONS", b"CONNECT", b"PRI"):
        answer = await said(live.base_url, b"%b %b HTTP/1.1\r\n%bConnection: close\r\n\r\n" % (method, target, HOST))

        assert statuses(answer)[0] in (400, 404, 405)


async def test_an_upgrade_to_what_we_do_not_speak_is_an_ordinary_request(live: Door) -> None:
    asked = ASKING[:-2] + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"

    assert statuses(await said(live.base_url, asked + signing_up())) == [200]
    assert await Organization.all().count() == 0


# ---- under false names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "admit.test.evil.example",
        "evil.example:443",
        "admit.test@evil.example",
        "admit.test/x",
        "",
        "a b",
        "xadmit.test",
        "[::2]",
        "127.0.0.2",
        "admit.test:x",
        "admit.test:443:443",
    ],
)
async def test_another_host_is_refused_and_not_repeated(door: Door, host: str) -> None:
    answers = [
        await door.client.request(method, path, headers={"host": host})
        for method, path in (("GET", "/sign-in"), ("GET", "/t/none"), ("POST", "/graphql"), ("GET", "/static/site.css"))
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert not host or all(host not in f"{answer.text} {answer.headers}" for answer in answers)
    assert {answer.headers["referrer-policy"] for answer in answers} == {"no-referrer"}


@pytest.mark.parametrize(
    "host", ["admit.test", "ADMIT.TEST", "admit.test:8443", "localhost:3000", "127.0.0.1", "[::1]:1"]
)
async def test_our_own_hosts_are_served(door: Door, host: str) -> None:
    answer = await door.client.get("/sign-in", headers={"host": host})

    assert answer.status_code == 200


@pytest.mark.parametrize(("host", "status"), [("localhost", 400), ("127.0.0.1", 400), ("second.example", 200)])
async def test_in_production_only_named_hosts_are_served(
    settings: Settings, clock: Clock, host: str, status: int
) -> None:
    strict = replace(settings, environment="production", allowed_hosts="second.example")
    async with serving(strict) as (base_url, _app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        answer = await client.get("/sign-in", headers={"host": host.replace("127.0.0.1", "127.0.0.2")})

    assert answer.status_code == status


async def test_probes_are_answered_under_any_name(live: Door) -> None:
    answers = [await live.client.get(path, headers={"host": "10.1.2.3:8000"}) for path in ("/healthz", "/readyz")]

    assert [answer.status_code for answer in answers] == [200, 200]


async def test_a_request_with_two_hosts_or_none_is_refused(live: Door) -> None:
    two = await said(live.base_url, b"GET /sign-in HTTP/1.1\r\n" + HOST + HOST + b"Connection: close\r\n\r\n")
    none = await said(live.base_url, b"GET /sign-in HTTP/1.1\r\nConnection: close\r\n\r\n")

    assert statuses(two) == statuses(none) == [400]


async def test_a_socket_under_another_host_is_refused(live: Door) -> None:
    answer = await said(live.base_url, UPGRADE.replace(HOST, b"Host: evil.example\r\n"))

    assert statuses(answer) == [400]


@pytest.mark.parametrize(
    "path", ["/graphql/", "/sign-in/", "/dashboard/", "/t/none/", "//evil.example", "/static", "/static/"]
)
async def test_no_slash_redirects_anybody(door: Door, path: str) -> None:
    answer = await door.client.get(f"https://admit.test{path}", headers={"host": "admit.test"})

    assert answer.status_code in (404, 405)
    assert "location" not in answer.headers


# ---- from elsewhere --------------------------------------------------------------------------------------------------

FORWARDED = {
    "x-forwarded-for": "203.0.113.7",
    "forwarded": "for=203.0.113.7",
    "x-real-ip": "203.0.113.7",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "evil.example",
}


def _tell_address(app: Starlette) -> None:
    """Add a page and a socket that say from where and how one came."""

    async def page(request: Request) -> Response:
        assert request.client is not None
        return PlainTextResponse(request.client.host)

    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        assert websocket.client is not None
        await websocket.send_text(websocket.client.host)
        await websocket.close()

    app.router.routes[:0] = [Route("/whoami", page), WebSocketRoute("/whoami", talk)]


async def _seen(base_url: str, headers: dict[str, str]) -> tuple[str, str]:
    async with httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        page = (await client.get("/whoami", headers=headers)).text
    url = base_url.replace("http", "ws", 1) + "/whoami"
    async with connect(url, additional_headers=headers, proxy=None) as talk:
        return page, str(await talk.recv())


async def test_without_the_setting_nobody_is_believed_to_speak_for_another_not_even_this_machine(
    settings: Settings, clock: Clock
) -> None:
    async with serving(settings) as (base_url, app):
        _tell_address(app)

        seen = await _seen(base_url, FORWARDED)

    assert seen == ("127.0.0.1", "127.0.0.1")


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7, 10.1.2.3, 127.0.0.1", "203.0.113.7"),
        ("127.0.0.1, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("", "127.0.0.1"),
    ],
)
async def test_of_a_trusted_proxys_addresses_the_last_that_is_no_proxy_counts(
    settings: Settings, clock: Clock, header: str, address: str
) -> None:
    async with serving(replace(settings, trusted_proxies="127.0.0.1, 10.0.0.0/8")) as (base_url, app):
        _tell_address(app)

        seen = await _seen(base_url, {"x-forwarded-for": header})

    assert seen == (address, address)


async def test_who_is_no_trusted_proxy_is_not_believed(settings: Settings, clock: Clock) -> None:
    async with serving(replace(settings, trusted_proxies="10.0.0.0/8")) as (base_url, app):
        _tell_address(app)

        seen = await _seen(base_url, FORWARDED)

    assert seen == ("127.0.0.1", "127.0.0.1")


async def test_entering_nothing_by_a_request_that_was_refused(live: Door) -> None:
    task = await (await live.sign_up()).open_task()
    wrong = b"GET /t/%b/NOCODE HTTP/1.1\r\n%bTransfer-Encoding: identity\r\n\r\n" % (task["slug"].encode(), HOST)

    answer = await said(live.base_url, wrong)

    assert statuses(answer) == [400]
    assert await Assessment.all().count() == 0
