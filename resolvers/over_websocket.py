"""graphql-transport-ws by Strawberry's handler: no frame breaks the socket, no operation outlives its credential."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any

from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation

import errors
from models import ANONYMOUS
from resolvers.context import Context
from resolvers.listener import Listener, Outlet
from resolvers.over_http import encode
from schema.masking import is_away, is_refused, logged, masked

REASON = 123  # bytes that a close frame can carry
FORBIDDEN = 4403
INTERNAL = 1011
TRY_AGAIN_LATER = 1013
GONE = (WebSocketDisconnect, RuntimeError, OSError)  # what sending raises when nobody is there any more

logging.getLogger("strawberry.ws").setLevel(logging.CRITICAL)  # a foreign origin is the visitor's mistake


class Socket(ASGIWebSocketAdapter):
    """A socket that sends text, cuts what is too long for a close frame, and can be closed twice."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """One message. Raises WebSocketDisconnected when nobody can receive it any more."""
        await self.send_frame(encode(message))

    async def send_frame(self, text: bytes) -> None:
        """One message that is written already. Raises WebSocketDisconnected, too."""
        if self.ws.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnected
        try:
            await self.ws.send_text(text.decode())
        except GONE as gone:  # closed while we waited for our turn
            raise WebSocketDisconnected from gone

    @property
    def outlet(self) -> Outlet | None:
        """Where what takes no waiting leaves at once: see web/socket_wire.py."""
        outlet: Outlet | None = self.ws.scope["extensions"].get("admit.outlet")
        return outlet

    async def close(self, code: int, reason: str) -> None:
        """The end, if it has not come before."""
        if self.ws.application_state is WebSocketState.CONNECTED:
            with suppress(*GONE):
                await self.ws.close(code, reason.encode()[:REASON].decode(errors="ignore"))


class Handler(BaseGraphQLTransportWSHandler[Context, None]):
    """One socket's operations. Its `view` is our door, which knows who a context's credential belongs to."""

    view: Any

    async def handle_message(self, message: Any) -> None:
        """A frame that the protocol does not know closes with 4400, our own bug with 1011, nothing with 1006."""
        wrong = _wrong(message)
        if wrong:
            await self.handle_invalid_message(wrong)
            return
        try:
            await super().handle_message(message)
        except WebSocketDisconnected:
            raise
        except errors.Unavailable as away:
            await self.websocket.close(TRY_AGAIN_LATER, away.text)
        except Exception as bug:  # the socket must be closed properly, whatever it is
            logged(bug)
            await self.websocket.close(INTERNAL, "Internal error")

    async def handle_connection_init(self, message: Any) -> None:
        """Like Strawberry's, and it forgets who waited for this: a cancelled task's traceback is kept as long as it."""
        await super().handle_connection_init(message)
        self.connection_init_timeout_task = None

    async def handle_subscribe(self, message: Any) -> None:
        """Like Strawberry's, with a code for one operation too many."""
        too_many = len(self.operations) >= (self.max_subscriptions_per_connection or 0)
        if self.connection_acknowledged and too_many and message["id"] not in self.operations:
            refused = GraphQLError(
                "", original_error=errors.RateLimited(1, "Too many operations at once on this socket.")
            )
            await self.send_message({"id": message["id"], "type": "error", "payload": [masked(refused).formatted]})
            return
        await super().handle_subscribe(message)

    def forget_id(self, id: str) -> None:
        """The operation is over, perhaps because the client ended it a moment ago."""
        self.operations.pop(id, None)

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Asked anew who this is, as over HTTP: since the socket was opened, rights may have been taken away."""
        try:
            await self.view.recognise(self.context)
            await self._deliver(operation)
        except errors.Unauthenticated:
            await self.websocket.close(FORBIDDEN, "Forbidden")
        except WebSocketDisconnected:
            pass
        except Exception as bug:  # whatever it is, the client is told, and the socket lives
            with suppress(WebSocketDisconnected):
                await operation.send_initial_errors([masked(GraphQLError("", original_error=bug))])

    async def _deliver(self, operation: Operation[Context, None]) -> None:
        query, variables, name = operation.query, operation.variables, operation.operation_name or None
        subscriber = self.view.channels.subscriber(query, variables, name, self.context)
        listener = subscriber.listener
        try:
            results = subscriber.results()
            async with aclosing(results):
                async for result in results:
                    if await self._ended(operation, result):
                        return
            del results, subscriber
            await self._listen(operation, listener)
        finally:
            listener.leave()

    async def _listen(self, operation: Operation[Context, None], listener: Listener) -> None:
        """Most of what is heard is sent by who tells it; here only what has to wait for the client."""
        socket: Any = self.websocket
        begin = b'{"id":' + encode(operation.id) + b',"type":"next","payload":'
        heard = listener.rest(socket.outlet, begin, b"}")
        async with aclosing(heard):
            async for one in heard:
                if isinstance(one, bytes):
                    await socket.send_frame(begin + one + b"}")
                elif await self._ended(operation, one):
                    return
        await operation.send_operation_message({"id": operation.id, "type": "complete"})

    async def _ended(self, operation: Operation[Context, None], result: Any) -> bool:
        """Send one result, and say whether the operation ended with it."""
        if not is_away(result) and not is_refused(result):
            await operation.send_next(result)
            return False
        lapsed = not is_away(result) and self.context.actor is not ANONYMOUS and _has_lapsed(result.errors)
        if lapsed:
            raise errors.Unauthenticated
        await operation.send_initial_errors(result.errors)  # away: what was to be said of this event is lost
        return True


def _has_lapsed(failures: Sequence[GraphQLError]) -> bool:
    """Whether a stream ended because its credential no longer counts."""
    return any((failure.extensions or {}).get("code") == errors.Unauthenticated.code for failure in failures)


def _wrong(message: Any) -> str | None:
    """What is wrong with a frame, if anything."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message is an object with a type"
    match message["type"]:
        case "connection_init" | "ping" | "pong":
            return _wrong_payload(message)
        case "complete":
            return _wrong_id(message)
        case "subscribe":
            return _wrong_id(message) or _wrong_operation(message.get("payload"))
    return "There is no such type of message"


def _wrong_payload(message: dict[str, Any]) -> str | None:
    if message.get("payload") is None:
        message.pop("payload", None)  # null is like absent; Strawberry would refuse it
    return None if isinstance(message.get("payload", {}), dict) else "The payload must be an object"


def _wrong_id(message: dict[str, Any]) -> str | None:
    return None if isinstance(message.get("id"), str) and message["id"] else "The id must be a string"


def _wrong_operation(payload: Any) -> str | None:
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
        return "The payload must be an object with a query"
    if not isinstance(payload.get("operationName"), (str, type(None))):
        return "The operationName must be a string"
    if not all(isinstance(payload.get(part), (dict, type(None))) for part in ("variables", "extensions")):
        return "The variables and extensions must be objects"
    return None
