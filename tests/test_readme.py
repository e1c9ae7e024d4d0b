"""The README's requests are sent to a running server, in order, and answered as printed."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from settings import Settings
from tests.conftest import serving
from tests.hall import ENTER, START, site_of
from tests.listening import socket, until
from tests.world import Clock, Door

README = (Path(__file__).parent.parent / "README.md").read_text()
EXAMPLES = re.findall(r"^```graphql\n(.*?)^```\n+(?:[^\n`]+\n+)*```json\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
OPERATIONS = ["issueTickets", "createAccessLinks", "configureFinishRedirect", "testSessionStatusChanged"]

# What differs from run to run, and what stands for it in the README or may.
VARYING = {
    r"\b(tsk|tkt|lnk|ses|can)_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": r"\1_…",
    r"http://127\.0\.0\.1:\d+": "https://admit.example.edu",
    r"/t/([a-z-]+)-[a-z0-9]{6}\b": r"/t/\1-…",
    r"\b[A-HJKMNP-Z2-9]{4}-[A-HJKMNP-Z2-9]{5}-[A-HJKMNP-Z2-9]{4}\b": "AAAA-AAAAA-AAAA",
    r"/a/[\w-]+(\.[\w-]*){4}": "/a/…",
    r'"cursor": "[\w-]+"': '"cursor": "…"',
}


@pytest.fixture
async def house(settings: Settings, clock: Clock) -> AsyncIterator[tuple[Door, Starlette]]:
    """A running server, from outside and from inside."""
    async with serving(settings) as (base_url, app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        yield Door(client), app


async def test_every_request_is_answered_as_printed(house: tuple[Door, Starlette]) -> None:
    door, app = house
    owner = await door.sign_up()
    task = await owner.open_task(name="Entrance exam")
    [issue, link, redirect, watch] = [document.replace("tsk_…", task["id"]) for document, _ in EXAMPLES]

    issued = await owner.execute(issue)
    ticket = issued["data"]["issueTickets"]["tickets"][0]
    answers = [issued, await owner.execute(link.replace("tkt_…", ticket["id"])), await owner.execute(redirect)]
    async with socket(owner) as listener:
        await listener.subscribe(watch)
        await until(lambda: site_of(app).pulse.followers == 1)
        await _start(door, task, ticket)
        answers.append((await listener.receive())["payload"])

    assert [next(iter(answer["data"])) for answer in answers] == OPERATIONS
    for answer, (_, printed) in zip(answers, EXAMPLES, strict=True):
        assert _settled({"data": answer["data"]}) == _settled(json.loads(printed))  # without what it cost


async def _start(door: Door, task: Any, ticket: Any) -> None:
    entered = await door.mutate(ENTER, taskSlug=task["slug"], invitationCode=ticket["invitationCode"])
    started = await door.with_token(entered["accessToken"]).mutate(START, stepId=task["steps"][0]["id"])
    assert started["__typename"] == "StartTestSuccess", started


def _settled(answer: Any) -> str:
    """The answer, in its order, with what differs from run to run made equal."""
    text = json.dumps(answer, ensure_ascii=False, indent=1)
    for varying, settled in VARYING.items():
        text = re.sub(varying, settled, text)
    return text
