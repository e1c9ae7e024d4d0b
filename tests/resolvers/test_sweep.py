"""Every root field, asked by everybody; and every id argument, given somebody else's id.

A root field without its row in `sweep_table.py` fails here, and so does an id argument that no row fills.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLType,
    build_schema,
    get_named_type,
    is_composite_type,
)

from models import Event, Permission, Role
from resolvers.roots import make_schema
from services.site import Site
from settings import Settings
from tests.conftest import serving
from tests.furnished import Furnished, furnish, program
from tests.resolvers.sweep_table import DENIED, GONE, NO_ROWS, NO_TASKS, OK, ROWS, Build, Row, Variables
from tests.world import Clock, Door

SCHEMA = build_schema(make_schema().as_str())
ROOTS = {"query": SCHEMA.query_type, "mutation": SCHEMA.mutation_type, "subscription": SCHEMA.subscription_type}
FIELDS = {name: (kind, field) for kind, root in ROOTS.items() if root for name, field in root.fields.items()}
ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"

every_field = pytest.mark.parametrize("name", FIELDS)


@pytest.fixture
async def place(settings: Settings, clock: Clock) -> AsyncIterator[tuple[Door, Site]]:
    """A real server, for subscriptions need one. Nothing happens there but what is asked."""
    async with (
        serving(replace(settings, export_workers=0)) as (base_url, app),
        httpx.AsyncClient(base_url=base_url) as client,
    ):
        yield Door(client), app.state.site


def document(name: str, variables: Variables) -> str:
    """The field with just these arguments."""
    kind, field = FIELDS[name]
    declared = ", ".join(f"${argument}: {field.args[argument].type}" for argument in variables)
    passed = ", ".join(f"{argument}: ${argument}" for argument in variables)
    selection = "{ __typename }" if is_composite_type(get_named_type(field.type)) else ""
    return (
        f"{kind} {f'({declared})' if declared else ''} {{ it: {name} {f'({passed})' if passed else ''} {selection} }}"
    )


async def outcome(door: Door, name: str, variables: Variables) -> str | None:
    """The code of the first error, or None. A mutation without an error must have succeeded."""
    answer = await answer_to(door, name, variables)
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    if FIELDS[name][0] == "mutation":
        assert answer["data"]["it"]["__typename"].endswith("Success"), answer
    return None


async def answer_to(door: Door, name: str, variables: Variables) -> dict[str, Any]:
    """The whole answer; of a subscription the first."""
    text = document(name, variables)
    if FIELDS[name][0] == "subscription":
        return await first(door, text, variables)
    return await door.execute(text, **variables)


async def first(door: Door, text: str, variables: Variables) -> dict[str, Any]:
    """The first result of a subscription, by server-sent events."""
    headers = {"accept": "text/event-stream", **({"authorization": f"Bearer {door.token}"} if door.token else {})}
    body = {"query": text, "variables": variables}
    async with door.client.stream("POST", "/graphql", json=body, headers=headers) as response:
        async for line in response.aiter_lines():
            if line.startswith(("data: ", "{")):
                answer: dict[str, Any] = json.loads(line.removeprefix("data: "))
                return answer
    raise AssertionError("the stream ended without a result")


async def log_of(things: Furnished) -> int:
    """How much the organization's log says has happened."""
    return await Event.filter(organization_id=things.member.organization_id).count()


async def prepare(row: Row, things: Furnished) -> None:
    """What whoever may has done before."""
    for earlier in row.after:
        who = things.owner if ROWS[earlier].owner is OK else things.sitter
        assert await outcome(who, earlier, ROWS[earlier].asks(things)) is OK


def test_every_root_field_has_its_row() -> None:
    assert set(ROWS) == set(FIELDS)


@every_field
async def test_everybody_is_answered_as_the_table_says(name: str, place: tuple[Door, Site]) -> None:
    door, site = place
    owner, stranger = await door.sign_up(), await door.sign_up()
    things = await furnish(site, owner, ROWS[name].session)
    await furnish(site, stranger)
    viewer = await owner.colleague(Role.VIEWER)
    narrowed = await program(site, await furnish(site, owner), Permission, narrowed=True)
    row, answers, touched = ROWS[name], [], []
    await prepare(row, things)

    for caller in (door, stranger, viewer, things.sitter, narrowed, owner):
        before = await log_of(things)
        answers.append(await outcome(caller, name, row.asks(things)))
        touched.append(await log_of(things) != before)

    assert answers == [row.anonymous, row.stranger, row.viewer, row.candidate, row.narrowed, row.owner]
    assert not any(changed and code is not OK for code, changed in zip(answers, touched, strict=True))


