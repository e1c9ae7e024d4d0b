"""What fields declare is loaded for a level of rows at once, and of the rows only what is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from graphql import parse
from starlette.applications import Starlette

from models import Permission, TestSession, TestSessionStatus, rows
from planner.compiler import compiled
from planner.extension import by_graphql_core
from planner.plans import Known
from planner.sent import Sent
from planner.tiers import Asked, planner_of
from resolvers.context import Context
from resolvers.roots import make_schema
from services import api_keys
from services.credentials import authenticate
from tests.furnished import Furnished, furnish
from tests.world import Door

NESTED = """{ organization { tasks(first: 1) { nodes { id tickets { edges { node {
  invitationCode status testSessions(first: 5) { edges { node { id score startedAt } } } } } } } } } }"""
DOCUMENTS = [
    NESTED,
    "{ organization { tickets { totalCount pageInfo { endCursor } edges { cursor node { __typename } } } } }",
    "{ organization { tickets(first: 0) { nodes { group } } tasks(last: 2) { nodes { steps { test { title } } } } } }",
    "{ organization { testSessions { nodes { ticket { task { tickets { nodes { candidate { email } } } } } } } } }",
    "{ organization { testSessions { nodes { result { version marks } score passed timeLedger { __typename } } } } }",
    "{ organization { settings { signIn { issuer } } testSessions { nodes { progress { answered } endedAt } } } }",
    """query ($in: [TicketStatus!]) { organization { a: tickets(filter: {status: [ISSUED]}) { nodes { id } }
      b: tickets(filter: {status: $in, text: "a"}) { totalCount nodes { a: status b: status validUntil } } } }""",
    "{ organization { testSessions { nodes { ticket { accessLink task { name } } allowedActions deadlineAt } } } }",
    "{ organization { tickets { nodes { accessLinks { nodes { ticket { id } } } assessments { nodes { id } } } } } }",
]


async def _asking(app: Starlette, token: str | None, text: str, **variables: Any) -> Asked:
    actor = await authenticate(app.state.site, f"Bearer {token}")
    return Asked(text, parse(text), None, variables, Context(actor, app.state.site.urls, site=app.state.site))


async def _by_code(app: Starlette, token: str | None, text: str, **variables: Any) -> dict[str, Any] | None:
    planner = planner_of(make_schema()._schema, 10, 1_000_000)
    return await planner.by_completion(await _asking(app, token, text, **variables))


async def _with_others(app: Starlette, door: Door) -> Furnished:
    mine = await furnish(app.state.site, await door.sign_up(), TestSessionStatus.SUBMITTED)
    await mine.owner.issue((await mine.owner.open_task())["id"], 3)
    return mine


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_what_is_loaded_is_what_graphql_core_answers(door: Door, app: Starlette, document: str) -> None:
    mine = await _with_others(app, door)
    key = await api_keys.create(app.state.site, mine.member.actor, "Reader", [Permission.READ], None)

    for token in (mine.owner.token, key.secret):
        core = await by_graphql_core(make_schema()._schema, await _asking(app, token, document))
        assert core.errors is None
        assert orjson.dumps(await _by_code(app, token, document)) == orjson.dumps(core.data)


def _read(statements: Sequence[str]) -> dict[str, list[str]]:
    """The columns that were read of each table for many parents."""
    read = [sql.partition(", parent_at")[0] for sql in statements if ", parent_at" in sql]
    return {sql.split('"')[1]: sorted(re.findall(r'\."(\w+)"', sql)) for sql in read}


async def test_a_statement_for_each_level_reads_what_is_asked_for_and_no_more(
    door: Door, app: Starlette, statements: list[str]
) -> None:
    mine = await _with_others(app, door)
    statements.clear()

    await _by_code(app, mine.owner.token, NESTED)

    assert _read(statements) == {
        "task": ["id"],
        "ticket": ["code", "id", "status", "valid_from", "valid_until"],
        "test_session": ["ended_at", "id", "started_at", "status"],
        "result": ["created_at", "released_at", "score", "superseded_at", "version"],
    }
    assert sum(", parent_at" in sql for sql in statements) == 4


async def test_who_asks_for_different_columns_of_the_same_rows_asks_once(
    door: Door, app: Starlette, statements: list[str]
) -> None:
    mine = await _with_others(app, door)
    page = "tickets(first: 2)"
    text = f"{{ organization {{ a: {page} {{ nodes {{ group }} }} b: {page} {{ nodes {{ status }} }} }} }}"
    statements.clear()

    await _by_code(app, mine.owner.token, text)

    assert _read(statements) == {"ticket": ["group", "id", "status", "valid_from", "valid_until"]}
    assert sum(", parent_at" in sql for sql in statements) == 1


@pytest.mark.parametrize(
    ("field", "whole"),
    [("remainingSeconds", {"test_session"}), ("events { totalCount }", {"test_session", "ticket"})],
)
async def test_a_resolver_that_does_not_say_what_it_needs_has_whole_rows(
    door: Door, app: Starlette, statements: list[str], field: str, whole: set[str]
) -> None:
    mine = await _with_others(app, door)
    text = f"{{ organization {{ testSessions {{ nodes {{ id {field} ticket {{ group }} }} }} }} }}"
    statements.clear()

    await _by_code(app, mine.owner.token, text)

    read = {table: columns for table, columns in _read(statements).items() if table != "event"}  # a feed of its own
    assert {table for table, columns in read.items() if "created_at" in columns} == whole
    assert set(read) == {"test_session", "ticket"}


async def test_what_was_read_whole_is_not_read_again(door: Door, app: Starlette, statements: list[str]) -> None:
    mine = await _with_others(app, door)
    text = (
        f'{{ node(id: "{mine.ticket.gid}") {{ ... on Ticket {{ testSessions {{ nodes {{ ticket {{ id }} }} }} }} }} }}'
    )
    statements.clear()

    data = await _by_code(app, mine.owner.token, text)

    assert data == {"node": {"testSessions": {"nodes": [{"ticket": {"id": mine.ticket.gid}}]}}}
    assert set(_read(statements)) == {"ticket", "test_session"}
    assert sum(", parent_at" in sql for sql in statements) == 2


async def test_what_a_mutation_answers_is_of_whole_rows_that_graphql_core_could_go_on_with(
    door: Door, app: Starlette, statements: list[str]
) -> None:
    mine = await _with_others(app, door)
    text = """mutation ($input: TaskIdInput!) { closeTask(input: $input) {
      ... on CloseTaskSuccess { task { tickets { nodes { group } } } } } }"""
    statements.clear()

    await _by_code(app, mine.owner.token, text, input={"taskId": mine.task.gid})

    assert {"group", "created_at", "code"} <= set(_read(statements)["ticket"])


async def test_what_one_may_not_is_said_where_it_was_asked(door: Door, app: Starlette) -> None:
    mine = await _with_others(app, door)
    key = await api_keys.create(app.state.site, mine.member.actor, "Reader", [Permission.READ], None)
    keys = "{ organization { name apiKeys { nodes { id } } } }"
    cursor = '{ organization { tasks { nodes { name tickets(after: "?") { nodes { id } } } } } }'

    forbidden = await door.with_token(key.secret).execute(keys)
    wrong = await mine.owner.execute(cursor)

    assert await _by_code(app, key.secret, keys) is await _by_code(app, mine.owner.token, cursor) is None
    assert [(one["path"], one["extensions"]["code"]) for one in forbidden["errors"]] == [
        (["organization", "apiKeys"], "FORBIDDEN")
    ]
    assert [one["path"] for one in wrong["errors"]] == [["organization", "tasks", "nodes", 0, "tickets"]]


async def test_a_declaration_that_forgets_a_column_is_still_answered_right(
    door: Door, app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = await _with_others(app, door)
    text = "{ organization { tickets(first: 1) { nodes { status } } } }"
    schema = make_schema()._schema
    known = Known(schema, parse(text), None)
    completion = compiled(schema, known.document, known.operation, Sent(known.signatures, {}))
    [ticket] = [one for one in completion.columns if one.__name__ == "Ticket"]
    planner = planner_of(schema, 10, 1_000_000)
    monkeypatch.setattr(planner, "_completion", lambda _known, _sent: completion)
    monkeypatch.setitem(completion.columns, ticket, ("id",))

    assert await planner.by_completion(await _asking(app, mine.owner.token, text)) is None


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("2026-01-02 03:04:05+00:00", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02 03:04:05.000006+00:00", "2026-01-02T03:04:05.000006+00:00"),
        ("2026-01-02 03:04:05.000000+00:00", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02 03:04:05.120+00:00", "2026-01-02T03:04:05.120000+00:00"),
        ("2026-01-02 05:04:05+02:00", "2026-01-02T03:04:05+00:00"),
        (None, None),
    ],
)
async def test_a_moment_is_shown_as_python_shows_it_however_it_is_stored(
    app: Starlette, stored: str | None, shown: str | None
) -> None:
    columns = ("id", "started_at")
    [row] = rows.showing(TestSession, columns)([_Stored(("019728c9-c000-7007-8000-019728c9c000", stored))])

    assert rows.moment(row, "started_at") == shown
    assert (row.started_at and row.started_at.isoformat()) == shown
    assert rows.moment(row, "started_at") == shown  # now that it was asked for, too


class _Stored(tuple[Any, ...]):
    """A row that a driver answers."""

    def __getitem__(self, at: Any) -> Any:
        return super().__getitem__(("id", "started_at").index(at) if isinstance(at, str) else at)
