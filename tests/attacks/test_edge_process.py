"""The same edge as users start it, `python server.py`: on the event loop and with the parser that it runs with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from tests.attacks.raw import Raw, nobody_notices, raw, said, statuses
from tests.attacks.test_edge import ASKING, POST, UPGRADE
from tests.attacks.test_sockets import CHANGES, INIT, PING, TEXT, close_code, frame, upgraded
from tests.listening import event_stream, socket
from tests.process import Running, running
from tests.world import Door

LONG = "x" * 15_000


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    """A server without patience."""
    async with running(
        tmp_path, HEADER_SECONDS="2", BODY_SECONDS="1", STALLED_SECONDS="1", LIST_BODY_BYTES="100000"
    ) as server:
        yield server


async def test_nothing_is_deflated_however_it_is_offered(server: Running) -> None:
    offered = UPGRADE.removesuffix(b"\r\n") + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"

    async with raw(server.base_url) as client:
        await client.send(offered)
        head = await client.head()

    assert b" 101 " in head
    assert b"sec-websocket-extensions" not in head.lower()


async def test_what_is_slow_large_or_unclear_is_answered_and_dropped(server: Running) -> None:
    url = server.base_url
    large = b"a" * 3_000_000
    asked = {
        "a slow head": said(url, ASKING[:-2]),
        "nothing": said(url, b""),
        "a large head": said(url, ASKING[:-2] + b"X: " + b"a" * 100_000),
        "a slow body": said(url, POST + b"Content-Length: 100\r\n\r\n{"),
        "a large body": said(url, POST + b"Content-Length: %d\r\n\r\n%b" % (len(large), large)),
        "a large body in chunks": said(url, POST + b"Transfer-Encoding: chunked\r\n\r\n2dc6c0\r\n" + large + b"\r\n"),
        "two lengths": said(url, POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\naa"),
        "another coding": said(url, POST + b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"),
        "another host": said(url, b"GET / HTTP/1.1\r\nHost: x.test\r\nConnection: close\r\n\r\n"),
    }  # fmt: skip

    answers = dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))

    assert {name: statuses(answer) for name, answer in answers.items()} == {
        "a slow head": [408],
        "nothing": [],
        "a large head": [431],
        "a slow body": [408],
        "a large body": [413],
        "a large body in chunks": [413],
        "two lengths": [400],
        "another coding": [400],
        "another host": [400],
    }
    assert [name for name, answer in answers.items() if b"\r\nserver:" in answer.lower()] == []


@pytest.mark.parametrize("flood", [frame(PING, b""), frame(TEXT, b'{"type":"ping"}')], ids=["pings", "messages"])
async def test_a_flood_of_frames_closes_with_1008_and_nobody_else_notices(server: Running, flood: bytes) -> None:
    async with raw(server.base_url) as client:
        await upgraded(client)
        await client.send(frame(TEXT, json.dumps(INIT).encode()))
        sending = asyncio.create_task(client.send(flood * 100_000))
        await nobody_notices(server.base_url)

        assert close_code(await client.rest()) == 1008
        await sending


async def test_who_never_reads_a_socket_is_dropped(server: Running) -> None:
    async with raw(server.base_url, deaf=True) as deaf:
        await upgraded(deaf)
        await deaf.send(frame(TEXT, json.dumps(INIT).encode()))
        for at in range(400):
            asked = {"id": f"{at}{LONG}", "type": "subscribe", "payload": {"query": "{ __typename }"}}
            await deaf.send(frame(TEXT, json.dumps(asked).encode()))

        await _reset(deaf, frame(PING, b""))
    await nobody_notices(server.base_url)


async def _reset(client: Raw, again: bytes) -> None:
    """Go on sending until the server has dropped the connection."""
    with pytest.raises(ConnectionError):
        async with asyncio.timeout(20):
            while True:
                client.writer.write(again)
                await client.writer.drain()
                await asyncio.sleep(0.001)


async def test_a_restart_is_told_to_sockets_and_streams(server: Running) -> None:
    async with httpx.AsyncClient(base_url=server.base_url, trust_env=False) as client, AsyncExitStack() as stack:
        owner = await Door(client).sign_up()
        listeners = [await stack.enter_async_context(socket(owner)) for _ in range(3)]
        streams = [await stack.enter_async_context(event_stream(owner, CHANGES)) for _ in range(3)]

        status = await server.stop()

        assert [await one.close_code() for one in listeners] == [1012] * 3
        assert [[event async for event in one] for one in streams] == [[]] * 3
        assert status in (0, -15)
    assert "Traceback" not in server.log.read_text()