@every_field
async def test_an_api_key_needs_these_scopes_and_no_other(name: str, place: tuple[Door, Site]) -> None:
    door, site = place
    things = await furnish(site, await door.sign_up(), ROWS[name].session)
    row = ROWS[name]
    await prepare(row, things)
    lacking = [await program(site, things, set(Permission) - {scope}) for scope in row.needs]
    before = await log_of(things)

    refused = [await outcome(key, name, row.asks(things)) for key in lacking]
    touched = await log_of(things) != before
    permitted = await outcome(await program(site, things, row.needs), name, row.asks(things))

    assert refused == [DENIED for _ in row.needs]
    assert not touched
    assert permitted == (DENIED if row.people else row.owner)


def id_arguments() -> Iterator[tuple[str, str]]:
    """Every root field with every path by which its arguments reach an ID."""
    for name, (_kind, field) in FIELDS.items():
        for argument, described in field.args.items():
            yield from ((name, path) for path in id_paths(described.type, argument))


def id_paths(type_: GraphQLType, path: str) -> Iterator[str]:
    """Like `input.steps.*.testId`."""
    match type_:
        case GraphQLNonNull():
            yield from id_paths(type_.of_type, path)
        case GraphQLList():
            yield from id_paths(type_.of_type, f"{path}.*")
        case GraphQLInputObjectType():
            for name, field in type_.fields.items():
                yield from id_paths(field.type, f"{path}.{name}")
        case _ if str(type_) == "ID":
            yield path


def at(value: Any, path: str) -> Any:
    """What stands at the path; None where nothing does."""
    head, _, rest = path.partition(".")
    inner = value[0] if head == "*" else (value or {}).get(head)
    return at(inner, rest) if rest and inner is not None else inner


def put(value: Any, path: str, new: str) -> Any:
    """The same with something else at the path."""
    head, _, rest = path.partition(".")
    if head == "*":
        return [put(value[0], rest, new) if rest else new, *value[1:]]
    return {**value, head: put(value[head], rest, new) if rest else new}


def asking(row: Row, path: str, things: Furnished) -> Build:
    """The way of asking that fills the path."""
    return next(build for build in (row.asks, *row.also) if at(build(things), path) is not None)


every_id = pytest.mark.parametrize(("name", "path"), [each for each in id_arguments() if each not in NO_ROWS])


@every_id
async def test_another_organizations_id_is_like_an_absent_one(name: str, path: str, place: tuple[Door, Site]) -> None:
    door, site = place
    owner, stranger = await door.sign_up(), await door.sign_up()
    ours, theirs = await furnish(site, owner), await furnish(site, stranger)
    row = ROWS[name]
    caller = owner if row.owner is OK else ours.sitter
    build = asking(row, path, ours)
    foreign = at(build(theirs), path)
    absent = f"{foreign.partition('_')[0]}_{ABSENT}"
    before = await log_of(ours), await log_of(theirs)

    codes = [await outcome(caller, name, put(build(ours), path, id_)) for id_ in (foreign, absent, "junk")]

    assert codes == ["NOT_FOUND"] * 3
    assert (await log_of(ours), await log_of(theirs)) == before


@pytest.mark.parametrize(
    ("name", "path"), [each for each in id_arguments() if each not in NO_ROWS and each not in NO_TASKS]
)
async def test_another_tasks_id_is_like_an_absent_one_to_a_narrowed_key(
    name: str, path: str, place: tuple[Door, Site]
) -> None:
    door, site = place
    owner = await door.sign_up()
    ours, theirs = await furnish(site, owner), await furnish(site, owner)
    narrowed = await program(site, ours, Permission, narrowed=True)
    build = asking(ROWS[name], path, ours)
    foreign = at(build(theirs), path)
    absent = f"{foreign.partition('_')[0]}_{ABSENT}"
    before = await log_of(ours)

    told = [await answer_to(narrowed, name, put(build(ours), path, id_)) for id_ in (foreign, absent)]

    assert [answer["errors"][0]["extensions"] for answer in told] == [{"code": GONE}] * 2
    assert [(answer.get("data"), answer["errors"]) for answer in told] == [(told[0].get("data"), told[0]["errors"])] * 2
    assert await log_of(ours) == before


@pytest.mark.parametrize(
    ("name", "path"),
    [(name, path) for name, path in id_arguments() if ROWS[name].candidate is OK and (name, path) not in NO_ROWS],
)
async def test_another_candidates_id_is_like_an_absent_one(name: str, path: str, place: tuple[Door, Site]) -> None:
    door, site = place
    owner = await door.sign_up()
    mine, neighbours = await furnish(site, owner), await furnish(site, owner)
    build = asking(ROWS[name], path, mine)
    before = await log_of(mine)

    code = await outcome(mine.sitter, name, put(build(mine), path, at(build(neighbours), path)))

    assert code == "NOT_FOUND"
    assert await log_of(mine) == before
