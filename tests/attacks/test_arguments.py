"""Every argument of every field, given what no honest program sends: it is refused or kept, and never our bug.

The same on both databases, which differ in NUL, surrogates and large integers. A new field is tried by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLType,
    get_named_type,
    is_leaf_type,
)
from starlette.applications import Starlette

from settings import Settings
from tests.attacks.budgets import UNCOUNTED
from tests.furnished import Furnished, furnish
from tests.hall import site_of
from tests.resolvers.sweep_table import OK, ROWS, Variables
from tests.resolvers.test_sweep import FIELDS, SCHEMA, document
from tests.world import Door

LONG = "x" * 40_000
DEEP: Any = None
for _ in range(100):
    DEEP = [DEEP]

TEXTS: list[Any] = ["", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", LONG, "\u202e\u2028\ufeff", "\x1b[0m", 7, {}]
WHOLES: list[Any] = [-1, 0, 2**31 - 1, -(2**31), 2**31, 10**10, 2**64, 10**400, 1.5, "1"]
NUMBERS: list[Any] = [-1.0, 1e308, -1e308, 5e-324, 2**63, 10**400, "NaN"]
MOMENTS: list[Any] = [
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59Z",
    "2026-02-30T00:00:00Z",
    "2026-01-01T00:00:00",
    "2026-W01",
    "\x00",
    LONG,
    7,
]
VALUES: dict[str, list[Any]] = {
    "String": TEXTS,
    "ID": [*TEXTS, "tsk_\x00", "tsk_" + "0" * 40_000, "tkt_00000000-0000-0000-0000-000000000000\ud800"],
    "Cursor": [*TEXTS, "AAAA", "_" * 22, "é"],
    "URL": [*TEXTS, "https://[", "https://\x00"],
    "Int": WHOLES,
    "Float": NUMBERS,
    "DateTime": MOMENTS,
    "JSON": [*TEXTS, *WHOLES, DEEP, {"\x00": "\ud800"}, [LONG], [["\x00"]], {"a": 10**400}],
}
ANSWERS = frozenset({"BAD_REQUEST", "NOT_FOUND", "FORBIDDEN", "UNAUTHENTICATED", "RATE_LIMITED", "QUERY_TOO_COMPLEX"})


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Without budgets."""
    return replace(settings, **UNCOUNTED)


def leaves(type_: GraphQLType, path: str) -> Iterator[tuple[str, str]]:
    """Every path by which an argument reaches a scalar, and the scalar's name."""
    match type_:
        case GraphQLNonNull():
            yield from leaves(type_.of_type, path)
        case GraphQLList():
            yield from leaves(type_.of_type, f"{path}.*")
        case GraphQLInputObjectType():
            for name, field in type_.fields.items():
                yield from leaves(field.type, f"{path}.{name}")
        case _ if str(type_) in VALUES:
            yield path, str(type_)


def least(type_: GraphQLType) -> Any:
    """The smallest value that GraphQL accepts."""
    match type_:
        case GraphQLNonNull():
            return least(type_.of_type)
        case GraphQLList():
            return [least(type_.of_type)]
        case GraphQLInputObjectType():
            wanted = {name: one.type for name, one in type_.fields.items() if isinstance(one.type, GraphQLNonNull)}
            return {name: least(one) for name, one in wanted.items()}
        case GraphQLEnumType():
            return next(iter(type_.values))
    return {"Int": 1, "Float": 1.0, "Boolean": True, "DateTime": "2026-03-01T00:00:00Z"}.get(str(type_), "x")


def placed(type_: GraphQLType, value: Any, path: str, new: Any) -> Any:
    """The value with something else at the path, made up where there is nothing on the way."""
    head, _, rest = path.partition(".")
    match type_:
        case GraphQLNonNull():
            return placed(type_.of_type, value, path, new)
        case GraphQLList():
            first, *others = value or [least(type_.of_type)]
            return [placed(type_.of_type, first, rest, new), *others]
        case GraphQLInputObjectType():
            given = least(type_) if value is None else value
            return {**given, head: placed(type_.fields[head].type, given.get(head), rest, new)}
    return new


def spoilt(field: GraphQLField, variables: Variables) -> Iterator[tuple[str, Variables]]:
    """The field's variables with one value at a time replaced; and what was."""
    for argument, described in field.args.items():
        for path, scalar in leaves(described.type, argument):
            for new in VALUES[scalar]:
                inner = placed(described.type, variables.get(argument), path.partition(".")[2], new)
                yield f"{path} = {ascii(new)[:60]}", {**variables, argument: inner}


