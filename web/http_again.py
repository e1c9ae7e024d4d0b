"""HTTP on a connection whose requests have heads that are known: these are not parsed again."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from web.connection import Bounds
from web.heads import Heads, Recent, Sent, Short
from web.http_wire import HttpWire


class Waiting:
    """A request whose answer is waited for, as far as its connection asks that of a request of uvicorn's."""

    more_body = response_started = response_complete = disconnected = False
    keep_alive = True

    @property
    def message_event(self) -> Waiting:
        """Nobody waits for a message."""
        return self

    def set(self) -> None:
        """Nobody is told."""


class HttpAgain(HttpWire):
    """HTTP/1.1 on one connection."""

    heads: ClassVar[Heads | None] = None

    @classmethod
    def asking(cls, short: Short, bounds: Bounds) -> type[HttpAgain]:
        """The protocol of a server that answers the short way what it can."""
        return type("Http", (cls,), {"heads": Heads(short, bounds.header_bytes), "bounds": bounds})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """No head has come yet."""
        super().connection_made(transport)
        self._recent = Recent()
        self._answered_at = 0.0  # when an answer was last given at once

    def data_received(self, data: bytes) -> None:
        """A piece of a request, or with a known head the whole of it."""
        heads = self.heads if self._rests and not self._is_answering and not self.flow.write_paused else None
        if heads and not self._is_crowded and (again := self._recent.again(data, heads)):
            self._begin(heads, *again)
            return
        before = self.cycle
        super().data_received(data)
        if heads and self.cycle is not before and self._may_come_again:
            heads.keep(data, self.scope)

    def _begin(self, heads: Heads, sent: Sent, body: bytes) -> None:
        begun: dict[str, Any] = {}
        if answer := heads.short.at_once(sent, body, begun):
            self.transport.write(self._lines.answer(self.server_state.default_headers, *answer))
            self.server_state.total_requests += 1
            self._answered_at = self.loop.time()
            return
        self._unset_keepalive_if_required()
        self._await_nothing()
        waiting = self.cycle = self._running = Waiting()  # type: ignore[assignment]  # as far as both are asked
        task = self.loop.create_task(self._answer_later(heads, sent, body, begun, waiting))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _answer_later(
        self, heads: Heads, sent: Sent, body: bytes, begun: dict[str, Any], waiting: Waiting
    ) -> None:
        begun["client"] = self.client
        answer = await heads.short.later(begun)
        if answer is not None and waiting.keep_alive and not waiting.disconnected and not self.flow.write_paused:
            self.transport.write(self._lines.answer(self.server_state.default_headers, *answer))
            waiting.response_complete = True
            self.on_response_complete()
            return
        scope: Any = {"state": self.app_state.copy(), "server": self.server}
        scope |= sent.scope(body) | begun
        cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=waiting.keep_alive,
            on_response=self.on_response_complete,
        )
        cycle.body += body
        cycle.more_body = False
        cycle.disconnected = waiting.disconnected
        cycle.message_event.set()
        if self.cycle is cast("Any", waiting):  # nothing has come after it
            self.scope, self.cycle = scope, cycle
        self._start_asgi_task(cycle, self.app)

    def timeout_keep_alive_handler(self) -> None:
        """The connection may have been idle for so long that it is closed: no timer was set for what came at once."""
        left = self._answered_at + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    @property
    def _is_crowded(self) -> bool:
        limit = self.limit_concurrency
        return limit is not None and (len(self.connections) >= limit or len(self.tasks) >= limit)

    @property
    def _may_come_again(self) -> bool:
        cycle = self.cycle
        ended = self._rests and not cycle.more_body and not self.pipeline
        return ended and cycle.keep_alive and not self.expect_100_continue
