"""Closing a task and revoking a link count from the moment that they are acknowledged: nobody is still coming in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
from starlette.applications import Starlette
from tortoise.connection import get_connection

from models import AccessLink, Actor, Member, TestSession, Ticket
from models.unit import transactional
from services import entry, links, tasks
from tests.conftest import POSTGRES
from tests.hall import REDEEM, START, Hall, key, open_hall
from tests.world import Door

pytestmark = pytest.mark.skipif(not POSTGRES, reason="SQLite has one writer")

T = TypeVar("T")
_WAITING = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def _stands(running: asyncio.Task[Any]) -> bool:
    """Whether it waits for a lock, when it has come so far; False if it was done without."""
    while not running.done():
        if (await get_connection("default").execute_query_dict(_WAITING))[0]["n"]:
            return True
    return False


async def _in_the_middle(
    work: Callable[[], Coroutine[Any, Any, Any]], other: Callable[[], Coroutine[Any, Any, T]]
) -> tuple[bool, T]:
    """Do the other thing before the work's transaction is committed: whether it waited, and what came of it."""
    reached, onward = asyncio.Event(), asyncio.Event()

    @transactional
    async def held() -> None:
        await work()
        reached.set()
        await onward.wait()

    first = asyncio.create_task(held())
    await reached.wait()
    second = asyncio.create_task(other())
    waited = await _stands(second)
    onward.set()
    await first
    return waited, await second


async def _owner(hall: Hall) -> Actor:
    return (await Member.get(id=key(hall.owner.known["member"]["id"]))).actor


async def _shared(hall: Hall) -> tuple[AccessLink, str]:
    ticket = await Ticket.get(id=key(hall.ticket["id"]))
    link = await AccessLink.create(organization_id=ticket.organization_id, ticket_id=ticket.id)
    return link, hall.site.keys.seal_link(link.id, link.version, None)


async def test_whoever_comes_while_the_task_is_being_closed_is_too_late(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    owner = await _owner(hall)

    waited, answer = await _in_the_middle(lambda: tasks.close(owner, key(hall.task["id"])), hall.enter)

    assert (waited, answer["__typename"]) == (True, "TaskNotOpen")


async def test_who_closes_a_task_is_told_so_when_nobody_is_still_coming_in(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    owner, slug, code = await _owner(hall), hall.task["slug"], hall.ticket["invitationCode"]

    waited, _ = await _in_the_middle(
        lambda: entry.by_code(hall.site, "192.0.2.1", slug, code), lambda: tasks.close(owner, key(hall.task["id"]))
    )

    assert waited


async def test_whoever_starts_while_the_task_is_being_closed_is_too_late(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    owner = await _owner(hall)

    waited, answer = await _in_the_middle(
        lambda: tasks.close(owner, key(hall.task["id"])), lambda: hall.sitter.mutate(START, stepId=hall.step_id)
    )

    assert (waited, answer["__typename"]) == (True, "TaskNotOpen")
    assert await TestSession.all().count() == 0


async def test_whoever_comes_while_the_link_is_being_revoked_is_too_late(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    owner, (link, token) = await _owner(hall), await _shared(hall)

    waited, answer = await _in_the_middle(
        lambda: links.revoke(owner, link.id), lambda: door.mutate(REDEEM, token=token)
    )

    assert (waited, answer["__typename"]) == (True, "LinkRevoked")


async def test_who_revokes_a_link_is_told_so_when_nobody_is_still_coming_in(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    owner, (link, token) = await _owner(hall), await _shared(hall)

    waited, _ = await _in_the_middle(
        lambda: entry.by_link(hall.site, "192.0.2.1", token), lambda: links.revoke(owner, link.id)
    )

    assert waited


async def test_a_class_comes_in_at_once_though_each_keeps_the_task(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    other = (await hall.owner.issue(hall.task["id"]))[0]
    slug = hall.task["slug"]

    waited, _ = await _in_the_middle(
        lambda: entry.by_code(hall.site, "192.0.2.1", slug, hall.ticket["invitationCode"]),
        lambda: entry.by_code(hall.site, "192.0.2.1", slug, other["invitationCode"]),
    )

    assert not waited
