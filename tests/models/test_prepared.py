"""Statements that are written once find, change and make what Tortoise's would."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

import errors
import models
from models import Actor, ActorKind, Member, Organization, Permission, Result, Role, Task, TaskStatus, Ticket, database
from models.base import Owned
from models.changes import add, insert, update
from models.prepared import Joined, Prepared
from models.rows import like, new
from models.unit import transactional
from tests.world import Door


def knows(row: Any) -> dict[str, Any]:
    """Everything that an object carries."""
    columns = {name: getattr(row, name) for name in row._meta.fields_db_projection}
    return {**vars(row), **columns, "_stored": None}


async def everything() -> list[Owned]:
    """A row of every kind that there is, as Tortoise makes it."""
    kinds: list[type[Owned]] = [kind for kind in vars(models).values() if isinstance(kind, type(Owned))]
    found = []
    for kind in kinds:
        if issubclass(kind, Owned) and kind._meta.db_table:
            sql = kind.all().limit(1).sql()
            _, rows = await database.connection().execute_query(sql, [1])
            found += [kind._init_from_db(**dict(row)) for row in rows]
    return found


async def staff(door: Door) -> Actor:
    """An owner with tasks, tickets and candidates."""
    owner = await door.sign_up()
    await owner.issue((await owner.open_task())["id"])
    member = await Member.by_email(owner.known["member"]["email"])
    assert member is not None
    return Actor(ActorKind.MEMBER, member.gid, member.organization_id, frozenset(Permission), id=member.id)


async def test_a_row_is_the_same_by_whichever_way_it_comes(door: Door) -> None:
    actor = await staff(door)

    found = await everything()
    seen = [await type(row).seen_by(actor, row.id) for row in found]

    assert {type(row).__name__ for row in found} >= {"Task", "Step", "Test", "Ticket", "Candidate", "TicketBatch"}
    assert [knows(row) for row in seen] == [knows(row) for row in found]


async def test_nobody_sees_more_for_another_having_asked_before(door: Door) -> None:
    actor = await staff(door)
    stranger = await staff(door)
    ticket = (await Ticket.visible_to(actor))[0]
    candidate = Actor(ActorKind.CANDIDATE, ticket.gid, actor.organization_id, ticket_id=ticket.id, task_id=uuid4())
    narrowed = replace(actor, kind=ActorKind.API_KEY, task_ids=frozenset({uuid4()}))

    assert await Ticket.seen_by(actor, ticket.id) == await Ticket.seen_by(candidate, ticket.id) == ticket
    for other in (stranger, replace(candidate, ticket_id=uuid4()), replace(candidate, ticket_id=None), narrowed):
        with pytest.raises(errors.NotFound):
            await Ticket.seen_by(other, ticket.id)
    with pytest.raises(errors.NotFound):
        await Task.seen_by(candidate, ticket.task_id)


async def test_permissions_are_part_of_what_is_asked(door: Door) -> None:
    actor = await staff(door)
    reader = replace(actor, permissions=frozenset({Permission.READ}))

    asked = [Result.visible_to(one).sql() for one in (actor, reader)]

    assert asked[0] != asked[1]
    for one in (actor, reader):
        with pytest.raises(errors.NotFound):
            await Result.seen_by(one, uuid4())


async def test_texts_and_keys_find_their_places_and_constants_stay(door: Door) -> None:
    actor = await staff(door)
    tickets = Prepared(lambda code, task: Ticket.filter(task_id=task, code=code, extra_time_percent=0), str, UUID)
    (ticket,) = await Ticket.visible_to(actor)

    assert await tickets.one(ticket.code, ticket.task_id) == ticket
    assert await tickets.all(ticket.code, uuid4()) == []
    assert await tickets.one("' OR 1=1 --", ticket.task_id) is None


async def test_an_update_compares_and_sets(door: Door) -> None:
    actor = await staff(door)
    (task,) = await Task.visible_to(actor)

    @transactional
    async def close(was: TaskStatus) -> bool:
        return await update(Task, {"id": task.id, "status": was}, {"status": TaskStatus.CLOSED, "opens_at": None})

    assert [await close(TaskStatus.OPEN), await close(TaskStatus.OPEN)] == [True, False]
    assert (await Task.seen_by(actor, task.id)).status is TaskStatus.CLOSED


async def test_an_insert_checks_what_the_columns_take(door: Door) -> None:
    actor = await staff(door)
    row = {"id": uuid4(), "name": "Other", "created_at": models.clock.now()}

    await transactional(insert)(
        Organization, [row | {"time_zone": "UTC", "allowed_redirect_hosts": [], "redirect_secret": b"x"}]
    )
    with pytest.raises(Exception, match="Length"):
        await transactional(insert)(
            Member, [{"id": uuid4(), "full_name": "x" * 201, "organization_id": actor.organization}]
        )

    made = await Organization.get(id=row["id"])
    assert (made.name, made.created_at) == ("Other", row["created_at"])
    assert await Member.filter(role=Role.OWNER).count() == 1


async def test_an_object_is_added_unless_there_is_one_like_it(door: Door) -> None:
    actor = await staff(door)
    first = new(Member, organization_id=actor.organization, full_name="Ada", email="ada@e.org", role=Role.VIEWER)

    added = [await add(first), await add(like(first, id=uuid4())), await add(like(first, id=uuid4(), email="b@e.org"))]

    assert added == [True, False, True]
    assert knows(await Member.get(email="ada@e.org")) | {"_custom_generated_pk": False} == knows(first)
    assert await Member.filter(full_name="Ada").count() == 2


async def test_an_object_begins_with_the_models_defaults(door: Door) -> None:
    values = {"id": uuid4(), "name": "O", "created_at": models.clock.now(), "redirect_secret": b"x"}

    made = new(Organization, **values)

    assert dict(vars(made)) == dict(vars(Organization(**values)))
    with pytest.raises(TypeError, match="nmae"):
        new(Organization, nmae="O")


@pytest.mark.parametrize("count", [1, 5, 6, 30])
async def test_few_rows_and_many_are_inserted_alike(door: Door, count: int) -> None:
    actor = await staff(door)
    shared = {"organization_id": actor.organization, "role": Role.VIEWER, "created_at": models.clock.now()}

    await transactional(insert)(
        Member, [shared | {"id": uuid4(), "full_name": f"P {at}", "email": f"{at}@e.org"} for at in range(count)]
    )

    assert await Member.filter(role=Role.VIEWER).order_by("email").values_list("full_name", "email") == sorted(
        ((f"P {at}", f"{at}@e.org") for at in range(count)), key=lambda row: row[1]
    )


async def test_rows_that_belong_together_come_together(door: Door) -> None:
    actor = await staff(door)
    (ticket,) = await Ticket.visible_to(actor)
    joined = Joined("FROM ticket JOIN task ON task.id = ticket.task_id WHERE ticket.id = {0}", Task, Ticket)

    found, nothing = await joined.one(ticket.id), await joined.one(uuid4())

    assert nothing is None
    assert found is not None
    assert [knows(row) for row in found] == [knows(await Task.seen_by(actor, ticket.task_id)), knows(ticket)]


async def test_many_rows_come_with_the_row_that_they_belong_to_and_none_with_one_that_has_none(door: Door) -> None:
    actor = await staff(door)
    (ticket,) = await Ticket.visible_to(actor)
    joined = Joined(
        "FROM task LEFT JOIN ticket ON ticket.task_id = task.id AND ticket.status = {1} WHERE task.id = {0}"
        " ORDER BY ticket.id",
        Task,
        many=Ticket,
    )

    found, alone = await joined.one(ticket.task_id, "ISSUED"), await joined.one(ticket.task_id, "REVOKED")
    nothing = await joined.one(uuid4(), "ISSUED")

    assert found is not None
    assert alone is not None
    assert nothing is None
    task, tickets = found
    assert knows(task) == knows(alone[0]) == knows(await Task.seen_by(actor, ticket.task_id))
    assert ([knows(row) for row in tickets], alone[1]) == ([knows(ticket)], [])
