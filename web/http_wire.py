"""HTTP on one client's connection: uvicorn's protocol, and what it leaves out.

A head must come whole, in time and of moderate size, and be one that no two servers read in two ways; a body is read to
its end, or the connection closes; whoever does not read is dropped. See docs/decisions/0009-the-edge.md.
"""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar, cast
from weakref import ref

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from web.connection import LAST_WORD_SECONDS, Bounds, Reader, end_writing, refusal
from web.http_answer import AnswersTransport, Headers, Lines, closing_when_unread

FIELDS = 100  # in one head
IN_A_ROW = 20  # requests that wait for the answer to the one before
LAST_WORD_BYTES = 4_000_000  # that are thrown away while the client reads our last answer


class HttpWire(HttpToolsProtocol):
    """HTTP/1.1 on one connection."""

    bounds: ClassVar[Bounds] = Bounds()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """From now on the first head is awaited."""
        super().connection_made(transport)
        self._running: RequestResponseCycle | None = None  # whose answer is being made
        self._in_head = True  # from the end of one request to the end of the next one's head
        self._begun = False  # something of that head has come
        self._dry = 0  # bytes that have come since we last made sense of some
        self._fault = HTTPStatus.BAD_REQUEST
        self._is_deaf = self._leaves = False  # whatever comes is thrown away; the connection is about to be closed
        self._timer: asyncio.TimerHandle | None = None
        self._lines = Lines()
        self._seen = cast("asyncio.Transport", AnswersTransport(transport, self.leave))  # by whoever answers
        self._reader = Reader(transport, self.bounds.stalled_seconds, lambda: self.flow.write_paused)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more, and nothing is written: uvicorn tells so to the last request in a row only."""
        self._stop()
        self.pipeline.clear()
        if self._running is not None and self._is_answering:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        """The client reads."""
        self._reader.has_read()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """A piece of a request."""
        self._dry += len(data)
        if self._is_deaf:
            if self._dry > LAST_WORD_BYTES:
                self.transport.close()
            return
        super().data_received(data)
        if self._is_deaf:
            return
        if self._dry > self.bounds.header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._in_head and not self._is_answering:
            self._await_head()

    # ---- what the parser tells ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._begun = True

    def on_headers_complete(self) -> None:
        """The head is whole, and the request begins."""
        self._in_head = self._begun = False
        self._dry = 0
        self._await_nothing()
        size, lengths, codings = len(self.url), [], []
        for name, value in self.headers:
            size += len(name) + len(value) + 4
            if name == b"content-length":
                lengths.append(value)
            elif name == b"transfer-encoding":
                codings.append(value.lower())
        if len(self.headers) > FIELDS or size > self.bounds.header_bytes:
            self._fault = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError("the head is too large")
        if not self._is_plain(lengths, codings):
            raise ValueError("where the body ends could be read in two ways")
        if len(self.pipeline) >= IN_A_ROW:
            raise ValueError("too many requests wait for one answer")
        super().on_headers_complete()
        if not self.parser.should_upgrade():
            self.headers = []  # what comes after the body could pass for a part of the head: nobody sees it

    def on_body(self, body: bytes) -> None:
        """Content has come."""
        self._dry = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_head = True
        self._dry = 0
        super().on_message_complete()

    def _is_plain(self, lengths: list[bytes], codings: list[bytes]) -> bool:
        """Whether the body is counted or chunked and nothing else; what opens a WebSocket has none."""
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1") or (codings and (codings != [b"chunked"] or version == "1.0")):
            return False
        return not ((codings or lengths not in ([], [b"0"])) and self._should_upgrade())

    # ---- answering ---------------------------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        """On to the next request, if the connection lasts."""
        if self._leaves:
            self.server_state.total_requests += 1
            return
        super().on_response_complete()
        if self._begun and not self._is_answering:
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        """What came is no request."""
        self._refuse(self._fault)

    def handle_websocket_upgrade(self) -> None:
        """From here on web/socket_wire.py has the connection."""
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self._is_deaf = True
        self._stop()
        super().handle_websocket_upgrade()

    def shutdown(self) -> None:
        """The server stops: streams end, and their readers go on elsewhere."""
        stopping = self.app_state.get("stopping")
        if stopping is not None:
            stopping.set()
        super().shutdown()

    def leave(self) -> None:
        """Close; but where more may come let the client first read what it was told, which closing would take back."""
        if self._leaves:
            return
        self._leaves = True
        if self._in_head and not self._begun and not self._is_deaf:
            self.transport.close()
            return
        self._is_deaf = True
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        end_writing(self.transport)
        self._await_nothing()
        self._timer = self.loop.call_later(LAST_WORD_SECONDS, self.transport.close)

    @property
    def _rests(self) -> bool:
        """Whether the last request came to its end, and nothing after it."""
        return self._in_head and not self._begun and not self._dry and not self._is_deaf

    @property
    def _is_answering(self) -> bool:
        return self._running is not None and not self._running.response_complete

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        cycle.transport = self._seen
        cast("dict[str, Any]", cycle.scope)["extensions"] = {"admit.answer": partial(self._answer, ref(cycle))}
        answering = partial(closing_when_unread, app, cycle) if cycle.more_body else app
        super()._start_asgi_task(cycle, cast("Any", answering))

    def _answer(self, of: ref[RequestResponseCycle], headers: Headers, body: bytes) -> bool:
        """Give a whole answer of status 200, if nobody has to wait for the client; whether it was given.

        The scope that holds this is the cycle's own: if it held the cycle, too, all that a request has read stayed
        until the garbage collector came by.
        """
        cycle = of()
        if (
            cycle is None
            or self.flow.write_paused
            or cycle.disconnected
            or cycle.response_started
            or not cycle.keep_alive
        ):
            return False
        self.transport.write(self._lines.answer(cycle.default_headers, headers, body))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True

    def _unsupported_upgrade_warning(self) -> None:
        self.cycle.keep_alive = False  # the parser reads nothing more of this connection

    def _refuse(self, status: HTTPStatus) -> None:
        self._is_deaf = True
        self.pipeline.clear()
        running = self._running
        if running is not None and self._is_answering:
            if running.response_started:  # a stream would go on for ever
                self.transport.close()
                return
            if not running.more_body:  # the answer that is being made comes first, and is the last
                running.keep_alive = False
                return
            running.disconnected = True
            running.message_event.set()
        self.transport.write(refusal(status, self.server_state.default_headers))
        self.leave()

    # ---- time --------------------------------------------------------------------------------------------------------

    def _await_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.bounds.header_seconds, self._give_up)

    def _await_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if self._begun:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif self.timeout_keep_alive_task is None:  # which closes an idle connection itself
            self.transport.close()

    def _stop(self) -> None:
        self._reader.stop()
        self._await_nothing()
