"""Which tier answers what, and that each says so."""

from __future__ import annotations

import asyncio
import gc
import re
import weakref
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from graphql import parse
from starlette.applications import Starlette

import errors
from models import Permission, TestSessionStatus, reading
from planner.plans import Plans
from planner.tiers import ANSWERS, Asked, Planner, Tier, planner_of
from resolvers.context import Context
from resolvers.door import SHOW_TIER
from resolvers.roots import make_schema
from server import create_app
from services import api_keys
from services.credentials import authenticate
from settings import Settings
from tests import twins
from tests.furnished import Furnished, furnish
from tests.world import Clock, Door

PAGED = """
query ($first: Int, $after: String, $last: Int, $before: String, $more: Boolean = true) {
  organization { tasks(first: 1) { nodes { tickets(first: $first, after: $after, last: $last, before: $before) {
    totalCount @include(if: $more) pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { id group: invitationCode ...T } } } } } }
}
fragment T on Ticket { __typename status candidate { fullName email } task { name ... on Node { id } } }
"""
BY_SQL = [
    "{ organization { id name settings { timeZone } createdAt } __typename }",
    "{ organization { testSessions { nodes { status grading score maxScore passed progress { answered } } } } }",
    'query ($Ticket: ID = "?") { node(id: $Ticket) { __typename id ... on Ticket { status } ... on Task { name } } }',
    PAGED,
    '{ organization { tickets(filter: {text: "cleo", status: [ISSUED]}) { totalCount nodes { id } } } }',
    "{ organization { testSessions(filter: {status: [ACTIVE, PAUSED]}) { nodes { id } pageInfo { hasNextPage } } } }",
    "{ viewer { __typename ... on Node { id } ... on Member { email role } } }",
    "query ($Ticket: ID!) { nodes(ids: [$Ticket, $Ticket]) { id ... on Ticket { testSessions { nodes { id } } } } }",
    "{ organization { settings { allowedRedirectHosts } tasks { nodes { link } } } }",
    "{ organization { tickets { nodes { labels accessLink task { link } } } } }",
]
BY_CODE = [
    "{ organization { tasks { nodes { steps { position } } } } }",
    "query ($AccessLink: ID!) { nodes(ids: [$AccessLink]) { id ... on AccessLink { url } } }",
    "query ($Ticket: ID!, $Task: ID!) { nodes(ids: [$Ticket, $Task]) { id } }",
    "query ($TestSession: ID!) { testSession(id: $TestSession) { status } }",
]


def given(mine: Furnished, document: str) -> dict[str, Any]:
    """The document's variables: each is the global id of a thing of its name."""
    return {name: mine.nodes[name] for name in re.findall(r"\$(\w+):", document) if name in mine.nodes}


async def tier_of(door: Door, document: str, **variables: Any) -> str:
    """Which tier answered, as a developer is told."""
    headers = {"authorization": f"Bearer {door.token}", SHOW_TIER: "1"}
    await door.post(document, **variables)  # a document is planned when it comes again
    answer = await door.client.post("/graphql", json={"query": document, "variables": variables}, headers=headers)
    return str(answer.json()["extensions"]["tier"])


@pytest.mark.parametrize("document", BY_SQL)
async def test_what_the_fields_declare_is_answered_by_one_statement(
    door: Door, app: Starlette, document: str, statements: list[str]
) -> None:
    mine = await furnish(app.state.site, await door.sign_up())
    variables = given(mine, document)
    assert await tier_of(mine.owner, document, **variables) == "sql"
    await mine.owner.post(document, **variables)
    statements.clear()

    await mine.owner.post(document, **variables)

    assert [sql for sql in statements if "login" not in sql] == [sql for sql in statements if "AS answer" in sql]
    assert sum("AS answer" in sql for sql in statements) == 1


@pytest.mark.parametrize("document", BY_CODE)
async def test_what_they_do_not_declare_is_answered_by_generated_code(
    door: Door, app: Starlette, document: str
) -> None:
    mine = await furnish(app.state.site, await door.sign_up())

    assert await tier_of(mine.owner, document, **given(mine, document)) == "compiled"


@pytest.mark.parametrize("document", ["{ __schema { queryType { name } } }", '{ node(id: "tkt_junk") { id } }'])
async def test_the_schema_and_errors_are_left_to_graphql_core(door: Door, document: str) -> None:
    owner = await door.sign_up()

    assert await tier_of(owner, document) == "graphql-core"


