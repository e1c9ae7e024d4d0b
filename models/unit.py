"""The unit of work: the one place where a transaction begins, and where its events are written.

A transaction runs in a task that is not its caller's and that nobody can cancel: a client that hangs up in the middle
of a commit would otherwise leave the connection locked for good. On SQLite it is the task of a whole batch. Its events
are kept back and inserted last, one organization at a time, so that the order of positions is the order of commits (see
docs/decisions/0003-event-order.md).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Unit:
    """What one transaction has still to do: the events to write."""

    client: BaseDBAsyncClient
    events: list[dict[str, Any]] = field(default_factory=list)
    inside: int = 0  # of how many units that have joined it this code is part


@dataclass(frozen=True)
class Clients:
    """What is asked outside a transaction, by whoever writes and by whoever reads."""

    writes: Any
    reads: BaseDBAsyncClient


_open: ContextVar[Unit | None] = ContextVar("unit", default=None)
_clients: Clients | None = None  # Tortoise would look for them by their names each time
_listeners: list[Callable[[frozenset[UUID]], None]] = []


def is_open() -> bool:
    """Whether this code runs inside a transaction."""
    return _open.get() is not None


def use(clients: Clients | None) -> None:
    """Ask these from now on."""
    global _clients  # noqa: PLW0603  the process has one database
    _clients = clients


def connection() -> BaseDBAsyncClient:
    """The connection that reads go to at this point of the code: the open transaction's, or the readers'."""
    unit = _open.get()
    return _connected().reads if unit is None else unit.client


def writing() -> BaseDBAsyncClient:
    """The connection that rows are written with: the open transaction's, if there is one."""
    unit = _open.get()
    client: BaseDBAsyncClient = _connected().writes if unit is None else unit.client
    return client


def _connected() -> Clients:
    if _clients is None:
        raise RuntimeError("a database is asked before it is connected")
    return _clients


def current() -> Unit:
    """The open unit of work. Raises RuntimeError outside one."""
    unit = _open.get()
    if unit is None:
        raise RuntimeError("an event is recorded inside a transaction")
    return unit


def be_sure() -> None:
    """Say that the unit fails from here on with the database itself and for no other reason.

    On SQLite it is then not prepared for being undone without the others in its batch: if it fails after all, none of
    them stays, and they are told Unavailable. What it writes is put off until somebody may ask for it; if the database
    refuses that, nothing of the batch stays, and those who were sure are done again with more caution. So whoever is
    sure can be done twice: what it changes it has read itself, or inserts by `put`, `add` or `bulk.insert`.

    On PostgreSQL it does not wait to hear that a row was changed, or added where there is none like it; if there was
    one after all, it is undone, and done again with more caution.
    """
    unit = current()
    client: Any = unit.client
    if not unit.inside:
        client.be_sure()


def transactional(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Run the function in one transaction, to its end even if the caller is cancelled; inside another, join it."""

    @wraps(work)
    async def whole(*args: P.args, **kwargs: P.kwargs) -> T:
        joined = _open.get()
        if joined is not None:
            joined.inside += 1
            try:
                return await work(*args, **kwargs)
            finally:
                joined.inside -= 1
        result: T = await _connected().writes.transact(lambda inside: _done(inside, work(*args, **kwargs)))
        return result

    return whole


async def _done(client: Any, work: Awaitable[T]) -> T:
    unit = Unit(client)
    token = _open.set(unit)
    try:
        result = await work
        if unit.events:
            from models.event import write  # noqa: PLC0415  events are rows, and rows are written in units

            await write(unit.events)
            client.grown.update([event["organization_id"] for event in unit.events])
    finally:
        _open.reset(token)
    return result


def tell(grown: Collection[UUID]) -> None:
    """Say that these organizations' logs have grown, now that it is committed."""
    if grown:
        for listener in _listeners:
            listener(frozenset(grown))


def on_commit(listener: Callable[[frozenset[UUID]], None]) -> Callable[[], None]:
    """Call `listener` with the organizations whose log grew, after each commit; returns what stops it."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


async def drain() -> None:
    """Wait for every transaction that is under way."""
    await _connected().writes.drain()
