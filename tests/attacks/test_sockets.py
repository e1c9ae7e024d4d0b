"""What a socket or a stream may be abused for: floods, silence, and not reading; and how the server takes its leave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.responses import Response
from starlette.routing import Route

from services import credentials
from settings import Settings
from tests.attacks.raw import Raw, nobody_notices, raw, said, statuses
from tests.attacks.test_edge import HOST, UPGRADE
from tests.conftest import serving
from tests.listening import bare_socket, changed, event_stream, shared, socket, until
from tests.world import Clock, Door

CHANGES = "subscription { testSessionStatusChanged { cursor status } }"
INIT = {"type": "connection_init", "payload": {}}
PING, TEXT, CONTINUED = 0x89, 0x81, 0x00


def frame(kind: int, content: bytes) -> bytes:
    """A client's frame, masked with zeros."""
    length = bytes([0x80 | len(content)]) if len(content) < 126 else b"\xfe" + len(content).to_bytes(2, "big")
    return bytes([kind]) + length + bytes(4) + content


async def upgraded(client: Raw) -> None:
    """Make a socket of the connection."""
    await client.send(UPGRADE)
    assert b" 101 " in await client.head()


def close_code(frames: bytes) -> int:
    """The code in the close frame that ends what a server sent."""
    at = frames.rindex(b"\x88")
    return int.from_bytes(frames[at + 2 : at + 4], "big")


# ---- frames ----------------------------------------------------------------------------------------------------------

ASKED = {"query": "{ __typename }"}
MESSAGES: list[Any] = [
    *(None, 1, "x", [], {}, {"type": 1}, {"type": "no such"}, {"type": "subscribe"}, {"type": "complete", "id": 1}),
    *({"type": "subscribe", "id": 1, "payload": ASKED}, {"type": "subscribe", "id": None, "payload": ASKED}),
    *({"type": "subscribe", "id": "", "payload": ASKED}, {"type": "subscribe", "id": [], "payload": ASKED}),
    *({"type": "subscribe", "id": "1", "payload": None}, {"type": "subscribe", "id": "1", "payload": "x"}),
    *({"type": "subscribe", "id": "1", "payload": []}, {"type": "subscribe", "id": "1", "payload": {"query": 1}}),
    *({"type": "connection_init", "payload": 1}, {"type": "connection_init", "payload": "x"}),
]
FRAMES = [
    *map(json.dumps, MESSAGES),
    "[" * 100_000,
    '{"type":' + '{"a":' * 50_000,
    "9" * 5_000,
    "",
    "\x00",
    '{"type":"ping","payload":"\\ud800"}',
    b"\x00\xff",
]


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("sent", FRAMES, ids=lambda sent: repr(sent[:40]))
async def test_no_frame_breaks_a_socket(live: Door, sent: str | bytes, begun: bool) -> None:
    async with bare_socket(live.base_url) as talk:
        if begun:
            await talk.send(INIT)
            await talk.receive()
        await talk.connection.send(sent)

        assert await talk.close_code() == 4400


async def test_no_bytes_that_are_no_frame_break_a_socket(live: Door) -> None:
    for nonsense, code in (
        (b"GET / HTTP/1.1\r\n\r\n", 1002),
        (bytes([0x83, 0x80]) + bytes(4), 1002),  # an opcode that nobody has defined
        (bytes([TEXT, 0x01, 0x61]), 1002),  # a client's frame is masked
        (frame(TEXT, b"\xff\xfe"), 1007),
        (bytes([TEXT, 0xFF]) + (2**40).to_bytes(8, "big") + bytes(4), 1009),
        (frame(CONTINUED, b"x"), 1002),
    ):
        async with raw(live.base_url) as client:
            await upgraded(client)
            await client.send(nonsense)

            assert close_code(await client.rest()) == code


async def test_a_message_that_is_too_long_is_refused_and_the_client_can_read_so(live: Door, settings: Settings) -> None:
    async with bare_socket(live.base_url) as talk:
        await talk.send(INIT)
        await talk.receive()
        await talk.connection.send("x" * (settings.websocket_message_bytes + 1))

        assert await talk.close_code() == 1009


async def test_a_message_in_many_pieces_is_no_longer_than_a_whole_one(live: Door) -> None:
    async with raw(live.base_url) as client:
        await upgraded(client)
        await client.send(frame(0x01, b"[" * 60_000) + b"".join(frame(CONTINUED, b"[" * 60_000) for _ in range(9)))

        assert close_code(await client.rest()) == 1009


async def test_who_initialises_twice_is_closed_with_4429(live: Door) -> None:
    async with socket(live) as talk:
        await talk.send(INIT)

        assert await talk.close_code() == 4429


# ---- floods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flood",
    [
        frame(PING, b"") * 100_000,
        frame(TEXT, b'{"type":"ping"}') * 50_000,
        frame(0x01, b"[") + frame(CONTINUED, b"") * 100_000,
    ],
    ids=["pings", "messages", "pieces"],
)
async def test_a_flood_closes_with_1008_and_nobody_else_notices(live: Door, flood: bytes) -> None:
    async with raw(live.base_url) as client:
        await upgraded(client)
        await client.send(frame(TEXT, json.dumps(INIT).encode()))
        sending = asyncio.create_task(client.send(flood))
        await nobody_notices(live.base_url)
        answer = await client.rest()
        await sending

    assert close_code(answer) == 1008


