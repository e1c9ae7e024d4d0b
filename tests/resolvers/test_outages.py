"""What callers are told while the database takes no writes: the same again, later, by every door."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from tortoise.connection import get_connection

import errors
from models import Assessment, Event, Ticket
from settings import Settings
from tests.conftest import POSTGRES
from tests.listening import socket
from tests.world import ISSUE_TICKETS, Door

NO_WRITES = "LOCK TABLE ticket_batch, ticket, assessment, api_key IN EXCLUSIVE MODE"
NAME = "{ organization { name } }"
CREATE_KEY = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { __typename ... on CreateApiKeySuccess { apiKey { id } secret } }
}
"""
TOLD = {"code": "UNAVAILABLE", "retryAfter": errors.Unavailable.retry_after}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An installation that soon gives up."""
    return replace(settings, database_timeout_seconds=0.3)


@asynccontextmanager
async def outage(settings: Settings) -> AsyncIterator[None]:
    """Nothing can be written for as long as the block lasts; reading goes on."""
    if POSTGRES:
        other: Any = await asyncpg.connect(settings.database_url)
        try:
            async with other.transaction():
                await other.execute(NO_WRITES)
                yield
        finally:
            await other.close()
        return
    await get_connection("default").execute_query("PRAGMA busy_timeout=0")
    path = settings.database_url.removeprefix("sqlite:")
    with closing(sqlite3.connect(path, isolation_level=None)) as other_file:
        other_file.execute("BEGIN IMMEDIATE")
        yield
        other_file.execute("ROLLBACK")


async def test_a_mutation_is_told_to_come_again_and_does_its_work_then(door: Door, settings: Settings) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    before = await Event.all().count()
    batch = {"taskId": task["id"], "candidates": [{"fullName": "Ada"}], "idempotencyKey": "once"}

    async with outage(settings):
        answer = await owner.execute(ISSUE_TICKETS, input=batch)
    kept = (await Ticket.all().count(), await Event.all().count())
    again = await owner.mutate(ISSUE_TICKETS, **batch)

    (told,) = answer["errors"]
    assert (told["message"], told["extensions"]) == (errors.Unavailable.message, TOLD)
    assert kept == (0, before)
    assert (again["__typename"], again["replayed"]) == ("IssueTicketsSuccess", False)


async def test_reading_goes_on_by_key_as_well_whose_use_cannot_be_noted(door: Door, settings: Settings) -> None:
    owner = await door.sign_up()
    made = await owner.mutate(CREATE_KEY, name="Robot", scopes=["READ"])

    async with outage(settings):
        answers = [await one.ask(NAME) for one in (owner, owner.with_token(made["secret"]))]

    assert answers == [{"organization": {"name": "Example University"}}] * 2


async def test_a_candidate_sees_a_friendly_page_with_503_and_when_to_come_again(door: Door, settings: Settings) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    (ticket,) = await owner.issue(task["id"])
    shown = await door.client.get(f"/t/{task['slug']}")
    token = re.search(r'name="form_token" value="([^"]+)"', shown.text)
    assert token
    form = {"form_token": token[1], "code": ticket["invitationCode"]}

    async with outage(settings):
        page = await door.client.post(f"/t/{task['slug']}", data=form)

    assert (page.status_code, page.headers["retry-after"]) == (503, "2")
    assert "<h1>One moment, please</h1>" in page.text
    assert "incident" not in page.text
    assert await Assessment.all().count() == 0


async def test_over_a_websocket_the_operation_ends_with_the_code_and_the_socket_lives(
    live: Door, settings: Settings
) -> None:
    owner = await live.sign_up()
    task = await owner.open_task()
    batch = {"taskId": task["id"], "candidates": [{"fullName": "Ada"}]}

    async with socket(owner) as listener:
        async with outage(settings):
            await listener.subscribe(ISSUE_TICKETS, input=batch)
            message = await listener.receive()
        await listener.send({"type": "ping"})
        pong = await listener.receive()

    assert message["type"] == "error"
    assert [one["extensions"] for one in message["payload"]] == [TOLD]
    assert pong == {"type": "pong"}


async def test_the_log_says_it_once_and_without_a_traceback(
    door: Door, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    async with outage(settings):
        batch = {"taskId": task["id"], "candidates": [{"fullName": "Ada"}]}
        await asyncio.gather(*(owner.execute(ISSUE_TICKETS, input=batch) for _ in range(5)))

    ours = [record for record in caplog.records if record.name.startswith("admit")]
    assert len([record for record in ours if record.name == "admit.database"]) <= 1
    assert [record for record in ours if record.exc_info] == []
