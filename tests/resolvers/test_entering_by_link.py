"""Shared links: opening one is free, a use is an assessment that it opened, and each refusal has its name."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette

from models import AccessLink, Assessment, Member, Ticket
from models import clock as now_of
from services import links
from tests.hall import REDEEM, events, key, lasting, open_hall, site_of
from tests.world import Clock, Door


async def a_link(app: Starlette, door: Door, **columns: Any) -> tuple[AccessLink, str]:
    """A link to a new ticket, and its token."""
    owner = await lasting(app, await door.sign_up())
    task = await owner.open_task()
    ticket = await Ticket.get(id=key((await owner.issue(task["id"]))[0]["id"]))
    link = await AccessLink.create(organization_id=ticket.organization_id, ticket_id=ticket.id, **columns)
    return link, site_of(app).keys.seal_link(link.id, link.version, link.expires_at)


async def test_a_link_lets_in_and_is_used_once_however_often_it_is_opened(
    app: Starlette, door: Door, clock: Clock
) -> None:
    link, token = await a_link(app, door, max_uses=1)

    answers = await asyncio.gather(*(door.mutate(REDEEM, token=token) for _ in range(20)))
    clock.forward(minutes=1)
    again = await door.mutate(REDEEM, token=token)

    await link.refresh_from_db()
    assert {one["assessment"]["id"] for one in [*answers, again]} == {(await Assessment.get()).gid}
    assert (link.use_count, link.last_opened_at) == (1, clock.time)
    assert (await Assessment.get()).link_id == link.id


async def test_a_spent_link_opens_nothing_new(app: Starlette, door: Door) -> None:
    _, token = await a_link(app, door, max_uses=1, use_count=1)
    before = await events()

    answer = await door.mutate(REDEEM, token=token)

    assert answer["__typename"] == "LinkSpent"
    assert (await events(), await Assessment.all().count()) == (before, 0)


async def test_an_expired_a_revoked_and_a_replaced_link_say_so(app: Starlette, door: Door, clock: Clock) -> None:
    expiring, first = await a_link(app, door, expires_at=now_of.now() + timedelta(minutes=1))
    _, revoked = await a_link(app, door, revoked_at=now_of.now())
    replaced, old = await a_link(app, door)
    replaced.version += 1
    await replaced.save(update_fields=["version"])

    clock.forward(minutes=1)
    answers = [await door.mutate(REDEEM, token=token) for token in (first, revoked, old, "nonsense", "")]

    assert [answer["__typename"] for answer in answers] == [
        "LinkExpired",
        "LinkRevoked",
        "LinkInvalid",
        "LinkInvalid",
        "LinkInvalid",
    ]
    assert await Assessment.all().count() == 0
    assert expiring.use_count == 0


@pytest.mark.parametrize("refusal", ["LinkExpired", "LinkRevoked"])
async def test_a_link_that_counts_no_more_brings_back_who_sits_a_test_and_nobody_else(
    app: Starlette, door: Door, clock: Clock, refusal: str
) -> None:
    hall = await open_hall(app, door, continuation="CLOCK_STOPS")
    ticket, ends = await Ticket.get(), clock.time + timedelta(hours=1)
    link = await AccessLink.create(organization_id=ticket.organization_id, ticket_id=ticket.id, expires_at=ends)
    token = hall.site.keys.seal_link(link.id, link.version, ends)
    if refusal == "LinkRevoked":
        await links.revoke((await Member.get()).actor, link.id)
    else:
        clock.forward(hours=1)

    before = await door.mutate(REDEEM, token=token)
    session = await hall.start()
    during = await door.mutate(REDEEM, token=token)
    await hall.submit(session)
    after = await door.mutate(REDEEM, token=token)

    assert (before["__typename"], after["__typename"]) == (refusal, refusal)
    assert during["assessment"]["id"] == (await Assessment.get()).gid
    assert (await Ticket.get()).last_refusal is None


async def test_forged_links_spend_a_budget_and_good_ones_go_on_working(app: Starlette, door: Door) -> None:
    _, token = await a_link(app, door)

    codes = [await door.code_of(REDEEM, input={"token": "forged"}) for _ in range(21)]
    good = await door.mutate(REDEEM, token=token)

    assert codes == [None] * 20 + ["RATE_LIMITED"]
    assert good["__typename"] == "EnterTaskSuccess"
