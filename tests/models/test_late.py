"""Rows that units of a batch insert together on SQLite: sooner for whoever may ask for them."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Awaitable
from typing import Any
from uuid import UUID, uuid4

import pytest
from tortoise.connection import get_connection

import errors
from models import Event, EventType, Member, Organization, Role, batches, direct, politeness, system, unit
from models.changes import put
from models.event import record
from models.rows import new
from models.unit import transactional
from tests.conftest import POSTGRES

pytestmark = pytest.mark.skipif(bool(POSTGRES), reason="PostgreSQL has no batches of ours")


class Broken(Exception):
    """What the tests' own work raises."""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches end when nobody waits, however slow the machine is."""
    monkeypatch.setattr(batches, "SECONDS", 3600)
    monkeypatch.setattr(direct, "PATIENCE", 3600)
    monkeypatch.setattr(politeness, "TURN", 3600)


@pytest.fixture
async def said(organization: Organization) -> list[str]:
    """What the writing connection is told from now on: what begins and ends, and the tables that are in it."""
    heard: list[str] = []
    here().set_trace_callback(lambda sql: heard.extend(re.findall(r'^SELECT|^COMMIT|INTO "\w+"|FROM "\w+"', sql)))
    return heard


def here() -> sqlite3.Connection:
    """The connection that is written with."""
    client: Any = get_connection("default")
    connection: sqlite3.Connection = client._connection._connection
    return connection


@transactional
async def found(name: str) -> None:
    """An organization that is sure to be new, with two members."""
    unit.be_sure()
    organization = new(Organization, name=name, redirect_secret=b"x")
    await put(organization)
    await put(member(organization.id, f"{name}'s owner"))
    await put(member(organization.id, f"{name}'s guest"))


@transactional
async def join(organization_id: UUID, name: str, email: str | None = None) -> None:
    """A member who is sure to be new."""
    unit.be_sure()
    await put(member(organization_id, name, email))


def member(organization_id: UUID, name: str, email: str | None = None) -> Member:
    """Somebody."""
    address = email or f"{name}@example.org"
    return new(Member, organization_id=organization_id, full_name=name, email=address, role=Role.VIEWER)


async def together(*work: Awaitable[Any]) -> list[Any]:
    """What each of them answers or raises."""
    return await asyncio.wait_for(asyncio.gather(*work, return_exceptions=True), 30)


async def names() -> list[str]:
    """Who has joined."""
    return sorted(one.full_name for one in await Member.all())


JOINED, FOUNDED = 'INTO "member"', 'INTO "organization"'


async def test_rows_of_a_batch_go_in_just_before_the_commit(organization: Organization, said: list[str]) -> None:
    await together(*(join(organization.id, name) for name in ("ada", "bob", "carol")))

    assert said == [JOINED, JOINED, JOINED, "COMMIT"]
    assert await names() == ["ada", "bob", "carol"]


async def test_what_others_refer_to_goes_in_before_them(organization: Organization, said: list[str]) -> None:
    told = await together(join(organization.id, "ada"), found("Other"), found("Another"))

    assert told == [None] * 3
    assert said == [*[FOUNDED] * 2, *[JOINED] * 5, "COMMIT"]


async def test_who_asks_for_them_in_the_same_batch_finds_them(organization: Organization, said: list[str]) -> None:
    @transactional
    async def count() -> int:
        return await Member.all().using_db(unit.connection()).count()

    @transactional
    async def elsewhere() -> int:
        return await Organization.all().using_db(unit.connection()).count()

    joins = [join(organization.id, name) for name in ("ada", "bob", "carol")]
    told = await together(joins[0], elsewhere(), joins[1], count(), joins[2])

    assert told == [None, 1, None, 2, None]
    looked, counted = ["SELECT", 'FROM "organization"'], ["SELECT", 'FROM "member"']
    assert said == [*looked, JOINED, JOINED, *counted, JOINED, "COMMIT"]


async def test_who_is_undone_takes_nothing_along_that_was_put_off_before(organization: Organization) -> None:
    @transactional
    async def fail() -> None:
        await Organization.create(name="Never", redirect_secret=b"x")
        assert await Member.all().using_db(unit.connection()).count() == 1
        raise Broken

    told = await together(join(organization.id, "ada"), fail(), join(organization.id, "bob"))

    assert [type(one) for one in told] == [type(None), Broken, type(None)]
    assert await names() == ["ada", "bob"]
    assert await Organization.filter(name="Never").count() == 0


async def test_who_became_sure_after_a_change_is_undone_by_themselves(organization: Organization) -> None:
    @transactional
    async def fail() -> None:
        await Organization.create(name="Never", redirect_secret=b"x")
        unit.be_sure()
        await put(member(organization.id, "eve"))
        raise Broken

    told = await together(join(organization.id, "ada"), fail())

    assert [type(one) for one in told] == [type(None), Broken]
    assert await names() == ["ada"]


async def test_who_is_undone_takes_no_event_of_another_along_that_they_asked_for(organization: Organization) -> None:
    @transactional
    async def tell() -> None:
        record(EventType.MEMBER_LOGGED_IN, organization.gid, system(organization.id))

    @transactional
    async def fail() -> None:
        await Organization.create(name="Never", redirect_secret=b"x")
        await Event.all().using_db(unit.connection()).count()
        raise Broken

    told = await together(tell(), fail())

    assert [type(one) for one in told] == [type(None), Broken]
    assert await Event.all().count() == 1


async def test_who_writes_what_refers_to_one_finds_it_there(organization: Organization) -> None:
    key = uuid4()

    @transactional
    async def first() -> None:
        unit.be_sure()
        await put(new(Organization, id=key, name="Other", redirect_secret=b"x"))

    @transactional
    async def second() -> None:
        await Member.create(organization_id=key, full_name="ada", email="ada@example.org", role=Role.VIEWER)

    assert await together(first(), second()) == [None, None]
    assert await names() == ["ada"]


@pytest.mark.parametrize("somebody_asks", [True, False])
async def test_one_that_is_refused_after_all_takes_the_batch_along(
    organization: Organization, *, somebody_asks: bool
) -> None:
    @transactional
    async def count() -> int:
        return await Member.all().using_db(unit.connection()).count()

    others = [count()] if somebody_asks else []
    told = await together(
        join(organization.id, "ada", "same@example.org"), join(organization.id, "eve", "same@example.org"), *others
    )

    assert not [one for one in told if not isinstance(one, Exception)]
    assert await names() == []
    assert await together(join(organization.id, "ada", "same@example.org")) == [None]
    assert await names() == ["ada"]


async def test_who_was_wrongly_sure_is_not_heard_of(organization: Organization) -> None:
    @transactional
    async def wrongly() -> None:
        unit.be_sure()
        await put(member(organization.id, "eve"))
        raise Broken

    told = await together(join(organization.id, "ada"), wrongly(), join(organization.id, "bob"))

    assert [type(one) for one in told] == [errors.Unavailable, Broken, type(None)]
    assert await names() == ["bob"]
