"""A head that comes again: a client's next request on its connection, which differs in nothing but its body.

Programs send the same head for hours. What was parsed once, and found to be in order, is not parsed again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from web.http_answer import Headers
from web.http_wire import HttpWire

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: ?([0-9]{1,9})\r\n", re.IGNORECASE)
_DIGITS = 9
_MOST = 65_536  # bytes of a request; a larger one is not held up by its head


class Head:
    """The head of a request that came in one piece, with its body; `known` is for whoever has read it before."""

    def __init__(self, before: bytes, after: bytes, scope: Mapping[str, Any], at: int) -> None:
        self._before, self._after = before, after  # the digits of the length
        self._scope, self._at = dict(scope), at  # which of the headers has the length
        self.known: dict[object, Any] = {}

    @classmethod
    def of(cls, request: bytes, scope: Mapping[str, Any]) -> Head | None:
        """The head of the request that was parsed into this scope, if its end can be told without parsing it again."""
        end = request.find(_END) + len(_END)
        found = _LENGTH.search(request, 0, end)
        if found is None or len(request) > _MOST or scope["method"] != "POST":
            return None
        lengths = [at for at, (name, _) in enumerate(scope["headers"]) if name == b"content-length"]
        if len(lengths) != 1 or int(found[1]) != len(request) - end:
            return None
        kept = {name: scope[name] for name in scope.keys() - {"state", "extensions"}}
        return cls(request[: found.start(1)], request[found.end(1) : end], kept, lengths[0])

    def body_in(self, request: bytes) -> bytes | None:
        """The body, if this is the same head with the length of the body that is here, whole and alone."""
        if not request.startswith(self._before) or len(request) > _MOST:
            return None
        at = len(self._before)
        ends = request.find(b"\r", at, at + _DIGITS + 1)
        if ends < 0 or not request.startswith(self._after, ends):
            return None
        digits, body = request[at:ends], request[ends + len(self._after) :]
        return body if digits.isdigit() and int(digits) == len(body) else None

    def scope(self, body: bytes) -> dict[str, Any]:
        """What ASGI says of the request."""
        headers = self._scope["headers"].copy()
        headers[self._at] = (b"content-length", b"%d" % len(body))
        return {**self._scope, "headers": headers}


class Short(Protocol):
    """The short way to an answer: see resolvers/short.py."""

    def at_once(self, head: Head, body: bytes, begun: dict[str, Any]) -> tuple[Headers, bytes] | None:
        """The headers and the body of the answer to a whole request, if nobody has to be waited for.

        Otherwise in the scope of the request belongs what has been `begun` by then.
        """


class HttpAgain(HttpWire):
    """HTTP/1.1 on one connection. `short` is asked first what to answer to a request whose head is known."""

    short: ClassVar[Short | None] = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """No head is known yet."""
        super().connection_made(transport)
        self._head: Head | None = None
        self._answered_at = 0.0  # when an answer was last given at once

    def data_received(self, data: bytes) -> None:
        """A piece of a request, or with a known head the whole of it."""
        begins = self._rests and not self._is_answering and not self.flow.write_paused
        if begins and self._head and not self._is_crowded and (body := self._head.body_in(data)) is not None:
            self._begin(self._head, body)
            return
        before = self.cycle
        super().data_received(data)
        if begins and self.cycle is not before:
            self._head = Head.of(data, self.scope) if self._may_come_again else None

    def _begin(self, head: Head, body: bytes) -> None:
        begun: dict[str, Any] = {}
        if self.short and (answer := self.short.at_once(head, body, begun)):
            self.transport.write(self._lines.answer(self.server_state.default_headers, *answer))
            self.server_state.total_requests += 1
            self._answered_at = self.loop.time()
            return
        self._unset_keepalive_if_required()
        self._await_nothing()
        scope: Any = head.scope(body) | begun | {"state": self.app_state.copy()}
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
            keep_alive=True,
            on_response=self.on_response_complete,
        )
        cycle.body += body
        cycle.more_body = False
        cycle.message_event.set()
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
