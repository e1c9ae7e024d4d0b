"""A client of the stream that takes it up again where it broke off, and remembers each event and each end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.listening import bare_socket

TYPES = ("ANSWERS_SAVED", "TIME_ADJUSTED", "ANSWER_GRADED", "RESULT_RECORDED", "RESULTS_RELEASED")
PROGRESS = """
subscription ($task: ID!, $after: Cursor) {
  testSessionProgressed(taskId: $task, after: $after) { cursor testSession { id status } }
}
"""
FEED = """
query ($after: Cursor, $types: [EventType!]) {
  events(after: $after, first: 100, types: $types) { head edges { cursor } pageInfo { hasNextPage endCursor } }
}
"""
DROPPED = 1006
PAUSE = 0.1


@dataclass
class Listener:
    """Follows a task's progress over one of the two transports, from `after` on."""

    addresses: Sequence[str]
    token: str
    task_id: str
    transport: str  # ws or sse
    after: str
    seen: list[str] = field(default_factory=list)
    ends: list[int | str] = field(default_factory=list)  # close codes, error codes, "complete", "cut" for a broken SSE

    @property
    def last(self) -> str:
        """Where to go on."""
        return self.seen[-1] if self.seen else self.after

    async def run(self) -> None:
        """Listen until cancelled."""
        listen = self._over_websocket if self.transport == "ws" else self._over_sse
        for address in cycle(self.addresses):
            try:
                await listen(address)
            except ConnectionClosed as closed:
                self.ends.append(closed.rcvd.code if closed.rcvd else DROPPED)
            except (httpx.TransportError, EOFError):
                self.ends.append("cut")
            except (OSError, InvalidHandshake, InvalidMessage):
                pass  # nobody is there, or not yet
            await asyncio.sleep(PAUSE)

    async def _over_websocket(self, address: str) -> None:
        async with bare_socket(address, open_timeout=5, close_timeout=1) as socket:
            await socket.send({"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}"}})
            json.loads(await socket.connection.recv())
            await socket.subscribe(PROGRESS, task=self.task_id, after=self.last)
            while True:
                message = json.loads(await socket.connection.recv())
                if message["type"] == "next":
                    self._take(message["payload"])
                elif message["type"] == "error":
                    self._ended(message["payload"])
                    return

    async def _over_sse(self, address: str) -> None:
        headers = {"accept": "text/event-stream", "authorization": f"Bearer {self.token}"}
        body = {"query": PROGRESS, "variables": {"task": self.task_id, "after": self.last}}
        patience = httpx.Timeout(5.0, read=None)
        async with (
            httpx.AsyncClient(base_url=address, timeout=patience, trust_env=False) as client,
            client.stream("POST", "/graphql", json=body, headers=headers) as response,
        ):
            if response.status_code != 200:
                self._ended(json.loads(await response.aread())["errors"])
                return
            name = ""
            async for line in response.aiter_lines():
                kind, _, rest = line.partition(":")
                if kind == "event":
                    name = rest.strip()
                elif kind == "data" and name == "next":
                    self._take(json.loads(rest))
                elif kind == "data":
                    self.ends.append(name)
                    return
            raise EOFError  # without `complete`

    def _take(self, payload: dict[str, Any]) -> None:
        if payload.get("data"):
            self.seen.append(payload["data"]["testSessionProgressed"]["cursor"])
        else:
            self._ended(payload["errors"])

    def _ended(self, failures: Sequence[dict[str, Any]]) -> None:
        self.ends.append(failures[0]["extensions"]["code"])


async def feed(client: httpx.AsyncClient, address: str, token: str, after: str | None) -> list[str]:
    """The cursors of the whole log of progress after the place; after None nothing but the log's end."""
    found: list[str] = []
    while True:
        body = {"query": FEED, "variables": {"after": found[-1] if found else after, "types": TYPES}}
        answer = await client.post(f"{address}/graphql", json=body, headers={"authorization": f"Bearer {token}"})
        page = answer.json()["data"]["events"]
        if after is None:
            return [page["head"]]
        found += [edge["cursor"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
