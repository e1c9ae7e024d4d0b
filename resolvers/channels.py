"""Streams that are executed once for all who asked the same and may see the same. See docs/decisions/0018."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Hashable, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from strawberry.types import ExecutionResult

import errors
from models import Event
from resolvers import alike
from resolvers.alike import Beginning
from resolvers.channel import Channel
from resolvers.context import Context, Info
from resolvers.front import Front
from resolvers.listener import Listener
from services import stream


class Channels:
    """Those of one process, each as long as somebody listens."""

    def __init__(self, schema: Any, front: Front | None = None) -> None:
        self.schema, self.front = schema, front
        self._open: dict[Hashable, Channel] = {}
        self._beginnings: WeakValueDictionary[Hashable, Beginning] = WeakValueDictionary()  # of what is open

    def subscriber(
        self, query: str, variables: Mapping[str, Any] | None, operation_name: str | None, context: Context
    ) -> Subscriber:
        """Who asks this: first by itself, until it has caught up."""
        return Subscriber(self, query, dict(variables or {}), operation_name, context)

    def join(self, position: int, subscriber: Subscriber) -> bool:
        """Let it listen from this position on; not if its channel has told of what comes after."""
        key = subscriber.key(subscriber.beginning)
        channel = self._open.get(key)
        if channel is None:
            forget = partial(self._forget, key)
            channel = self._open[key] = Channel(self.schema, self.front, subscriber, position, forget)
            self._beginnings[subscriber.query, subscriber.operation_name] = channel.beginning
        return channel.join(subscriber.listener, position)

    def running(self, subscriber: Subscriber) -> Channel | None:
        """The channel of what it asks for, if that is open and it begins now."""
        known = self._beginnings.get((subscriber.query, subscriber.operation_name))
        if known is None or not known.is_now(subscriber.variables):
            return None
        return self._open.get(subscriber.key(known))

    def _forget(self, key: Hashable, gone: Channel) -> None:
        if self._open.get(key) is gone:
            del self._open[key]


class Subscriber:
    """One subscription's own part of the way: it is admitted, catches up, and joins a channel without a gap."""

    is_shared = False
    beginning: Beginning
    watched: Mapping[str, Any]

    def __init__(
        self,
        channels: Channels,
        query: str,
        variables: dict[str, Any],
        operation_name: str | None,
        context: Context,
    ) -> None:
        self._channels = channels
        self.query, self.variables, self.operation_name = query, variables, operation_name
        self.listener = Listener(context.actor, context.site.limits.stream_queue)
        self.context = replace(context, place=self)

    def key(self, beginning: Beginning) -> Hashable:
        """Of its channel."""
        return beginning.key(self.query, self.operation_name, self.variables, self.context.actor)

    async def results(self, **more: Any) -> AsyncGenerator[ExecutionResult, None]:
        """What it is told before it listens; nothing if it begins now and what it asks for is open."""
        if await self._joins_at_once():
            return
        results = await self._channels.schema.stream(
            self.query, self.variables, self.context, None, self.operation_name, **more
        )
        async with aclosing(results):
            async for result in results:
                yield result

    async def events(self, info: Info, after: str | None, **watched: Any) -> AsyncGenerator[Event, None]:
        """Those that came before it joined."""
        self.beginning, self.watched = alike.beginning(info), watched
        own = stream.follow(info.context.site, info.context.actor, after=after, joins=self._joins, **watched)
        async with aclosing(own):
            async for event in own:
                yield event

    def _joins(self, position: int) -> bool:
        return self._channels.join(position, self)

    async def _joins_at_once(self) -> bool:
        """Whether it listens already. If it is refused, or the database is away, executing it says so."""
        channel, front = self._channels.running(self), self._channels.front
        if channel is None or front is None:
            return False
        self.beginning, self.watched = channel.beginning, channel.watched
        try:
            if not await front.admits(self.query, self.variables, self.operation_name, self.context):
                return False
            return await stream.join(self.context.actor, self._joins, **self.watched)
        except errors.Rejected:
            return False