def body(text: str, variables: Variables) -> bytes:
    """A request's body, in which a surrogate is escaped as JSON allows."""
    surrogates = "\\ud" in (escaped := json.dumps({"query": text, "variables": variables}))
    return escaped.encode() if surrogates else json.dumps(json.loads(escaped), ensure_ascii=False).encode()


async def post(door: Door, content: bytes) -> httpx.Response:
    """The answer to these bytes."""
    headers = {"content-type": "application/json"}
    if door.token:
        headers["authorization"] = f"Bearer {door.token}"
    if b"subscription" in content[:40]:
        headers["accept"] = "text/event-stream"
    return await door.client.post("/graphql", content=content, headers=headers)


def wrong(answer: httpx.Response) -> str | None:
    """What should not have been answered."""
    if answer.status_code >= 500:
        return f"{answer.status_code} {answer.text[:200]}"
    text = answer.text.partition("data: ")[2].partition("\n")[0] or answer.text
    codes = {error["extensions"]["code"] for error in json.loads(text).get("errors", ())}
    return None if codes <= ANSWERS else f"{answer.text[:300]}"


def selection(type_: GraphQLObjectType, depth: int) -> str:
    """Every field that can be read without arguments, so deep; of lists the end."""
    parts = ["__typename"]
    for name, field in type_.fields.items():
        named = get_named_type(field.type)
        if is_leaf_type(named):
            parts.append(name)
        elif depth and isinstance(named, GraphQLObjectType) and not _demands(field):
            window = "(last: 10)" if "last" in field.args else ""
            parts.append(f"{name}{window} {{ {selection(named, depth - 1)} }}")
    return " ".join(parts)


def _demands(field: GraphQLField) -> bool:
    return any(isinstance(argument.type, GraphQLNonNull) for argument in field.args.values())


def nodes() -> tuple[GraphQLObjectType, ...]:
    """Every type with a global id."""
    interface = SCHEMA.type_map["Node"]
    assert isinstance(interface, GraphQLInterfaceType)
    return tuple(SCHEMA.get_possible_types(interface))


def asking(type_: str, name: str, field: GraphQLField, variables: Variables) -> str:
    """A document that reads one field of a node, with just these arguments."""
    declared = "".join(f", ${argument}: {field.args[argument].type}" for argument in variables)
    passed = ", ".join(f"{argument}: ${argument}" for argument in variables)
    inner = "" if is_leaf_type(get_named_type(field.type)) else "{ __typename }"
    return f"query ($id: ID!{declared}) {{ node(id: $id) {{ ... on {type_} {{ {name}({passed}) {inner} }} }} }}"


def reading() -> Iterator[str]:
    """Documents that read the whole organization by the ids of its things: what was kept must be good to show."""
    for type_ in nodes():
        yield f"query ($id: ID!) {{ node(id: $id) {{ ... on {type_.name} {{ {selection(type_, 1)} }} }} }}"
    types = {type_.name: type_ for type_ in nodes()}
    for many, name in (("tests", "Test"), ("tasks", "Task")):
        yield f"{{ organization {{ {many}(last: 20) {{ nodes {{ {selection(types[name], 0)} }} }} }} }}"


@pytest.fixture
async def things(app: Starlette, door: Door) -> Furnished:
    """One thing of every kind."""
    return await furnish(site_of(app), await door.sign_up())


@pytest.mark.parametrize("name", FIELDS)
async def test_no_value_of_any_argument_is_our_bug(name: str, door: Door, app: Starlette, things: Furnished) -> None:
    row, (kind, field) = ROWS[name], FIELDS[name]
    caller = things.owner if row.owner is OK else things.sitter
    variables = row.asks(things)

    answers = {}
    for what, spoilt_variables in spoilt(field, variables):
        if kind == "subscription" and not what.startswith(("after", "id")):
            continue  # a stream that begins does not end
        answers[what] = await post(caller, body(document(name, spoilt_variables), spoilt_variables))

    assert {what: said for what, answer in answers.items() if (said := wrong(answer))} == {}
    for text in reading():
        type_ = text.partition("... on ")[2].partition(" ")[0]
        read = await things.owner.execute(text, **({"id": things.nodes[type_]} if type_ else {}))
        assert "errors" not in read


@pytest.mark.parametrize("type_", nodes(), ids=lambda type_: type_.name)
async def test_nor_is_any_of_a_field_within(type_: GraphQLObjectType, things: Furnished) -> None:
    answers = {}
    for name, field in type_.fields.items():
        for what, variables in spoilt(field, {}):
            sent = {"id": things.nodes[type_.name], **variables}
            text = asking(type_.name, name, field, variables)
            answers[f"{name}: {what}"] = await post(things.owner, body(text, sent))

    assert {what: said for what, answer in answers.items() if (said := wrong(answer))} == {}
