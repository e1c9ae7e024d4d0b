"""Guessing at codes: by page, by mutation, by aliases, from many addresses, and by what the answers give away."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from models import Assessment
from server import create_app
from settings import Settings
from tests.conftest import POSTGRES, REDIS
from tests.hall import ENTER, REDEEM, lasting
from tests.process import Running, free_port, running
from tests.resolvers.test_door import JSON, RESPONSE_JSON, body, post
from tests.web.test_welcome import type_in
from tests.world import LOG_IN, PASSWORD, Clock, Door

WRONG = "ABCDEFGHJKMNP"


def from_address(app: Starlette, address: str) -> Door:
    """The door as somebody at this network address knocks at it."""
    transport = httpx.ASGITransport(app, client=(address, 50_000))
    return Door(httpx.AsyncClient(transport=transport, base_url="https://admit.test"))


async def guess(door: Door, slug: str, code: str = WRONG) -> str:
    """What comes of a try by mutation: the type of the answer, or the code of the error."""
    answer = await door.execute(ENTER, input={"taskSlug": slug, "invitationCode": code})
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    return str(answer["data"]["enterTask"]["__typename"])


async def issued(owner: Door) -> tuple[str, str]:
    """An open task's slug and the code of a ticket to it."""
    task = await owner.open_task()
    return task["slug"], (await owner.issue(task["id"]))[0]["invitationCode"]


async def test_the_page_and_the_mutation_spend_one_budget_for_an_address(door: Door) -> None:
    slug, right = await issued(await door.sign_up())

    pages = [(await type_in(door, slug, WRONG)).status_code for _ in range(10)]
    by_mutation = [await guess(door, slug) for _ in range(11)]
    page, answer = await type_in(door, slug, right), await guess(door, slug, right)

    assert pages == [403] * 10
    assert by_mutation == ["CodeUnknown"] * 10 + ["RATE_LIMITED"]
    assert (page.status_code, answer) == (429, "RATE_LIMITED")
    assert int(page.headers["retry-after"]) > 500
    assert await Assessment.all().count() == 0


@pytest.mark.parametrize("accept", [JSON, RESPONSE_JSON])
async def test_an_answer_that_is_nothing_but_a_limit_is_429_and_says_when_to_come_back(door: Door, accept: str) -> None:
    slug, _ = await issued(await door.sign_up())
    wanted = body(ENTER, variables={"input": {"taskSlug": slug, "invitationCode": WRONG}})
    for _ in range(20):
        assert (await post(door, wanted, accept=accept)).status_code == 200

    answer = await post(door, wanted, accept=accept)

    extensions = answer.json()["errors"][0]["extensions"]
    assert (answer.status_code, extensions["code"], answer.json()["data"]) == (429, "RATE_LIMITED", None)
    assert int(answer.headers["retry-after"]) == extensions["retryAfter"] > 500


async def test_aliases_in_one_document_are_refused_before_any_is_looked_at(door: Door, statements: list[str]) -> None:
    fields = 'enterTask(input: {taskSlug: "x", invitationCode: "y"}) { __typename }'
    documents = [
        "mutation { " + " ".join(f"a{at}: {fields}" for at in range(2)) + " }",
        f"mutation {{ ...F b: {fields} }} fragment F on Mutation {{ {fields} }}",
        'mutation { redeemAccessLink(input: {token: "x"}) { __typename } ' + fields + " }",
    ]

    codes = [await door.code_of(document) for document in documents]

    assert codes == ["QUERY_TOO_COMPLEX"] * 3
    assert statements == []


async def test_guesses_that_come_at_once_spend_the_budget_like_any_others(door: Door) -> None:
    slug, right = await issued(await door.sign_up())

    answers = await asyncio.gather(*(guess(door, slug) for _ in range(60)))

    assert sorted(answers) == ["CodeUnknown"] * 20 + ["RATE_LIMITED"] * 40
    assert await guess(door, slug, right) == "RATE_LIMITED"
    assert await Assessment.all().count() == 0


async def test_a_class_behind_one_address_comes_in_at_once(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    codes = [ticket["invitationCode"] for ticket in await owner.issue(task["id"], n=30)]

    answers = await asyncio.gather(*(guess(door, task["slug"], code) for code in codes))

    assert answers == ["EnterTaskSuccess"] * 30


async def test_from_many_addresses_the_budget_of_the_task_is_spent(settings: Settings, clock: Clock) -> None:
    async with started(replace(settings, guesses_per_task=30)) as app:
        slug, right = await issued(await from_address(app, "192.0.2.1").sign_up())
        other_slug, other_right = await issued(await from_address(app, "192.0.2.1").sign_up())

        answers = [await guess(from_address(app, f"198.51.100.{at}"), slug) for at in range(31)]
        late = await guess(from_address(app, "203.0.113.1"), slug, right)
        elsewhere = await guess(from_address(app, "203.0.113.1"), other_slug, other_right)

    assert answers == ["CodeUnknown"] * 30 + ["RATE_LIMITED"]
    assert (late, elsewhere) == ("RATE_LIMITED", "EnterTaskSuccess")


async def test_from_many_addresses_at_many_tasks_the_budget_of_all_is_spent(settings: Settings, clock: Clock) -> None:
    async with started(replace(settings, guesses_in_all=30)) as app:
        slug, right = await issued(await from_address(app, "192.0.2.1").sign_up())

        answers = [await guess(from_address(app, f"198.51.100.{at}"), f"task-{at}") for at in range(31)]
        late = await guess(from_address(app, "203.0.113.1"), slug, right)

    assert answers == ["CodeUnknown"] * 30 + ["RATE_LIMITED"]
    assert late == "RATE_LIMITED"


async def test_a_whole_network_of_ipv6_is_one_address(app: Starlette) -> None:
    answers = [await guess(from_address(app, f"2001:db8:1:2::{at:x}"), "x") for at in range(21)]
    other = await guess(from_address(app, "2001:db8:1:3::1"), "x")

    assert (answers, other) == (["CodeUnknown"] * 20 + ["RATE_LIMITED"], "CodeUnknown")


async def test_another_address_is_not_had_by_a_header(tmp_path: Path) -> None:
    claimed = ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "CF-Connecting-IP"]
    async with (
        running(tmp_path) as server,
        httpx.AsyncClient(base_url=server.base_url, trust_env=False, timeout=30) as client,
    ):
        answers = []
        for at in range(21):
            spoofed = dict.fromkeys(claimed, f"198.51.100.{at}")
            client.headers.update(spoofed)
            answers.append(await guess(Door(client), "x"))

    assert answers == ["CodeUnknown"] * 20 + ["RATE_LIMITED"]


