"""Carrying the pulse between processes: through Redis where there is one, and always by a look at the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from models import chance, event, unit
from services.pulse import Pulse

log = logging.getLogger("admit.wakeups")

_KEY = 16  # bytes of an organization's key, and of a process's name
_PENDING = 1_000  # organizations waiting to be told of: beyond that everybody is woken, which is never wrong
_LISTEN_SECONDS = 5.0  # how long a dead connection to Redis can go unnoticed
_AGAIN = 0.1  # between two cancellations of one task
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


@asynccontextmanager
async def wakeups(pulse: Pulse, url: str, poll_seconds: float, namespace: str = "admit") -> AsyncIterator[None]:
    """Beat the pulse for what this process commits, and for what others do.

    With a Redis `url` at once; without it, or while it is away, by reading the heads of the followed logs every
    `poll_seconds`. A commit never waits for Redis.
    """
    async with AsyncExitStack() as stack:
        stack.callback(unit.on_commit(pulse.beat))
        await stack.enter_async_context(_running(_persevere("read the log", partial(_poll, pulse, poll_seconds))))
        if url:
            redis: Redis = await stack.enter_async_context(
                Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5)
            )
            me, outbox = chance.random_bytes(_KEY), Outbox()
            stack.callback(unit.on_commit(outbox.put))
            channel = channel_of(namespace)
            tell, listen = partial(_tell, redis, channel, me, outbox), partial(_listen, redis, channel, me, pulse)
            await stack.enter_async_context(_running(_persevere("tell Redis", tell)))
            await stack.enter_async_context(_running(_persevere("listen to Redis", listen)))
        yield


class Outbox:
    """The organizations that other processes are to be told of, each once, however often its log grew."""

    def __init__(self) -> None:
        self._pending: set[UUID] = set()
        self._everybody = False
        self._filled = asyncio.Event()

    def put(self, organizations: Iterable[UUID]) -> None:
        """Note them down; called on commit, so it does nothing else. None at all stand for everybody."""
        grown = frozenset(organizations)
        self._pending |= grown
        if not grown or len(self._pending) > _PENDING:
            self._pending, self._everybody = set(), True
        self._filled.set()

    async def take(self) -> list[UUID]:
        """Those noted since the last time, as soon as there are any; none at all stand for everybody."""
        await self._filled.wait()
        self._filled.clear()
        taken = [] if self._everybody else list(self._pending)
        self._pending, self._everybody = set(), False
        return taken


def channel_of(namespace: str) -> str:
    """The channel of Redis on which an installation's processes tell each other of grown logs."""
    return f"{namespace}:grown"


async def _tell(redis: Redis, channel: str, me: bytes, outbox: Outbox) -> None:
    while True:
        organizations = await outbox.take()
        try:
            await redis.publish(channel, me + b"".join(key.bytes for key in organizations))
        except BaseException:
            outbox.put(organizations)  # to be told when Redis is back
            raise


async def _listen(redis: Redis, name: str, me: bytes, pulse: Pulse) -> None:
    async with redis.pubsub() as channel:
        await channel.subscribe(name)
        while True:
            message = await channel.get_message(timeout=_LISTEN_SECONDS)
            if message is None:
                await channel.ping()  # a connection that broke in silence answers with an error
            elif message["type"] == "subscribe":
                pulse.beat(
                    pulse.organizations
                )  # for what was missed before this connection, or between it and the last
            elif message["type"] == "message" and not message["data"].startswith(me):
                pulse.beat(_organizations(message["data"][_KEY:]) or pulse.organizations)


def _organizations(data: bytes) -> list[UUID]:
    return [UUID(bytes=data[at : at + _KEY]) for at in range(0, len(data) - _KEY + 1, _KEY)]


async def _poll(pulse: Pulse, seconds: float) -> None:
    known: Mapping[UUID, int] = {}
    while True:
        await asyncio.sleep(seconds)
        followed = pulse.organizations
        heads = await event.heads(followed) if followed else {}
        pulse.beat(organization for organization, newest in heads.items() if known.get(organization) != newest)
        known = heads


async def _persevere(what: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work for ever; when it fails, say so once and begin again, less and less often until it goes well."""
    pause = _FIRST_PAUSE
    while True:
        began = asyncio.get_running_loop().time()
        try:
            await work()
        except Exception as failure:  # whatever it is, streams must go on being woken
            if asyncio.get_running_loop().time() - began > _LONGEST_PAUSE:
                pause = _FIRST_PAUSE
            if pause == _FIRST_PAUSE:
                log.warning("Cannot %s (%s); trying until it goes.", what, type(failure).__name__)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        while not task.done():  # redis-py loses a cancellation that comes while it connects: say it again
            task.cancel()
            await asyncio.wait({task}, timeout=_AGAIN)
        with suppress(asyncio.CancelledError):
            await task
