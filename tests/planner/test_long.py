"""Long lists are read beside the event loop, and answered as short ones are."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette

from models import Actor
from planner.driving import settled
from planner.extension import Planned
from planner.sent import are_long
from resolvers.roots import USUAL, make_schema
from services.bucket import Bucket, Standing
from tests.furnished import furnish
from tests.models.test_bulk import Held
from tests.world import ISSUE_TICKETS, Door

SHORT, LONG = 60, 600
IN = "query ($in: [TicketStatus!]) { organization { tickets(filter: {status: $in}) { totalCount } } }"
SOME = ISSUE_TICKETS.replace("($input", "($some: Boolean!, $input").replace("replayed", "replayed @include(if: $some)")
SCHEMA = make_schema(USUAL, Planned)._schema  # the server's
WATCH = """subscription ($in: [TestSessionStatus!]) { testSessionStatusChanged { testSession {
  task { testSessions(filter: {status: $in}) { totalCount } } } } }"""
Reading = Callable[[str], list[int]]


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    """Tells of the type with this name by which threads its values are read from now on."""

    def watched(name: str) -> list[int]:
        threads: list[int] = []
        kind: Any = SCHEMA.type_map[name]
        read = kind.coerce_input_value

        def noted(*given: Any) -> Any:
            threads.append(threading.get_ident())
            return read(*given)

        monkeypatch.setattr(kind, "coerce_input_value", noted)
        return threads

    return watched


def candidates(count: int, *wrong: int) -> list[dict[str, Any]]:
    """So many, and those at these places not as their type says."""
    return [{"fullName": at if at in wrong else f"P {at}", "attributes": {"at": at}} for at in range(count)]


@pytest.mark.parametrize("wrong", [[], [0], [LONG - 1], range(LONG)], ids=["none", "first", "last", "all"])
@pytest.mark.parametrize(("document", "more"), [(ISSUE_TICKETS, {}), (SOME, {"some": True})], ids=["all", "some"])
async def test_the_loop_reads_no_long_list_of_a_mutation(
    door: Door, reading: Reading, document: str, more: dict[str, Any], wrong: list[int]
) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    threads = reading("JSON")

    await owner.execute(document, input={"taskId": task["id"], "candidates": candidates(LONG, *wrong)}, **more)

    assert threads
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("last", ["ISSUED", "SOLD"])
async def test_the_loop_reads_no_long_list_of_a_query(door: Door, reading: Reading, last: str) -> None:
    owner = await door.sign_up()
    threads = reading("TicketStatus")

    await owner.execute(IN, **{"in": ["ISSUED"] * LONG + [last]})

    assert threads
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("wrong", [[0], [7, 9], range(SHORT)], ids=["one", "two", "more than are told"])
async def test_what_is_wrong_with_a_long_list_is_said_and_charged_as_of_a_short_one(
    door: Door, monkeypatch: pytest.MonkeyPatch, wrong: list[int]
) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    charge, costs = Bucket.charge, list[int]()

    async def noted(bucket: Bucket, actor: Actor, address: str, cost: int) -> Standing | None:
        costs.append(cost)
        return await charge(bucket, actor, address, cost)

    monkeypatch.setattr(Bucket, "charge", noted)

    short, long = [
        await owner.post(ISSUE_TICKETS, input={"taskId": task["id"], "candidates": candidates(count, *wrong)})
        for count in (SHORT, LONG)
    ]

    assert (long.status_code, long.content) == (short.status_code, short.content)
    assert len(short.json()["errors"]) == min(len(wrong), 51)
    assert len(costs) == 2
    assert costs[0] == costs[1]


async def test_others_are_answered_while_a_long_list_is_read(
    door: Door, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    loop, asked = asyncio.get_running_loop(), "query ($id: ID!) { node(id: $id) { id } }"
    kind: Any = SCHEMA.type_map["JSON"]
    read, answers = kind.coerce_input_value, list[Any]()

    def held_up(*given: Any) -> Any:
        if not answers:
            answers.append(asyncio.run_coroutine_threadsafe(owner.ask(asked, id=task["id"]), loop).result(30))
        return read(*given)

    monkeypatch.setattr(kind, "coerce_input_value", held_up)

    issued = await owner.ask(ISSUE_TICKETS, input={"taskId": task["id"], "candidates": candidates(LONG)})

    assert answers == [{"node": {"id": task["id"]}}]
    assert len(issued["issueTickets"]["tickets"]) == LONG


async def test_a_condition_that_is_told_null_is_refused_by_every_tier(door: Door, app: Starlette) -> None:
    mine = await furnish(app.state.site, await door.sign_up())
    document = "query ($more: Boolean = true) { organization { id name @include(if: $more) } }"

    with_, without, neither, again = [
        await mine.owner.execute(document, **more) for more in ({}, {"more": False}, {"more": None}, {"more": True})
    ]

    assert [list(one["data"]["organization"]) for one in (with_, without, again)] == [
        ["id", "name"],
        ["id"],
        ["id", "name"],
    ]
    assert [one["extensions"]["code"] for one in neither["errors"]] == ["BAD_REQUEST"]


async def test_the_loop_completes_no_long_answer(
    door: Door, monkeypatch: pytest.MonkeyPatch, statements: list[str]
) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    kind: Any = SCHEMA.type_map["JSON"]
    shown, threads = kind.coerce_output_value, list[int]()

    def noted(value: Any) -> Any:
        threads.append(threading.get_ident())
        return shown(value)

    monkeypatch.setattr(kind, "coerce_output_value", noted)
    document = ISSUE_TICKETS.replace("externalId", "attributes")

    await owner.ask(document, input={"taskId": task["id"], "candidates": candidates(LONG)})

    assert len(threads) == LONG
    assert threading.get_ident() not in threads


async def test_resolvers_of_many_rows_leave_others_their_turn() -> None:
    held = Held()

    async def one(at: int) -> int:
        held.handle()
        await asyncio.sleep(0)
        return at

    async with held.watching():
        results = await settled([(one(at), True) for at in range(1_200)])

    assert results == list(range(1_200))
    assert 0 < held.most <= 500


@pytest.mark.parametrize("wrong", [[], ["SOLD"]], ids=["right", "wrong"])
async def test_a_subscription_takes_no_long_list(door: Door, reading: Reading, wrong: list[str]) -> None:
    owner = await door.sign_up()
    headers = {"authorization": f"Bearer {owner.token}", "accept": "text/event-stream"}
    threads = reading("TestSessionStatus")

    sent = {"query": WATCH, "variables": {"in": ["ACTIVE"] * LONG + wrong}}
    answer = await door.client.post("/graphql", json=sent, headers=headers)

    assert '"code":"QUERY_TOO_COMPLEX"' in answer.text
    assert threads == []


@pytest.mark.parametrize(
    ("value", "is_long"),
    [
        (["x"] * 500, False),
        (["x"] * 501, True),
        ({"a": [{"b": [1] * 300}] * 2}, True),
        ({"a": {"b": {"c": list(range(501))}}}, True),
        ({str(at): at for at in range(501)}, False),
        ("x" * 501, False),
    ],
)
def test_lists_are_long_by_all_that_is_in_them(value: Any, is_long: bool) -> None:
    assert are_long({"value": value, "other": None}) == is_long
