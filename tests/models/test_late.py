"""What units of a batch write together on SQLite, and sooner for whoever may ask for it."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Awaitable
from typing import Any
from uuid import UUID, uuid4

import pytest
from tortoise.connection import get_connection
from tortoise.exceptions import IntegrityError

import errors
from models import ApiKey, Event, EventType, Member, Organization, Role, system, unit
from models.batches import Batch
from models.changes import put, update
from models.event import record
from models.late import About, Late
from models.prepared import Joined
from models.rows import new
from models.unit import transactional
from tests.conftest import POSTGRES

pytestmark = [
    pytest.mark.usefixtures("patience"),
    pytest.mark.skipif(bool(POSTGRES), reason="PostgreSQL has no batches of ours"),
]


class Broken(Exception):
    """What the tests' own work raises."""


@pytest.fixture
async def said(organization: Organization) -> list[str]:
    """What the writing connection is told from now on: what begins and ends, and the tables that are in it."""
    heard: list[str] = []
    here().set_trace_callback(lambda sql: heard.extend(re.findall(r'^COMMIT|(?:INTO|UPDATE|FROM) "\w+"', sql)))
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


JOINED, FOUNDED, READ, RENAMED = 'INTO "member"', 'INTO "organization"', 'FROM "organization"', 'UPDATE "organization"'
ORGANIZATION = Joined('FROM "organization" WHERE "organization"."id" = {0}', Organization, about=Organization)
_BOTH = 'FROM "organization" LEFT JOIN "member" ON "member"."organization_id" = "organization"."id"'
MEMBERS = Joined(f'{_BOTH} WHERE "organization"."id" = {{0}}', Organization, many=Member, about=Organization)
OF_MEMBER = Joined(f'{_BOTH} WHERE "member"."id" = {{0}}', Organization, about=Organization)


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
    assert said == [READ, JOINED, JOINED, 'FROM "member"', JOINED, "COMMIT"]


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
async def test_when_one_is_refused_after_all_those_who_were_sure_are_done_again_by_themselves(
    organization: Organization, said: list[str], *, somebody_asks: bool
) -> None:
    @transactional
    async def count() -> int:
        return await Member.all().using_db(unit.connection()).count()

    others = [count()] if somebody_asks else []
    told = await together(
        join(organization.id, "ada", "same@example.org"), join(organization.id, "eve", "same@example.org"), *others
    )

    assert [type(one) for one in told] == [type(None), IntegrityError, *[errors.Unavailable] * somebody_asks]
    assert said.count("COMMIT") == 1
    assert await names() == ["ada"]


async def test_who_was_not_sure_is_not_done_again(organization: Organization) -> None:
    mine = Organization(name="Mine", redirect_secret=b"x")

    @transactional
    async def save() -> None:
        await mine.save()  # a second time it would be an update of what is not there

    joins = [join(organization.id, name, "same@example.org") for name in ("ada", "eve")]
    told = await together(save(), *joins)

    assert [type(one) for one in told] == [errors.Unavailable, type(None), IntegrityError]
    assert await Organization.filter(name="Mine").count() == 0


