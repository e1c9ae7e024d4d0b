"""Subscriptions as server-sent events, as graphql-sse has them: `next` for each result, `complete` at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from resolvers.over_http import EVENT_STREAM, encode

HEARTBEAT_SECONDS = 12.0  # proxies cut what is silent for long
STALLED_SECONDS = 30.0  # a client that reads nothing for so long is gone


class EventStream(Response):
    """A response that lasts as long as the results do and the client listens."""

    media_type = EVENT_STREAM

    def __init__(self, results: AsyncGenerator[dict[str, Any], None]) -> None:
        # no-transform and X-Accel-Buffering: what gathers or compresses a stream holds its events back
        super().__init__(headers={"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._results = results

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until either side ends it."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        tasks = {asyncio.create_task(self._send(send)), asyncio.create_task(_gone(receive))}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            with suppress(TimeoutError, OSError):  # the client is gone
                task.result()

    async def _send(self, send: Send) -> None:
        async with aclosing(self._results) as results:
            coming = asyncio.ensure_future(anext(results))
            try:
                while True:
                    if not (await asyncio.wait({coming}, timeout=HEARTBEAT_SECONDS))[0]:
                        await _chunk(send, b":\n\n")
                        continue
                    await _chunk(send, b"event: next\ndata: " + encode(coming.result()) + b"\n\n")
                    coming = asyncio.ensure_future(anext(results))
            except StopAsyncIteration:
                await _chunk(send, b"event: complete\ndata:\n\n", more=False)
            finally:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)


async def _chunk(send: Send, body: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(STALLED_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