async def test_every_answer_is_counted_by_its_tier(door: Door) -> None:
    owner = await door.sign_up()
    steps = "{ organization { tasks { nodes { steps { id } } } } }"
    documents = ("{ organization { id } }", steps, "{ __schema { queryType { name } } }")
    for document in documents:
        await owner.post(document)
    before = {tier: ANSWERS[tier]._value.get() for tier in Tier}

    for document in documents:
        await owner.post(document)
        await owner.post(document)

    assert {tier: ANSWERS[tier]._value.get() - before[tier] for tier in Tier} == dict.fromkeys(Tier, 2)
    assert "planner_answers_total" in (await door.client.get("/metrics")).text


async def test_nobody_is_told_the_tier_in_production(settings: Settings, clock: Clock) -> None:
    app = create_app(replace(settings, environment="production"))
    headers = {SHOW_TIER: "1"}

    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=settings.base_url) as client:
            answer = await client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)

    assert answer.json()["data"] == {"__typename": "Query"}
    assert "tier" not in answer.json()["extensions"]


async def test_a_plan_is_made_for_what_the_caller_may_and_not_for_who_they_are(door: Door, app: Starlette) -> None:
    score = "{ organization { testSessions { nodes { id score } } } }"
    mine = await furnish(app.state.site, await door.sign_up(), TestSessionStatus.SUBMITTED)
    theirs = await furnish(app.state.site, await door.sign_up(), TestSessionStatus.SUBMITTED)
    key = await api_keys.create(app.state.site, mine.member.actor, "Reader", [Permission.READ], None)
    reader = door.with_token(key.secret)

    seen = [(await one.ask(score))["organization"]["testSessions"] for one in (mine.owner, theirs.owner, reader)]

    assert [rows["nodes"][0]["id"] for rows in seen] == [mine.session.gid, theirs.session.gid, mine.session.gid]
    assert await tier_of(reader, score) == "sql"


@pytest.mark.parametrize(("sizes", "is_short"), [((10, 10), True), ((50, 50), False), ((1, 100), True)])
async def test_a_statement_of_many_rows_has_a_thread(
    door: Door, app: Starlette, sizes: tuple[int, int], is_short: bool
) -> None:
    mine = await furnish(app.state.site, await door.sign_up())
    text = """query ($a: Int, $b: Int) { organization { tasks(first: $a) { nodes { tickets(first: $b) {
      nodes { id } } } } } }"""
    planner = planner_of(make_schema()._schema, 10, 1_000_000)
    context = SimpleNamespace(actor=mine.member.actor)

    statement, run = await planner.statement(
        Asked(text, parse(text), None, dict(zip("ab", sizes, strict=True)), context)
    )

    assert statement.is_short(run) == is_short


async def test_what_would_be_too_much_code_is_left_to_graphql_core(door: Door) -> None:
    owner = await door.sign_up()
    fields = " ".join(f'a{at}: node(id: "{owner.known["member"]["id"]}") {{ ...F }}' for at in range(25))
    wide = (
        "{ organization { tasks { nodes { steps { id } } } } "
        + fields
        + "} fragment F on Node { __typename id ... on Member { role email } }"
    )

    assert await tier_of(owner, wide) == "graphql-core"


async def test_a_database_that_is_away_is_waited_for_once(door: Door, statements: list[str]) -> None:
    class Away(reading.Reader):
        async def row(self, sql: str, values: Sequence[Any], *, short: bool) -> tuple[Any, ...] | None:
            raise errors.Unavailable

    owner = await door.sign_up()
    document = "{ mine: organization { id } __typename }"
    await owner.post(document)
    reading.use(Away())
    statements.clear()

    answer = await owner.execute(document)

    assert [(one["path"], one["extensions"]["code"]) for one in answer["errors"]] == [(["mine"], "UNAVAILABLE")]
    assert answer["data"] == {"mine": None, "__typename": "Query"}
    assert [sql for sql in statements if '"organization"' in sql] == []


async def test_a_document_is_planned_when_it_comes_again_or_with_a_long_list(door: Door, app: Starlette) -> None:
    mine = await furnish(app.state.site, await door.sign_up())
    context = SimpleNamespace(actor=mine.member.actor)
    text = "query ($in: [TicketStatus!]) { organization { tickets(filter: {status: $in}) { totalCount } } }"

    async def is_planned(planner: Planner, count: int) -> bool:
        asked = Asked(text, parse(text), None, {"in": ["ISSUED"] * count}, context)
        return await twins.ANSWER(planner, asked) is not None  # as it is outside of the suite

    some, other = (Planner(make_schema()._schema, 10, 1_000_000) for _ in range(2))
    assert [await is_planned(some, 500) for _ in range(2)] == [False, True]
    assert await is_planned(other, 501)


