"""Subscriptions as server-sent events, as graphql-sse has them: `next` for each result, `complete` at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from resolvers.over_http import EVENT_STREAM

HEARTBEAT_SECONDS = 12.0  # proxies cut what is silent for long


class EventStream(Response):
    """A response that lasts as long as the results do, the client listens and the server serves.

    Stopping the server ends it without `complete`: clients take that for a broken connection and go on elsewhere.
    """

    media_type = EVENT_STREAM

    def __init__(self, results: AsyncGenerator[bytes, None]) -> None:
        # no-transform and X-Accel-Buffering: what gathers or compresses a stream holds its events back
        super().__init__(headers={"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._results = results

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until it ends."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        stopping: asyncio.Event = scope.get("state", {}).get("stopping") or asyncio.Event()
        sending = asyncio.create_task(self._send(send))
        tasks = {sending, *(asyncio.create_task(work) for work in (_beating(send), _gone(receive), stopping.wait()))}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not sending.cancelled():
            with suppress(OSError):  # the client is gone
                sending.result()
        elif stopping.is_set():
            await _chunk(send, b"", more=False)

    async def _send(self, send: Send) -> None:
        async with aclosing(self._results) as results:
            async for result in results:
                await _chunk(send, b"event: next\ndata: " + result + b"\n\n")
        await _chunk(send, b"event: complete\ndata:\n\n", more=False)


async def _beating(send: Send) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        await _chunk(send, b":\n\n")


async def _chunk(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
