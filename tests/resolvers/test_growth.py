"""Sitting a test costs as much among ten million as alone: every row is looked up by a key that few rows share."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette

from models import database
from tests.conftest import POSTGRES
from tests.hall import open_hall
from tests.world import Clock, Door

MANY = ["ticket", "candidate", "assessment", "test_session", "answer", "result", "review", "time_adjustment", "event"]
SHARED_BY_FEW = ["id", "code", "ticket_id", "assessment_id", "session_id"]


@pytest.mark.skipif(bool(POSTGRES), reason="it plans by what is in the tables now")
async def test_from_entering_to_submitting_every_row_is_looked_up_by_its_own_key(
    app: Starlette, door: Door, clock: Clock, statements: list[str]
) -> None:
    hall = await open_hall(app, door)
    statements.clear()

    session = await hall.start()
    await hall.save(session, ((await hall.paper(session))[-1]["id"], "kept", 1))
    await hall.submit(session)
    await hall.enter()

    steps = [step for sql in dict.fromkeys(statements) for step in await plan(sql)]
    assert {table for table, _ in steps} >= {"ticket", "assessment", "test_session", "answer", "result"}
    assert [step for step in steps if step[1] not in SHARED_BY_FEW] == []


async def plan(sql: str) -> list[tuple[str, str]]:
    """Which tables with many rows the statement reads, and by what; without an index by None."""
    if not sql.startswith(("SELECT", "UPDATE", "DELETE")):
        return []
    _, found = await database.connection().execute_query(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))
    steps = [re.match(r"(?:SEARCH|SCAN) (\w+)(?:.*\((\w+)=\?)?", row["detail"]) for row in found]
    names = {name: table for table, name in re.findall(r'"(\w+)" (?:AS )?"?(child|\w+__\w+)"?', sql)}
    read = [(names.get(str(step[1]), str(step[1])), str(step[2])) for step in steps if step]
    return [step for step in read if step[0] in MANY]