async def test_forged_links_spend_the_budget_of_codes(door: Door) -> None:
    for _ in range(20):
        assert (await door.mutate(REDEEM, token="forged"))["__typename"] == "LinkInvalid"

    assert await door.code_of(REDEEM, input={"token": "forged"}) == "RATE_LIMITED"
    assert await guess(door, "x") == "RATE_LIMITED"


# ---- what an answer gives away --------------------------------------------------------------------------------------

REVOKE = """
mutation ($input: RevokeTicketsInput!) { revokeTickets(input: $input) { __typename ... on Refusal { message } } }
"""


async def test_a_code_next_to_a_revoked_one_is_answered_like_any_wrong_one(
    app: Starlette, door: Door, statements: list[str]
) -> None:
    owner = await lasting(app, await door.sign_up())
    task, other = await owner.open_task(), await owner.open_task()
    live, revoked = await owner.issue(task["id"], n=2)
    (elsewhere,) = await owner.issue(other["id"])
    assert (await owner.mutate(REVOKE, ticketIds=[revoked["id"]]))["__typename"] == "RevokeTicketsSuccess"
    wrong = [_next_to(live), _next_to(revoked), revoked["id"], elsewhere["invitationCode"], WRONG, ""]

    seen = []
    for code in wrong:
        statements.clear()
        answer = await door.post(ENTER, input={"taskSlug": task["slug"], "invitationCode": code})
        said = re.sub(r'"currentlyAvailable":\d+', "", answer.text)
        read = [_shape(one) for one in statements]
        statements.clear()
        page = await type_in(door, task["slug"], code)
        shown = re.sub(r'value="[^"]*"', "", page.text)
        seen.append((answer.status_code, said, read, page.status_code, shown, [_shape(one) for one in statements]))

    assert len({str(one) for one in seen}) == 1
    assert '"CodeUnknown"' in seen[0][1]
    assert len(seen[0][2]) == (3 if POSTGRES else 1)  # the ticket with this code, of the task, and there their locks
    assert await guess(door, task["slug"], revoked["invitationCode"]) == "TicketRevoked"  # who has the code is told


def _next_to(ticket: Any) -> str:
    code = str(ticket["invitationCode"])
    return code[:-1] + ("A" if code[-1] != "A" else "B")


def _shape(statement: str) -> str:
    """A statement without the order of its columns, which Tortoise does not keep."""
    return " ".join(sorted(re.split(r"[\s,]+", statement)))


# ---- where the budgets are ------------------------------------------------------------------------------------------


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Starlette]:
    """The application with these settings."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


async def test_without_its_redis_codes_wait_and_staff_and_links_go_on(settings: Settings, clock: Clock) -> None:
    away = replace(settings, limits_url=f"redis://127.0.0.1:{free_port()}/0")
    async with started(away) as app:
        door = from_address(app, "192.0.2.1")
        owner = await door.sign_up()
        slug, right = await issued(owner)
        wanted = {"input": {"taskSlug": slug, "invitationCode": right}}

        answer = await door.post(ENTER, **wanted)
        page = await type_in(door, slug, right)
        signed_in = await door.mutate(LOG_IN, email=owner.known["member"]["email"], password=PASSWORD)
        listed = await owner.ask("{ organization { name } }")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["errors"][0]["extensions"] == {"code": "UNAVAILABLE", "retryAfter": 2}
    assert (page.status_code, page.headers["retry-after"]) == (503, "2")
    assert signed_in["__typename"] == "LogInSuccess"
    assert listed == {"organization": {"name": "Example University"}}


@pytest.mark.skipif(not (POSTGRES and REDIS), reason="one process alone serves an SQLite file, and counts alone")
async def test_two_processes_count_together(settings: Settings, tmp_path: Path, clock: Clock) -> None:
    def process(name: str) -> AbstractAsyncContextManager[Running]:
        (tmp_path / name).mkdir()
        return running(
            tmp_path / name,
            DATABASE_URL=settings.database_url,
            EVENTS_URL=REDIS,
            REDIS_NAMESPACE=settings.redis_namespace,
            COST_CAPACITY="1000",
            COST_PER_SECOND="1",
        )

    async with process("one") as here, process("two") as there:
        answers, costs = [], []
        for at in range(21):
            address = (here, there)[at % 2].base_url
            async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client:
                answers.append(await guess(Door(client), "x"))
                told = await Door(client).execute("{ viewer { __typename } }")
                costs.append(told["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"])

    assert answers == ["CodeUnknown"] * 20 + ["RATE_LIMITED"]
    assert costs[-1] < 1_000 - 20 * 13 + 60  # what both have charged, but for what has come back since