async def test_a_filter_that_says_the_same_a_thousand_times_says_it_once(door: Door, app: Starlette) -> None:
    mine = await furnish(app.state.site, await door.sign_up())
    text = "query ($in: [TicketStatus!]) { organization { tickets(filter: {status: $in}) { totalCount } } }"

    once, often = [await mine.owner.ask(text, **{"in": ["ISSUED"] * times}) for times in (1, 1_000)]

    assert often == once


async def test_a_variable_that_is_wrong_stops_a_mutation_before_its_first_field(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    fields = "__typename ... on IssueTicketsSuccess { tickets { id } }"
    document = (
        f"mutation ($one: IssueTicketsInput!, $who: [CandidateInput!]!) {{ a: issueTickets(input: $one) {{ {fields} }} "
        f'b: issueTickets(input: {{taskId: "{task["id"]}", candidates: $who}}) {{ {fields} }} }}'
    )
    one, good = {"taskId": task["id"], "candidates": [{"fullName": "A"}]}, [{"fullName": "B"}]
    done = [await owner.ask(document, one=one, who=good) for _ in range(3)][-1]
    count = "{ organization { tickets { totalCount } } }"
    before = await owner.ask(count)

    bad: list[Any] = [[{"fullName": 1}], [{}], None, [{"x": "y"}]]
    wrong = [await owner.execute(document, one=one, who=who) for who in bad]

    assert [done[name]["__typename"] for name in "ab"] == ["IssueTicketsSuccess"] * 2
    assert all("data" not in answer and answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST" for answer in wrong)
    assert await owner.ask(count) == before


async def test_what_generated_code_has_read_is_gone_with_its_answer(door: Door, app: Starlette) -> None:
    mine = await furnish(app.state.site, await door.sign_up())
    planner = planner_of(make_schema()._schema, 10, 100_000)
    actor = await authenticate(app.state.site, f"Bearer {mine.owner.token}")
    context = Context(actor, app.state.site.urls, site=app.state.site)
    asked = Asked(PAGED, parse(PAGED), None, {"first": 1}, context)
    gc.disable()

    try:
        data = await planner.by_completion(asked)
        read = weakref.ref(context.loaders)
        del asked, context
        await asyncio.sleep(0)
    finally:
        gc.enable()

    assert data is not None
    assert data["organization"]["tasks"]["nodes"][0]["tickets"]["totalCount"] == 1
    assert read() is None  # and not only when Python's garbage collector comes by


async def test_plans_that_nobody_asks_for_make_room_for_others() -> None:
    schema = make_schema()._schema
    for plans in (Plans(most=2, characters=1_000_000), Plans(most=100, characters=5_000)):  # a document weighs 2,000
        texts = ("{ viewer { a } }", "{ viewer { b } }", "{ viewer { c } }")
        known = [plans.known(schema, text, parse(text), None) for text in texts]

        assert plans.known(schema, texts[2], known[2].document, None) is known[2]
        assert plans.known(schema, texts[0], known[0].document, None) is not known[0]
        assert len(plans._known) == 2


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"first": 1},
        {"first": 0},
        {"last": 1},
        {"first": 1, "after": None, "more": False},
        {"first": None, "last": None, "more": True},
    ],
    ids=str,
)
async def test_every_kind_of_page_is_the_same_by_every_tier(
    door: Door, app: Starlette, variables: dict[str, Any]
) -> None:
    mine = await furnish(app.state.site, await door.sign_up())
    task = await mine.owner.open_task()
    await mine.owner.issue(task["id"], 3, group='a "quoted" \\ group of names é 😀 / <b>')
    paged = PAGED.replace("tasks(first: 1)", "tasks(last: 1)").replace("group: invitationCode", "group")

    answer = await mine.owner.ask(paged, **variables)  # the fixture compares the tiers
    page = answer["organization"]["tasks"]["nodes"][0]["tickets"]
    for edge in page["edges"]:
        for side in ({"first": 2, "after": edge["cursor"]}, {"last": 1, "before": edge["cursor"]}):
            await mine.owner.ask(paged, **side)
            assert await tier_of(mine.owner, paged, **side) == "sql"
