"""What a subscription says of an event is the same by the planner's code as by graphql-core, mistakes included."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from planner.front import Front
from settings import Settings
from tests.conftest import serving
from tests.furnished import Furnished, furnish
from tests.listening import changed, shared, socket, until
from tests.world import Clock, Door

TOLD = "testSessionStatusChanged"
SESSION = """fragment S on TestSession {
  id status attempt startedAt deadlineAt passed serverNow progress { answered total } timeLedger { seconds cause }
  ticket { invitationCode labels } task { name steps { id } } test { title }
}"""
DOCUMENTS = {
    "whole": f"subscription {{ {TOLD} {{ cursor occurredAt previousStatus status testSession {{ ...S }} }} }}"
    + SESSION,
    "aliases": f"subscription {{ a: {TOLD} {{ b: status c: status __typename testSession {{ __typename d: id }} }} }}",
    "task": f"subscription ($task: ID!) {{ {TOLD}(taskId: $task) {{ testSession {{ task {{ id }} }} }} }}",
    "included": f"""subscription ($task: ID, $yes: Boolean = true, $no: Boolean = false) {{
      {TOLD}(taskId: $task) {{ status @skip(if: $no) ...F @include(if: $yes) ... @skip(if: $yes) {{ cursor }} }}
    }} fragment F on TestSessionStatusChange {{ testSession {{ id }} }}""",
    "several": f"subscription A {{ {TOLD} {{ cursor }} }} subscription B {{ {TOLD} {{ status }} }}",
}
SLOWLY = " # by graphql-core"


@pytest.fixture
async def hall(settings: Settings, clock: Clock) -> AsyncIterator[tuple[Starlette, Furnished]]:
    quick = replace(settings, poll_seconds=0.05)
    async with serving(quick) as (base_url, app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        yield app, await furnish(app.state.site, await Door(client).sign_up())


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the planner knew what to say, for each event; of what ends in SLOWLY it knows nothing."""
    found: list[bool] = []
    tell = Front.told

    async def telling(front: Front, text: str, *others: Any) -> Mapping[str, Any] | None:
        if text.endswith(SLOWLY):
            return None
        data = await tell(front, text, *others)
        found.append(data is not None)
        return data

    monkeypatch.setattr(Front, "told", telling)
    return found


async def _both(hall: tuple[Starlette, Furnished], document: str, **about: Any) -> list[str]:
    """The payloads of two events each way, without the names of errors in the log."""
    app, things = hall
    payload: dict[str, Any] = {"query": document, "variables": {"task": things.task.gid}}
    if "subscription B" in document:
        payload["operationName"] = "B"
    heard: list[Any] = []
    async with socket(things.owner) as listener:
        for id_, text in (("quick", document), ("slow", document + SLOWLY)):
            await listener.send({"id": id_, "type": "subscribe", "payload": {**payload, "query": text}})
        await until(lambda: shared(app) == [1, 1])
        for status in ("PAUSED", "ACTIVE"):
            await changed(things.member.actor, status, **about)
            heard += [await listener.receive() for _ in range(2)]
    by_id = {id_: [one["payload"] for one in heard if one["id"] == id_] for id_ in ("quick", "slow")}
    return [re.sub(r'"id": "[0-9a-f]{12}"', "", json.dumps(by_id[id_])) for id_ in ("quick", "slow")]


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
async def test_both_say_the_same(hall: tuple[Starlette, Furnished], told: list[bool], document: str) -> None:
    things = hall[1]
    about = {"task_id": things.task.id, "ticket_id": things.ticket.id, "session_id": things.session.id}

    quick, slow = await _both(hall, document, **about)

    assert quick == slow
    assert "errors" not in quick
    assert told == [True, True]


async def test_of_what_goes_wrong_graphql_core_says_what(hall: tuple[Starlette, Furnished], told: list[bool]) -> None:
    quick, slow = await _both(hall, DOCUMENTS["aliases"])  # there is no session

    assert quick == slow
    assert '"path": ["a", "testSession"]' in quick
    assert told == [False, False]
