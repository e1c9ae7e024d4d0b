"""What a crowd does at once makes few journeys to PostgreSQL: what is not waited for goes with the next statement."""

from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette
from tortoise.connection import get_connection

from models import Actor, ActorKind, Member, Permission, Test
from services import credentials, entry, sessions, tickets
from services.candidates import NewCandidate
from tests.conftest import POSTGRES
from tests.hall import Hall, key, open_hall
from tests.resolvers.test_api_keys import new_key
from tests.world import Door

pytestmark = pytest.mark.skipif(not POSTGRES, reason="nobody travels to SQLite")


@pytest.fixture
async def hall(app: Starlette, door: Door) -> Hall:
    """An open task, and a ticket whose candidate has come in."""
    return await open_hall(app, door)


def made() -> int:
    """How many journeys the connections have made, but for those that prepare a statement."""
    pool = get_connection("default")._pool
    open_ones = [holder._con for holder in pool._holders if holder.is_connected()]
    return sum(connection._protocol.queries_count for connection in open_ones)


async def test_an_entry_makes_two(hall: Hall) -> None:
    another = (await hall.owner.issue(hall.task["id"]))[0]
    await hall.enter()  # so that nobody is new
    before = made()

    await entry.by_code(hall.site, "192.0.2.1", hall.task["slug"], another["invitationCode"])

    assert made() - before == 2


async def test_a_start_makes_two_after_its_test_was_read_once(hall: Hall) -> None:
    actor = await credentials.authenticate(hall.site, f"Bearer {hall.sitter.known['accessToken']}")
    [test] = await Test.all()
    await Test.count_questions(test.id)
    before = made()

    await sessions.start(hall.site, actor, key(hall.step_id))

    assert made() - before == 2


async def test_to_issue_a_ticket_makes_two(hall: Hall) -> None:
    member = await Member.get(id=key(hall.owner.known["member"]["id"]))
    actor = Actor(ActorKind.MEMBER, member.gid, member.organization_id, frozenset(Permission), id=member.id)
    before = made()

    await tickets.issue(hall.site, actor, tickets.Issue(key(hall.task["id"])), [NewCandidate("Ada")])

    assert made() - before == 2


async def test_to_recognise_a_program_that_asks_ten_things_at_once_makes_two(hall: Hall) -> None:
    secret = (await new_key(hall.owner, "READ"))["secret"]
    await hall.owner.with_token(secret).ask("{ viewer { __typename } }")  # so that it is known to be in use
    before = made()

    actors = await asyncio.gather(*(credentials.authenticate(hall.site, f"Bearer {secret}") for _ in range(10)))

    assert len(set(actors)) == 1
    assert made() - before == 2