async def test_a_burst_within_the_limit_is_answered(live: Door, settings: Settings) -> None:
    many = settings.websocket_burst - 10
    async with socket(live) as talk:
        for _ in range(many):
            await talk.send({"type": "ping"})

        assert [await talk.receive() for _ in range(many)] == [{"type": "pong"}] * many


# ---- silence ---------------------------------------------------------------------------------------------------------


async def test_a_socket_that_does_not_begin_is_closed_with_4408_and_one_that_has_lasts(
    settings: Settings, clock: Clock
) -> None:
    quick = replace(settings, websocket_init_seconds=0.5, header_seconds=0.5, body_seconds=0.5)
    async with (
        serving(quick) as (base_url, _app),
        httpx.AsyncClient(base_url=base_url) as client,
        socket(Door(client)) as talk,
        bare_socket(base_url) as silent,
    ):
        assert await silent.close_code() == 4408
        await talk.send({"type": "ping"})
        assert await talk.receive() == {"type": "pong"}


@pytest.mark.parametrize("cut", [20, len(UPGRADE) - 2])
async def test_an_upgrade_that_stalls_is_dropped(settings: Settings, clock: Clock, cut: int) -> None:
    async with serving(replace(settings, header_seconds=0.5)) as (base_url, _app):
        answer = await said(base_url, UPGRADE[:cut])

    assert statuses(answer) == [408]


@pytest.mark.parametrize(
    ("extra", "status"),
    [(b"X: " + b"a" * 9_000 + b"\r\n", 431), (b"X: a\r\n" * 90, 101), (b"X: " + b"a" * 40_000 + b"\r\n", 431)],
)
async def test_an_upgrade_with_a_large_head_is_answered(live: Door, extra: bytes, status: int) -> None:
    async with raw(live.base_url) as client:
        await client.send(UPGRADE[:-2] + extra + b"\r\n")

        assert statuses(await client.head()) == [status]


async def test_an_upgrade_in_an_old_version_is_answered(live: Door) -> None:
    answer = await said(live.base_url, UPGRADE.replace(b"Version: 13", b"Version: 8"))

    assert statuses(answer) == [400]


# ---- not reading -----------------------------------------------------------------------------------------------------


LONG = "x" * 15_000
CHANGE = f"subscription {{ {LONG}: testSessionStatusChanged {{ cursor }} }}"  # its name is in each result


async def _deaf_socket(client: Raw, owner: Door) -> None:
    """Subscribe twenty times, and read no more than the acknowledgement."""
    await upgraded(client)
    init = {"type": "connection_init", "payload": {"authorization": f"Bearer {owner.token}"}}
    await client.send(frame(TEXT, json.dumps(init).encode()))
    async with asyncio.timeout(10):
        assert b"connection_ack" in await client.reader.readuntil(b"}")
    for at in range(20):
        asked = {"id": f"{at}{LONG}", "type": "subscribe", "payload": {"query": CHANGES}}
        await client.send(frame(TEXT, json.dumps(asked).encode()))


