"""What is declared besides columns and relations: several ids, one's own row, addresses, and what is kept as JSON.

The fixture `every_tier_agrees` compares the tiers with graphql-core; these tests say what is to be seen.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from graphql import parse
from starlette.applications import Starlette

from models import Permission
from planner.tiers import Asked, planner_of
from resolvers.roots import make_schema
from services import api_keys
from settings import Settings
from tests.furnished import furnish
from tests.planner.test_tiers import tier_of
from tests.world import Door

NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Ticket { invitationCode } } }"
VIEWER = "{ viewer { __typename ... on Node { id } ... on Candidate { fullName } ... on ApiKey { name } } }"
LINKS = "{ organization { tasks { nodes { link tickets(first: 1) { nodes { accessLink task { link } } } } } } }"
ATTRIBUTES: dict[str, Any] = {
    "z": 1.50, "a": [1e100, -0.0, 2**63, 1e-7, True, None], "é\"\\/": "\u2028\x7f\t\u0001 😀", "": {"deep": {"er": {}}}
}  # fmt: skip


async def test_several_things_of_one_type_come_by_one_statement_in_the_order_of_their_ids(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    ids = [ticket["id"] for ticket in await owner.issue(task["id"], 3)]
    wanted = [ids[2], ids[0], ids[2], ids[1]]

    found = await owner.ask(NODES, ids=wanted)

    assert [one["id"] for one in found["nodes"]] == wanted
    assert await tier_of(owner, NODES, ids=wanted) == "sql"


@pytest.mark.parametrize(
    ("others", "codes"),
    [
        (["tkt_01890a5d-0000-7000-8000-000000000000"], ["NOT_FOUND"]),
        (["junk", "tkt_junk"], ["NOT_FOUND", "NOT_FOUND"]),
        (["tkt_01890a5d-0000-7000-8000-000000000000"] * 100, ["BAD_REQUEST"]),
    ],
    ids=["absent", "junk", "too many"],
)
async def test_what_is_not_found_among_several_is_an_error_of_its_own(
    door: Door, others: list[str], codes: list[str]
) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    [ticket] = await owner.issue(task["id"])
    await owner.ask(NODES, ids=[ticket["id"]])

    answer = await owner.execute(NODES, ids=[ticket["id"], *others])

    assert [one["extensions"]["code"] for one in answer["errors"]] == codes
    assert await tier_of(owner, NODES, ids=[ticket["id"]]) == "sql"


async def test_no_things_are_an_empty_list(door: Door) -> None:
    owner = await door.sign_up()

    assert await owner.ask(NODES, ids=[]) == {"nodes": []}


async def test_everybody_reads_their_own_row_and_their_links(door: Door, app: Starlette) -> None:
    mine = await furnish(app.state.site, await door.sign_up())
    key = await api_keys.create(app.state.site, mine.member.actor, "Reader", [Permission.READ], None)
    narrowed = await api_keys.create(
        app.state.site, mine.member.actor, "Narrow", [Permission.READ], None, task_ids=[mine.task.id]
    )
    reader, narrow = door.with_token(key.secret), door.with_token(narrowed.secret)

    seen = [(await one.ask(VIEWER))["viewer"] for one in (mine.owner, reader, narrow, mine.sitter)]

    assert seen[0] == {"__typename": "Member", "id": mine.member.gid}
    assert [one["__typename"] for one in seen[1:]] == ["ApiKey", "ApiKey", "Candidate"]
    assert seen[3] == {"__typename": "Candidate", "id": mine.candidate.gid, "fullName": mine.candidate.full_name}
    assert [await tier_of(one, VIEWER) for one in (mine.owner, reader, mine.sitter)] == ["sql"] * 3
    link = "query ($id: ID!) { ticket(id: $id) { accessLink } }"
    links = [await one.ask(link, id=mine.ticket.gid) for one in (mine.owner, reader, narrow, mine.sitter)]
    assert links == links[:1] * 4
    assert [await tier_of(one, link, id=mine.ticket.gid) for one in (narrow, mine.sitter)] == ["sql"] * 2


async def test_addresses_begin_as_the_installation_does_that_answers(
    door: Door, app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = await furnish(app.state.site, await door.sign_up())

    here = await mine.owner.ask(LINKS)
    monkeypatch.setattr(app.state.site.urls, "base_url", 'https://elsewhere.test/"é"')
    there = await mine.owner.ask(LINKS)

    def links(answer: Any) -> list[str]:
        [task] = answer["organization"]["tasks"]["nodes"]
        [ticket] = task["tickets"]["nodes"]
        return [task["link"], ticket["accessLink"], ticket["task"]["link"]]

    path = f"/t/{mine.task.slug}"
    code = f"{path}/{mine.ticket.invitation_code}"
    assert links(here) == [f"https://admit.test{one}" for one in (path, code, path)]
    assert links(there) == [f'https://elsewhere.test/"é"{one}' for one in (path, code, path)]


async def test_what_is_kept_as_json_is_answered_as_it_was_sent(door: Door, settings: Settings) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    labels = ['"quoted", \\ and / é 😀', "[]", "null"]
    tickets = "{ organization { tickets { nodes { labels } } } }"
    candidates = "{ organization { tickets { nodes { candidate { attributes } } } } }"

    await owner.issue(task["id"], 1, labels=labels)
    person = {"fullName": "A", "attributes": ATTRIBUTES}
    await owner.issue(task["id"], candidates=[person, {"fullName": "B"}])

    assert [one["labels"] for one in (await owner.ask(tickets))["organization"]["tickets"]["nodes"]] == [labels, [], []]
    shown = [
        one["candidate"]["attributes"] for one in (await owner.ask(candidates))["organization"]["tickets"]["nodes"]
    ]
    assert shown == [{}, ATTRIBUTES, {}]
    assert await tier_of(owner, tickets) == "sql"
    sqlite = settings.database_url.startswith("sqlite")
    assert await tier_of(owner, candidates) == ("sql" if sqlite else "compiled")


@pytest.mark.parametrize(("sizes", "is_short"), [((100, 9), True), ((100, 10), False), ((1, 100), True)])
async def test_a_statement_of_several_things_with_many_rows_has_a_thread(
    door: Door, app: Starlette, sizes: tuple[int, int], is_short: bool
) -> None:
    mine = await furnish(app.state.site, await door.sign_up())
    text = """query ($ids: [ID!]!, $first: Int) { nodes(ids: $ids) {
      ... on Ticket { testSessions(first: $first) { nodes { id } } } } }"""
    planner = planner_of(make_schema()._schema, 10, 1_000_000)
    variables = {"ids": [mine.ticket.gid] * sizes[0], "first": sizes[1]}
    context = SimpleNamespace(actor=mine.member.actor)

    statement, run = await planner.statement(Asked(text, parse(text), None, variables, context))

    assert statement.is_short(run) == is_short
