"""The tenancy door for an API key that is narrowed to some tasks: each model says which of its rows belong to one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette

from models import (
    AccessLink,
    Actor,
    ActorKind,
    Answer,
    Event,
    IdentityProvider,
    Member,
    Organization,
    Owned,
    Permission,
    Result,
    Review,
    Ticket,
    TicketBatch,
    TimeAdjustment,
    TimeCause,
)
from models.member import Login
from models.unit import transactional
from tests.conftest import POSTGRES
from tests.furnished import Furnished, furnish
from tests.listening import PATIENCE
from tests.world import Door

UNSEEN = (IdentityProvider, Login, Member)  # what belongs to no task


def owned(model: type[Owned] = Owned) -> Iterator[type[Owned]]:
    """Every table of rows that belong to an organization."""
    for one in model.__subclasses__():
        if not one._meta.abstract:
            yield one
        yield from owned(one)


MODELS = sorted(set(owned()), key=lambda model: model.__name__)
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


def narrowed(things: Furnished) -> Actor:
    """A key of the organization that may everything in the task of these things."""
    ours, tasks = things.member.organization_id, frozenset({things.task.id})
    return Actor(ActorKind.API_KEY, things.api_key.gid, ours, frozenset(Permission), things.api_key.id, task_ids=tasks)


async def with_scores(things: Furnished) -> dict[type[Owned], Owned]:
    """The row of each model, also of those that `furnish` makes none of."""
    of: dict[str, Any] = {"organization_id": things.member.organization_id, "session_id": things.session.id}
    mine: dict[str, Any] = {"question_id": "q2", "points": 1.0, "reviewer": things.member.gid}
    made: list[Owned] = [
        await Answer.create(**of, question_id="q1", content={"value": True}, sequence=1),
        await Result.create(**of, version=1, score=1.0, max_score=1.0, marks={}),
        await Review.create(**of, **mine),
        await TimeAdjustment.create(**of, seconds=1, cause=TimeCause.OTHER, actor=things.member.gid),
        await TicketBatch.get(id=things.ticket.batch_id),
    ]
    return {type(row): row for row in (*vars(things).values(), *made) if isinstance(row, Owned)}


@every_model
def test_every_model_says_how_its_rows_belong_to_a_task(model: type[Owned]) -> None:
    said = "task_scope" in vars(model) or "_of_tasks" in vars(model)

    assert said, f"{model.__name__} declares no task_scope: None if a narrowed key sees none of its rows"


@every_model
async def test_a_narrowed_key_sees_what_belongs_to_its_tasks_and_no_other_row(
    model: type[Owned], door: Door, app: Starlette
) -> None:
    owner = await door.sign_up()
    ours, others = await furnish(app.state.site, owner), await furnish(app.state.site, owner)
    rows, _ = await with_scores(ours), await with_scores(others)

    seen = await model.visible_to(narrowed(ours))

    assert seen == ([] if model in UNSEEN else [rows[model]])
    assert await model.visible_to(narrowed(ours)).count() == len(seen)
    assert await model.all().count() > len(seen) or model is IdentityProvider


@every_model
async def test_whatever_it_sees_can_be_held(model: type[Owned], door: Door, app: Starlette) -> None:
    owner = await door.sign_up()
    things = await furnish(app.state.site, owner)
    rows = await with_scores(things)

    for row in await model.visible_to(narrowed(things)):
        assert await transactional(model.locked_by)(narrowed(things), row.id) == rows[model]


@pytest.mark.skipif(not POSTGRES, reason="SQLite has one writer")
async def test_whoever_holds_a_link_does_not_hold_its_ticket(door: Door, app: Starlette) -> None:
    things = await furnish(app.state.site, await door.sign_up())
    held, over = asyncio.Event(), asyncio.Event()

    @transactional
    async def hold_the_link() -> None:
        await AccessLink.locked_by(narrowed(things), things.link.id)
        held.set()
        await over.wait()

    async def hold_the_ticket() -> Ticket:
        try:
            async with asyncio.timeout(PATIENCE):
                await held.wait()
                return await transactional(Ticket.hold)(things.ticket.id)
        finally:
            over.set()

    _, ticket = await asyncio.gather(hold_the_link(), hold_the_ticket())

    assert ticket == things.ticket


async def test_the_log_of_a_narrowed_key_is_that_of_its_tasks(door: Door, app: Starlette) -> None:
    owner = await door.sign_up()
    ours, others = await furnish(app.state.site, owner), await furnish(app.state.site, owner)

    seen = [event.task_id for event in await Event.visible_to(narrowed(ours))]

    assert seen == [ours.task.id] * 2
    assert await Event.filter(task_id=others.task.id).count() == 2
    assert await Event.filter(task_id=None).count() > 0


async def test_a_narrowed_key_sees_its_organization(door: Door, app: Starlette) -> None:
    things = await furnish(app.state.site, await door.sign_up())

    assert [one.id for one in await Organization.visible_to(narrowed(things))] == [things.member.organization_id]


async def test_another_organization_is_not_seen_whatever_the_key_is_narrowed_to(door: Door, app: Starlette) -> None:
    owner, stranger = await door.sign_up(), await door.sign_up()
    ours, theirs = await furnish(app.state.site, owner), await furnish(app.state.site, stranger)
    tasks = frozenset({theirs.task.id})  # a row that was tampered with
    key = Actor(ActorKind.API_KEY, "key_1", ours.member.organization_id, frozenset(Permission), task_ids=tasks)

    seen = {model.__name__: await model.visible_to(key).count() for model in MODELS}

    assert set(seen.values()) == {0}
    assert await Event.visible_to(key).count() == 0
