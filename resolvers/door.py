"""The GraphQL endpoint: HTTP, graphql-transport-ws and SSE. Who knocks is found out before anything is executed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

import errors
from models import ANONYMOUS
from resolvers import over_http
from resolvers.channels import Channels
from resolvers.context import Context
from resolvers.front import Front
from resolvers.over_http import EVENT_STREAM, JSON, METHODS, RESPONSE_JSON, Asked, Refusal
from resolvers.over_sse import EventStream
from resolvers.over_websocket import Handler, Socket
from resolvers.roots import Schema
from resolvers.short import CONTEXT
from schema.masking import is_away, is_refused, logged, masked
from services.credentials import at_once, authenticate
from services.site import Site

SHOW_TIER = "admit-show-tier"  # with this header a developer is told how the answer came about
PageOf = Callable[[Request], Response]

_BY = {"GET": {OperationType.QUERY}, "POST": {OperationType.QUERY, OperationType.MUTATION}}


class Door(GraphQL[Context, None]):
    """`page` is what a browser sees that comes without a question; `body_bytes` bounds what is read of anybody's
    request, `list_body_bytes` of one with a credential, whose mutations take long lists; `shows_schema` says whether
    strangers may read the schema; `front` answers faster what it can.
    """

    websocket_adapter_class = Socket
    graphql_transport_ws_handler_class = Handler

    def __init__(  # noqa: PLR0913  settings, by name
        self,
        schema: Schema,
        site: Site,
        *,
        origins: Collection[str],
        init_seconds: float,
        operations: int,
        body_bytes: int,
        list_body_bytes: int,
        shows_schema: bool,
        front: Front | None = None,
        page: PageOf | None = None,
    ) -> None:
        own = urlsplit(site.urls.base_url)
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=init_seconds),
            max_subscriptions_per_connection=operations,
            allowed_origins=(*origins, f"{own.scheme}://{own.netloc}"),
        )
        self.site = site
        self._body_bytes, self._list_body_bytes = body_bytes, list_body_bytes
        self._page, self._shows_schema, self._front = page, shows_schema, front
        self.channels = Channels(schema, front)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Over HTTP by our own hand, over a WebSocket by Strawberry's."""
        if scope["type"] == "websocket":
            await super().__call__(scope, receive, send)
            return
        try:
            response = await self._respond(Request(scope, receive))
        except Refusal as refused:
            response = refused.response
        except errors.Unauthenticated as refused:
            response = Refusal(refused.status, refused.text, refused.code, WWW_Authenticate="Bearer").response
        except errors.Unavailable as away:
            again = str(away.retry_after)
            response = Refusal(away.status, away.text, away.code, Retry_After=again).response
        except ClientDisconnect:
            return
        except Exception as bug:  # whatever it is, the client learns its id and nothing else
            response = Refusal(500, f"Something went wrong here: {logged(bug)}.", "INTERNAL").response
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method not in _BY:
            raise Refusal(405, f"Use {METHODS}.", Allow=METHODS)
        if self._page and over_http.wants_page(request):
            return self._page(request)
        context = await self.get_context(request, request)
        if CONTEXT not in request.scope:  # else it was found out, and what was done since may have ended the credential
            context.actor = await authenticate(self.site, request.headers.get("authorization"))
        accept = request.headers.get("accept")
        media = over_http.accepted(accept, (JSON, RESPONSE_JSON))
        streams = bool(over_http.accepted(accept, (EVENT_STREAM,)))
        if not media and not streams:
            raise Refusal(406, f"Accept {JSON}, {RESPONSE_JSON}, or for a subscription {EVENT_STREAM}.")
        limit = self._body_bytes if context.actor is ANONYMOUS else self._list_body_bytes
        asked = await over_http.read(request, limit)
        try:
            return await self._executed(asked, context, _BY[request.method] if media else frozenset(), media)
        except InvalidOperationTypeError as other:  # nothing was executed
            if other.operation_type is OperationType.SUBSCRIPTION and streams:
                return EventStream(self._results(asked, context))
            if other.operation_type is OperationType.SUBSCRIPTION or not media:
                raise Refusal(
                    406, f"A subscription is answered as {EVENT_STREAM}, everything else as {JSON}."
                ) from None
            raise Refusal(405, "Send a mutation by POST.", Allow="POST") from None

    async def _executed(
        self, asked: Asked, context: Context, allowed: Collection[OperationType], media: list[str]
    ) -> Response:
        chosen = media[0] if media else JSON
        if (answer := await self.quickly(asked, context, allowed)) is not None:
            return over_http.written(answer, 200, chosen)
        try:
            result = await self.schema.execute(
                asked.query, asked.variables, context, None, asked.operation_name, allowed
            )
        except CannotGetOperationTypeError as unclear:
            failure = GraphQLError(unclear.as_http_error_reason(), original_error=unclear)
            result = PreExecutionError(None, [masked(failure)])
        shown = _shown(result)
        status, headers = over_http.standing(shown, refused=is_refused(result), media=chosen)
        return over_http.answer(shown, status, chosen, headers)

    async def _results(self, asked: Asked, context: Context) -> AsyncGenerator[bytes, None]:
        subscriber = self.channels.subscriber(asked.query, asked.variables, asked.operation_name, context)
        results = subscriber.results(allowed_operation_types={OperationType.SUBSCRIPTION})
        try:
            async with aclosing(results), aclosing(subscriber.listener.rest()) as shared:
                async for result in results:
                    yield over_http.encode(_shown(result))
                    if is_away(result):  # what was to be said of this event is lost: the client resumes before it
                        return
                async for one in shared:
                    yield one if isinstance(one, bytes) else over_http.encode(_shown(one))
        except Exception as ended:  # whatever it is, the client is told
            yield over_http.encode({"errors": [masked(GraphQLError("", original_error=ended)).formatted]})
        finally:
            subscriber.listener.leave()

    async def get_context(self, request: Request | WebSocket, response: object) -> Context:
        """Nobody yet; over a WebSocket until `connection_init`."""
        begun: Context | None = request.scope.get(CONTEXT)
        context = begun or self.context_for("")
        context.address = _address(request)
        context.shows_tier = self._shows_schema and SHOW_TIER in request.headers
        return context

    def context_for(self, address: str) -> Context:
        """See resolvers/short.py."""
        planner = self._front and self._front.planner
        return Context(ANONYMOUS, self.site.urls, self.site, address, shows_schema=self._shows_schema, planner=planner)

    def knows(self, text: str) -> bool:
        """See resolvers/short.py."""
        return self._front is not None and self._front.knows(text)

    def at_once(self, asked: Asked, prints: Sequence[str], begun: dict[str, Any]) -> bytes | None:
        """See resolvers/short.py."""

        def context() -> Context | None:
            actor = at_once(self.site, prints)
            if actor is None:
                return None
            begun[CONTEXT] = found = self.context_for("")
            found.actor = actor
            return found

        if self._front is None:
            return None
        return self._front.at_once(asked.query, asked.variables, asked.operation_name, context)

    async def quickly(
        self, asked: Asked, context: Context, allowed: Collection[OperationType] = _BY["POST"]
    ) -> bytes | None:
        """See resolvers/short.py. What was tried that way already is not tried again."""
        if self._front is None or context.tried:
            return None
        context.tried = True
        return await self._front.answer(asked.query, asked.variables, asked.operation_name, context, allowed)

    async def recognise(self, context: Context) -> None:
        """Who sent this socket's `connection_init`, as of now.

        Raises Unauthenticated when the credential does not count, or no longer.
        """
        context.actor = await authenticate(self.site, context.connection_params.get("authorization"))

    async def on_ws_connect(self, context: Context) -> Any:
        """A credential that does not count closes with 4403.

        The header is in the payload, in any spelling; what else is there is forgotten, for each operation asks anew.
        """
        sent = {str(name).lower(): value for name, value in context.connection_params.items()}
        context.connection_params = {
            name: at for name, at in sent.items() if name == "authorization" and isinstance(at, str)
        }
        try:
            await self.recognise(context)
        except errors.Unauthenticated as refused:
            raise ConnectionRejectionError from refused
        return await super().on_ws_connect(context)

    def decode_json(self, data: str | bytes) -> object:
        """A frame's JSON."""
        return over_http.decode(data)


def _shown(result: ExecutionResult) -> dict[str, Any]:
    """A result as clients read it: without `data` when nothing was executed."""
    refused = is_refused(result)
    shown: dict[str, Any] = {} if refused else {"data": result.data}
    if result.errors:
        failures = (one if "code" in (one.extensions or {}) else masked(one) for one in result.errors)
        shown["errors"] = [failure.formatted for failure in failures]
    return {**shown, "extensions": result.extensions} if result.extensions and not refused else shown


def _address(connection: Request | WebSocket) -> str:
    return connection.client.host if connection.client else ""
