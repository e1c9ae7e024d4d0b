"""Whose head is known and whose answer is waited for: the connection answers, and uvicorn when anything is unusual."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from resolvers.door import Door as Endpoint
from resolvers.short import Short
from settings import Settings
from tests.at_once import posted, wire_to
from tests.attacks.raw import Raw, raw
from tests.conftest import serving
from tests.listening import until
from tests.resolvers.test_api_keys import new_key
from tests.world import Door
from web.http_again import HttpAgain


class Gate:
    """Holds back what is answered the short way while it is closed, and notes from where it was asked."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._opened = asyncio.Event()
        self._opened.set()
        self.addresses: list[str] = []
        self.waiting = 0
        self.connections: list[HttpAgain] = []
        answer, made = Short.answer, HttpAgain.connection_made

        async def answering(short: Short, scope: Any, *more: Any) -> Any:
            self.addresses.append(scope["client"][0])
            self.waiting += 1
            await self._opened.wait()
            self.waiting -= 1
            return await answer(short, scope, *more)

        def noted(connection: HttpAgain, transport: Any) -> None:
            self.connections.append(connection)
            made(connection, transport)

        patch.setattr(Short, "answer", answering)
        patch.setattr(HttpAgain, "connection_made", noted)

    @asynccontextmanager
    async def closed(self, client: Raw, request: bytes) -> AsyncIterator[None]:
        """While it waits for the answer to this request."""
        self._opened.clear()
        await client.send(request)
        await until(lambda: self.waiting == 1)
        yield
        self._opened.set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """An open one."""
    return Gate(monkeypatch)


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[Door]:
    """A real server, where nobody is known."""
    async with serving(settings) as (base_url, _), httpx.AsyncClient(base_url=base_url) as client:
        yield Door(client)


async def secret_of(door: Door, scope: str = "AUTHOR_TESTS") -> str:
    """An API key with this scope; the usual one may do what is asked here."""
    return str((await new_key(await door.sign_up(), scope))["secret"])


def asked(name: str, secret: str, **headers: str) -> bytes:
    """A mutation that goes well, its only field under this name."""
    query = f'mutation {{ {name}: createTest(input: {{title: "T", sections: []}}) {{ __typename }} }}'
    known = {"Content-Type": "application/json", "Authorization": f"Bearer {secret}"}
    return posted({"query": query}, known | headers)


async def answered(client: Raw) -> tuple[str, Any]:
    """The next answer's head, and what its body says."""
    head = (await client.head()).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r")[0])
    return head.decode(), orjson.loads(await client.reader.readexactly(length))


@pytest.mark.parametrize("scope", ["AUTHOR_TESTS", "READ"], ids=["answered here", "refused by the long way"])
async def test_what_comes_while_an_answer_is_waited_for_is_answered_after_it(
    server: Door, gate: Gate, scope: str
) -> None:
    secret = await secret_of(server, scope)
    async with raw(server.base_url) as client:
        for name in ("a", "b", "a", "b"):  # until the head and both documents are known
            await client.send(asked(name, secret))
            await answered(client)
        async with gate.closed(client, asked("a", secret)):
            await client.send(asked("b", secret))
            await client.send(asked("a", secret) + asked("b", secret))
            await until(lambda: len(gate.connections[-1].pipeline) == 3)

        names = [name_in((await answered(client))[1]) for _ in range(4)]
        assert names == ["a", "b", "a", "b"]


def name_in(body: Any) -> Any:
    """Under which name it was asked, whether it went well or not."""
    return body["errors"][0]["path"][0] if "errors" in body else next(iter(body["data"]))


async def test_who_is_waited_for_when_the_server_stops_is_answered_and_told_to_leave(server: Door, gate: Gate) -> None:
    secret = await secret_of(server)
    async with raw(server.base_url) as client:
        for _ in range(2):
            await client.send(asked("a", secret))
            await answered(client)
        before = len(gate.addresses)
        async with gate.closed(client, asked("a", secret)):
            gate.connections[-1].shutdown()

        head, body = await answered(client)
        assert [*body["data"]] == ["a"]
        assert "connection: close" in head
        assert await client.reader.read() == b""
        assert len(gate.addresses) == before + 1  # it was not asked a second time


async def test_nobody_answers_who_has_hung_up(server: Door, gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    secret = await secret_of(server)
    async with raw(server.base_url) as client:
        for _ in range(2):
            await client.send(asked("a", secret))
            await answered(client)
        connection: Any = gate.connections[-1]
        async with gate.closed(client, asked("a", secret)):
            client.writer.transport.abort()
            await until(lambda: connection.cycle.disconnected)
        await until(lambda: not connection.tasks)

    assert "Exception" not in caplog.text
    assert "Error" not in caplog.text


async def test_a_bug_is_told_by_its_id_alone(
    server: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    owner = await server.sign_up()
    secret = (await new_key(owner, "AUTHOR_TESTS"))["secret"]
    wire = wire_to(owner)
    for _ in range(2):
        await wire.send(asked("a", secret))
    monkeypatch.setattr(Endpoint, "quickly", _broken)

    answer = await wire.send(asked("a", secret))
    wire.close()

    assert answer.status == 500
    assert orjson.loads(answer.body)["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert b"a secret of ours" not in answer.body
    assert caplog.text.count("RuntimeError: a secret of ours") == 1


async def test_a_body_that_is_too_long_is_refused_though_its_head_is_known(settings: Settings) -> None:
    narrow = replace(settings, body_bytes=300, list_body_bytes=300)
    async with serving(narrow) as (base_url, _), httpx.AsyncClient(base_url=base_url) as client:
        wire = wire_to(Door(client))
        known = {"Content-Type": "application/json"}

        statuses = [
            (await wire.send(posted({"query": "{ __typename }", "operationName": "x" * count}, known))).status
            for count in (0, 0, 400)
        ]
        wire.close()

    assert statuses == [200, 200, 413]


async def test_behind_a_proxy_the_client_is_who_it_says(settings: Settings, gate: Gate) -> None:
    behind = replace(settings, trusted_proxies="127.0.0.1")
    async with serving(behind) as (base_url, _), httpx.AsyncClient(base_url=base_url) as client:
        owner = await Door(client).sign_up()
        secret = (await new_key(owner, "AUTHOR_TESTS"))["secret"]
        wire = wire_to(owner)
        gate.addresses.clear()

        for last in range(3):
            await wire.send(asked("a", secret, **{"X-Forwarded-For": "203.0.113.9"}))
            assert set(gate.addresses[-1:]) <= {"203.0.113.9"}, last
        wire.close()

    assert gate.addresses


async def _broken(*_: Any) -> None:
    raise RuntimeError("a secret of ours")
