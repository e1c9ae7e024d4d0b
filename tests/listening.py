"""Listening to the stream as clients do: over graphql-transport-ws and as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from models import Actor, EventType, TestSessionStatus, event
from models.unit import transactional
from tests.world import Door

PATIENCE = 10.0  # seconds of real time after which a test that waits has failed


@transactional
async def changed(actor: Actor, to: str = "ACTIVE", was: str | None = None, **about: Any) -> None:
    """Record that a session's status changed, without there being a session."""
    states: dict[str, Any] = {"from": was and TestSessionStatus(was), "to": TestSessionStatus(to)}
    event.record(EventType.TEST_SESSION_STATUS_CHANGED, "ses_none", actor, **about, **states)


class Socket:
    """One socket on which operations run."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, message: object) -> None:
        """One frame."""
        await self.connection.send(message if isinstance(message, (str, bytes)) else json.dumps(message))

    async def receive(self) -> Any:
        """The next message. Raises ConnectionClosed at the end."""
        async with asyncio.timeout(PATIENCE):
            return json.loads(await self.connection.recv())

    async def subscribe(self, document: str, id: str = "1", **variables: Any) -> None:
        """Begin an operation."""
        await self.send({"id": id, "type": "subscribe", "payload": {"query": document, "variables": variables}})

    async def next(self) -> Any:
        """The data of the next result, the only field's value."""
        message = await self.receive()
        assert message["type"] == "next", message
        return next(iter(message["payload"]["data"].values()))

    async def close_code(self) -> int:
        """How the server closes the socket, whatever it says before."""
        with suppress(ConnectionClosed):
            while True:
                await self.receive()
        assert self.connection.close_code is not None
        return self.connection.close_code  # 1006 when the socket was dropped


@asynccontextmanager
async def bare_socket(base_url: str, **more: Any) -> AsyncIterator[Socket]:
    """A socket, not yet initialised."""
    url = base_url.replace("http", "ws", 1) + "/graphql"
    async with connect(url, **{"subprotocols": ["graphql-transport-ws"], "proxy": None, **more}) as connection:
        yield Socket(connection)


@asynccontextmanager
async def socket(door: Door, **more: Any) -> AsyncIterator[Socket]:
    """A socket that the server has acknowledged, with the door's credential."""
    async with bare_socket(door.base_url, **more) as made:
        payload = {"authorization": f"Bearer {door.token}"} if door.token else {}
        await made.send({"type": "connection_init", "payload": payload})
        assert await made.receive() == {"type": "connection_ack"}
        yield made


@asynccontextmanager
async def event_stream(door: Door, document: str, **variables: Any) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
    """The named events of a subscription over HTTP, each with its data."""
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {door.token}"}
    body = {"query": document, "variables": variables}
    async with (
        httpx.AsyncClient(base_url=door.base_url, timeout=PATIENCE, trust_env=False) as client,
        client.stream("POST", "/graphql", json=body, headers=headers) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream"), await response.aread()
        yield _events(response)


async def _events(response: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in response.aiter_lines():
        kind, _, rest = line.partition(":")
        if kind == "event":
            name = rest.strip()
        elif kind == "data":
            yield name, json.loads(rest) if rest.strip() else None


def shared(app: Starlette) -> list[int]:
    """How many listen to each of the channels that are open."""
    return sorted(len(one._everybody()) for one in door_of(app).channels._open.values())


def door_of(app: Starlette) -> Any:
    """The application's GraphQL endpoint."""
    return next(route.endpoint for route in app.routes if isinstance(route, WebSocketRoute))


async def until(true: Callable[[], bool]) -> None:
    """Let the server work until it is so."""
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.001)