async def test_when_the_database_is_away_they_are_not_done_again(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, begun = Batch.on, list[Batch]()

    async def once(connection: Any) -> Batch:
        if begun:
            raise sqlite3.OperationalError("the disk is gone")
        begun.append(await begin(connection))
        return begun[0]

    with monkeypatch.context() as outage:
        outage.setattr(Batch, "on", once)
        told = await together(*(join(organization.id, name, "same@example.org") for name in ("ada", "eve")))

    assert [type(one) for one in told] == [sqlite3.OperationalError] * 2
    assert await names() == []
    assert await together(join(organization.id, "ada")) == [None]


async def test_who_was_wrongly_sure_is_not_heard_of(organization: Organization) -> None:
    @transactional
    async def wrongly() -> None:
        unit.be_sure()
        await put(member(organization.id, "eve"))
        raise Broken

    told = await together(join(organization.id, "ada"), wrongly(), join(organization.id, "bob"))

    assert [type(one) for one in told] == [errors.Unavailable, Broken, type(None)]
    assert await names() == ["bob"]


@pytest.fixture
async def another(organization: Organization) -> Organization:
    """A second organization."""
    return await Organization.create(name="Another", redirect_secret=b"x")


@transactional
async def rename(one: Organization, name: str) -> str:
    """Give the organization a name and a member of this name; what it was called."""
    was, *_ = await ORGANIZATION.one(one.id) or [None]
    unit.be_sure()
    await put(member(one.id, name))
    await update(Organization, {"id": one.id}, {"name": name})
    return str(was.name)


async def test_what_is_about_one_does_not_wait_for_what_is_about_another(
    organization: Organization, another: Organization, said: list[str]
) -> None:
    said.clear()
    told = await together(rename(organization, "ada"), rename(another, "bob"))

    assert told == [organization.name, "Another"]
    assert said == [READ, READ, RENAMED, RENAMED, JOINED, JOINED, "COMMIT"]
    assert [(await Organization.get(id=one.id)).name for one in (organization, another)] == ["ada", "bob"]


async def test_who_comes_after_another_of_the_same_batch_sees_what_that_one_did(
    organization: Organization, said: list[str]
) -> None:
    told = await together(rename(organization, "ada"), rename(organization, "bob"), rename(organization, "carol"))

    assert told == [organization.name, "ada", "bob"]
    assert said == [READ, *[READ, RENAMED, JOINED, READ] * 2, RENAMED, JOINED, "COMMIT"]
    assert (await Organization.get(id=organization.id)).name == "carol"
    assert await names() == ["ada", "bob", "carol"]


async def test_of_two_changes_of_one_row_the_second_counts(organization: Organization, another: Organization) -> None:
    @transactional
    async def call(one: Organization, *changes: dict[str, str]) -> None:
        await ORGANIZATION.one(one.id)
        unit.be_sure()
        for change in changes:
            await update(Organization, {"id": one.id}, change)

    told = await together(
        call(organization, {"name": "Only"}),
        call(another, {"name": "First", "time_zone": "Europe/Paris"}, {"name": "Second"}),
    )

    assert told == [None, None]
    assert (await Organization.get(id=another.id)).name == "Second"


async def test_a_change_of_another_one_than_was_read_is_seen_by_who_reads_that(
    organization: Organization, another: Organization
) -> None:
    @transactional
    async def meddle() -> None:
        await ORGANIZATION.one(organization.id)
        unit.be_sure()
        await update(Organization, {"id": another.id}, {"name": "Meddled with"})

    assert await together(meddle(), rename(another, "bob")) == [None, "Meddled with"]


@pytest.mark.parametrize("writes_first", [True, False])
async def test_who_may_be_undone_sees_changes_that_were_put_off(
    organization: Organization, *, writes_first: bool
) -> None:
    @transactional
    async def look() -> str:
        if writes_first:
            await Organization.create(name="Never", redirect_secret=b"x")
        found = await Organization.all().using_db(unit.connection()).get(id=organization.id)
        told.append(found.name)
        raise Broken

    told: list[str] = []
    await together(rename(organization, "ada"), look())

    assert told == ["ada"]
    assert (await Organization.get(id=organization.id)).name == "ada"
    assert await names() == ["ada"]


async def test_what_a_unit_does_that_has_read_several_may_be_about_each(
    organization: Organization, another: Organization
) -> None:
    @transactional
    async def join_one(*read: Organization) -> None:
        for one in read:
            await ORGANIZATION.one(one.id)
        unit.be_sure()
        await put(member(organization.id, "ada"))

    @transactional
    async def count() -> int:
        found = await MEMBERS.one(organization.id)
        assert found
        return len(found[1])

    assert await together(join_one(organization, another), count()) == [None, 1]


async def test_who_finds_nothing_looks_again_when_it_may_be_there(organization: Organization) -> None:
    ada = member(organization.id, "ada")

    @transactional
    async def join_one() -> None:
        await ORGANIZATION.one(organization.id)
        unit.be_sure()
        await put(ada)

    @transactional
    async def look() -> bool:
        return await OF_MEMBER.one(ada.id) is not None

    assert await together(join_one(), look()) == [None, True]


def test_a_change_is_made_before_whatever_else_is_written(organization: Organization) -> None:
    late, about = Late(), About(Organization, str(organization.id))
    late.put(Event, 'INSERT INTO "event" …', [[]])
    assert not late.matters_to('INSERT INTO "login" …')

    assert late.put_change(About(ApiKey, "a key"), 'UPDATE "api_key" …', [], about)

    assert late.matters_to('INSERT INTO "login" …')
    assert not late.matters_to('SELECT … FROM "login"')


async def test_a_change_of_what_is_not_as_it_was_seen_is_tried_again_with_caution(
    organization: Organization, another: Organization
) -> None:
    @transactional
    async def wrongly() -> bool:
        await ORGANIZATION.one(organization.id)
        unit.be_sure()
        return await update(Organization, {"id": organization.id, "name": "Nobody's"}, {"name": "Eve's"})

    assert await together(rename(another, "bob"), wrongly()) == ["Another", False]
    assert [(await Organization.get(id=one.id)).name for one in (another, organization)] == ["bob", organization.name]
    assert await names() == ["bob"]