async def _deaf_stream(client: Raw, owner: Door) -> None:
    """Subscribe over HTTP, and read no more than the head."""
    body = json.dumps({"query": CHANGE}).encode()
    head = b"POST /graphql HTTP/1.1\r\n%bContent-Type: application/json\r\nAccept: text/event-stream\r\n" % HOST
    token = (owner.token or "").encode()
    await client.send(head + b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b" % (token, len(body), body))
    assert statuses(await client.head()) == [200]


@pytest.mark.parametrize(("subscribed", "streams"), [(_deaf_socket, 20), (_deaf_stream, 1)], ids=["socket", "stream"])
async def test_a_subscriber_that_never_reads_is_dropped_and_the_others_miss_nothing(
    settings: Settings, clock: Clock, subscribed: Callable[[Raw, Door], Awaitable[None]], streams: int
) -> None:
    quick = replace(settings, stalled_seconds=0.2, poll_seconds=0.05)
    async with serving(quick) as (base_url, app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        owner = await Door(client).sign_up()
        actor = await credentials.authenticate(app.state.site, f"Bearer {owner.token}")
        pulse = app.state.site.pulse
        async with raw(base_url, deaf=True) as deaf, socket(owner) as listener:
            await subscribed(deaf, owner)
            await listener.subscribe(CHANGES)
            await until(lambda: pulse.followers == streams + 1)
            changes = 0
            async with asyncio.timeout(30):
                while pulse.followers > 1:
                    await changed(actor, "ACTIVE")
                    changes += 1
                    assert (await listener.next())["status"] == "ACTIVE"
            await nobody_notices(base_url)

            assert pulse.followers == 1
            assert changes > 1


async def test_whoever_reads_slowly_is_not_dropped(settings: Settings, clock: Clock) -> None:
    size = 20_000_000
    async with serving(replace(settings, stalled_seconds=0.5)) as (base_url, app):
        app.router.routes.insert(0, Route("/large", lambda _request: Response(bytes(size))))
        loop = asyncio.get_running_loop()
        async with raw(base_url, deaf=True) as slow:
            await slow.send(b"GET /large HTTP/1.1\r\n" + HOST + b"\r\n")
            await slow.head()
            read, beginning = 0, loop.time()
            while read < size:
                piece = await slow.reader.read(65_536)
                assert piece
                read += len(piece)
                later = beginning + 3.0 * read / size  # three times as long as twice the silence that is allowed
                await until(lambda later=later: loop.time() >= later)  # type: ignore[misc]

    assert read == size


@pytest.mark.parametrize("closes", [b"", b"Connection: close\r\n"])
async def test_an_answer_that_nobody_reads_holds_no_connection(settings: Settings, clock: Clock, closes: bytes) -> None:
    async with serving(replace(settings, stalled_seconds=0.1)) as (base_url, app):
        app.router.routes.insert(0, Route("/large", lambda _request: Response(bytes(20_000_000))))
        before = len(asyncio.all_tasks())
        async with raw(base_url, deaf=True) as deaf:
            await deaf.send(b"GET /large HTTP/1.1\r\n" + HOST + closes + b"\r\n")
            await deaf.head()

            with pytest.raises(ConnectionError):
                async with asyncio.timeout(10):
                    while True:  # the connection is reset; writing tells, for nothing is read
                        await asyncio.sleep(0)
                        deaf.writer.write(b" ")
                        await deaf.writer.drain()
        assert len(asyncio.all_tasks()) <= before


# ---- taking leave ----------------------------------------------------------------------------------------------------


async def test_stopping_closes_sockets_with_1012_and_ends_streams_without_completing_them(
    settings: Settings, clock: Clock
) -> None:
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(trust_env=False) as client, AsyncExitStack() as stack:
        async with serving(replace(settings, shutdown_seconds=10)) as (base_url, app):
            client.base_url = httpx.URL(base_url)
            owner = await Door(client).sign_up()
            listeners = [await stack.enter_async_context(socket(owner)) for _ in range(5)]
            streams = [await stack.enter_async_context(event_stream(owner, CHANGES)) for _ in range(5)]
            for one in listeners:
                await one.subscribe(CHANGES)
            await until(lambda: app.state.site.pulse.followers == 10)
            codes = [asyncio.create_task(one.close_code()) for one in listeners]
            ends = [asyncio.create_task(_names(one)) for one in streams]
            began = loop.time()
        lasted = loop.time() - began

        assert await asyncio.gather(*codes) == [1012] * 5
        assert await asyncio.gather(*ends) == [[]] * 5
        assert lasted < 3


async def _names(events: AsyncIterator[tuple[str, object]]) -> list[str]:
    return [name async for name, _data in events]


async def test_after_its_farewell_a_socket_is_told_nothing(settings: Settings, clock: Clock) -> None:
    eager = replace(settings, poll_seconds=0.05)
    async with serving(eager) as (base_url, app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        owner = await Door(client).sign_up()
        actor = await credentials.authenticate(app.state.site, f"Bearer {owner.token}")
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {owner.token}"}}
        asked = {"id": "1", "type": "subscribe", "payload": {"query": CHANGES}}
        async with raw(base_url) as talk, asyncio.timeout(10):
            await upgraded(talk)
            await talk.send(frame(TEXT, json.dumps(init).encode()))
            await talk.reader.readuntil(b"}")
            await talk.send(frame(TEXT, json.dumps(asked).encode()))
            await until(lambda: shared(app) == [1])
            await changed(actor, "ACTIVE")
            await talk.reader.readuntil(b"}}}}")
            await talk.send(frame(TEXT, json.dumps(init).encode()))  # again: that closes
            farewell = await talk.reader.readuntil(b"requests")
            await changed(actor, "PAUSED")
            await until(lambda: shared(app) == [])
            await talk.send(frame(0x88, farewell[2:4]))
            rest = await talk.rest()

    assert (close_code(farewell), rest) == (4429, b"")


async def test_stopping_in_the_middle_of_a_flood_tells_1012_too(settings: Settings, clock: Clock) -> None:
    async with AsyncExitStack() as stack:
        async with serving(replace(settings, websocket_burst=10**9)) as (base_url, _app):
            client = await stack.enter_async_context(raw(base_url))
            await upgraded(client)
            await client.send(frame(TEXT, json.dumps(INIT).encode()))
            sent: list[int] = []
            flooding = asyncio.create_task(_flood(client, sent))
            hearing = asyncio.create_task(client.rest())
            await until(lambda: len(sent) > 10)
        answer = await hearing
        flooding.cancel()

    assert close_code(answer) == 1012


async def _flood(client: Raw, sent: list[int]) -> None:
    """Send without end, noting each time."""
    while not client.writer.is_closing():
        await client.send(frame(TEXT, b'{"type":"ping"}') * 1_000)
        sent.append(1_000)
        await asyncio.sleep(0)
