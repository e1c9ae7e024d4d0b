"""One execution of a subscription, whose encoded answers all of its listeners are told. See docs/decisions/0018."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from graphql import GraphQLError
from strawberry.types import ExecutionResult

import errors
from models import Actor, Event
from resolvers.alike import Beginning
from resolvers.context import Context, Info
from resolvers.front import Front
from resolvers.listener import Listener, Told
from resolvers.over_http import encode
from schema.masking import is_away, is_refused, masked
from services import credentials, stream
from services.site import Site

_RECENT = 200  # payloads that a channel keeps for those who join a moment later
_IN_A_ROW = 250  # listeners that are told before others get a turn


class First(Protocol):
    """Who asked first for what the channel executes: see resolvers/channels.py."""

    query: str
    operation_name: str | None
    variables: dict[str, Any]
    context: Context
    beginning: Beginning
    watched: Mapping[str, Any]


class Channel:
    """One execution of a subscription, for all its listeners."""

    is_shared = True

    def __init__(
        self, schema: Any, front: Front | None, first: First, position: int, forget: Callable[[Channel], None]
    ) -> None:
        self._schema, self._front, self._began, self._forget = schema, front, position, forget
        self._floor = position  # whoever has heard of everything up to here can be told the rest
        self._recent: deque[Told] = deque()
        self._handing: set[asyncio.Task[None]] = set()
        self._site: Site = first.context.site
        self._asked = first.query, first.variables, first.operation_name
        self.beginning, self.watched = first.beginning, first.watched
        self._context = replace(first.context, place=self)
        self._listeners: dict[Actor, dict[Listener, None]] = {}
        self._unchecked = False  # somebody has joined since the credentials were asked for
        self._event: Event | None = None  # for graphql-core
        self._results: Any = None  # of graphql-core, once it had to execute one
        self._task = asyncio.create_task(self._run())

    def join(self, listener: Listener, position: int) -> bool:
        """Tell it of everything after this position; not if some of that was told so long ago that it is not here."""
        missed = sum(told.position > position for told in self._recent)
        if position < self._floor or missed > listener.bound:
            return False
        self._listeners.setdefault(listener.actor, {})[listener] = None
        self._unchecked = True
        self._site.pulse.follow(self._context.actor.organization)
        listener.joined(position, self.leave)
        if missed:
            handing = asyncio.create_task(self._hand_on(listener))
            self._handing.add(handing)
            handing.add_done_callback(self._handing.discard)
        return True

    def leave(self, listener: Listener) -> None:
        """It listens no longer; the last one ends the channel."""
        self._site.pulse.leave(self._context.actor.organization)
        alike = self._listeners.get(listener.actor, {})
        alike.pop(listener, None)
        if not alike:
            self._listeners.pop(listener.actor, None)
        if not self._listeners:
            self._forget(self)
            self._task.cancel()

    async def events(self, info: Info, after: str | None, **watched: Any) -> AsyncGenerator[Event, None]:
        """Those that graphql-core executes: whichever is at hand when it asks for the next."""
        while self._event is not None:
            yield self._event

    async def _run(self) -> None:
        ending: ExecutionResult | None = None
        recheck = stream.Recheck(self._site.limits.recheck_seconds, self._recheck)
        actor = self._context.actor
        log = stream.follow_together(self._site, actor, position=self._began, credentials=recheck, **self.watched)
        try:
            async with aclosing(log):
                async for event in log:
                    result = await self._executed(event)
                    if is_away(result) or is_refused(result):
                        ending = result
                        return
                    await self._tell(event, result)
        except Exception as bug:  # whatever it is, each of them is told, and the log once
            ending = ExecutionResult(None, [masked(GraphQLError("", original_error=bug))])
        finally:
            self._forget(self)
            for listener in self._everybody():
                listener.end(ending)
            if self._results is not None:
                await self._results.aclose()

    async def _executed(self, event: Event) -> ExecutionResult:
        """What the document says of the event, by the planner, or else by graphql-core, which says what is wrong."""
        query, variables, name = self._asked
        self._context.renew()
        if self._front is not None:
            data = await self._front.told(query, variables, name, self._context, event)
            if data is not None:
                return ExecutionResult(data, None)
        self._event = event
        if self._results is None:
            self._results = await self._schema.stream(query, variables, self._context, None, name)
        result: ExecutionResult = await anext(self._results)
        return result

    def _everybody(self) -> list[Listener]:
        return [one for alike in self._listeners.values() for one in alike]

    async def _tell(self, event: Event, result: ExecutionResult) -> None:
        while self._unchecked:
            await stream.patiently(self._recheck)
        before = self._recent[-1] if self._recent else None
        told = Told(event.position, encode(_body(result)), event.cursor)
        self._recent.append(told)
        if len(self._recent) > _RECENT:
            self._floor = self._recent.popleft().position
        for number, listener in enumerate(self._everybody(), 1):
            if listener.heard is before:
                listener.hear(told)
            else:
                self._bring_up(listener)
            if not number % _IN_A_ROW:
                await asyncio.sleep(0)

    async def _hand_on(self, listener: Listener) -> None:
        """What was told a moment before it joined, once its credential has been asked for, too."""
        if await stream.patiently(partial(credentials.lapsed, {listener.actor})):
            listener.end(errors.Unauthenticated())
        self._bring_up(listener)

    def _bring_up(self, listener: Listener) -> None:
        """Whatever it has not heard yet, in order; it hears nothing after its end."""
        missed = []
        for told in reversed(self._recent):
            if told.position <= listener.heard.position:
                break
            missed.append(told)
        for told in reversed(missed):
            listener.hear(told)

    async def _recheck(self) -> None:
        self._unchecked = False
        for actor in await credentials.lapsed(list(self._listeners)):
            for listener in list(self._listeners.get(actor, ())):
                listener.end(errors.Unauthenticated())


def _body(result: ExecutionResult) -> dict[str, Any]:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [failure.formatted for failure in result.errors]
    return {**body, "extensions": result.extensions} if result.extensions else body
