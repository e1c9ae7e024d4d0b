"""What the server looks for again and again costs as much in a large database as in a small one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from tortoise import Model, Tortoise
from tortoise.migrations.api.migrate import migrate
from tortoise.queryset import QuerySet

from models import Assessment, EventType, Organization, TestSession, clock, database, event, system
from models.event import record
from models.paging import parts
from models.unit import transactional
from tests.conftest import POSTGRES

TASKS = {"never": None, "soon": "2026-01-02 03:00:00+00:00", "later": "2026-01-02 05:00:00+00:00"}
TICKET = "2026-01-02 04:00:00+00:00"


@transactional
async def happen(organization: Organization) -> None:
    """Something that is in the log."""
    record(EventType.TASK_CREATED, "tsk_1", system(organization.id))


@pytest.mark.skipif(bool(POSTGRES), reason="it plans by what is in the tables now")
@pytest.mark.parametrize(
    ("due", "column"),
    [(Assessment.lapsing, "lapses_at"), (TestSession.overdue, "deadline_at"), (TestSession.silent, "last_seen_at")],
)
async def test_what_is_due_is_found_without_looking_at_anything_else(
    rows: None, due: Callable[[datetime], QuerySet[Model]], column: str
) -> None:
    sql, values = parts(due(clock.now()))

    _, plan = await database.connection().execute_query(f"EXPLAIN QUERY PLAN {sql}", values)

    first, *others = [row["detail"] for row in plan]
    assert first.startswith("SEARCH")
    assert first.endswith(f"(status=? AND {column}<?)")
    assert [step for step in others if "SCAN" in step] == []


async def test_the_heads_of_logs_are_looked_up_in_one_statement(rows: None, caplog: pytest.LogCaptureFixture) -> None:
    logs = [await Organization.create(name=name) for name in ("Hill School", "Dale School", "Silent School")]
    for organization in (*logs[:2], logs[0]):
        await happen(organization)
    expected = {one.id: await event.head(one.id) for one in logs[:2]}

    with caplog.at_level("DEBUG", "tortoise.db_client"):
        found = await event.heads([one.id for one in logs])

    assert found == expected
    assert [text.count("LIMIT") for text in caplog.messages if "SELECT" in text] == [1]


@pytest.mark.parametrize(
    ("task", "ticket", "lapses_at"),
    [
        ("never", None, None),
        ("never", TICKET, TICKET),
        ("soon", None, TASKS["soon"]),
        ("soon", TICKET, TASKS["soon"]),
        ("later", TICKET, TICKET),
    ],
)
def test_assessments_of_before_learn_when_they_lapse(
    tmp_path: Path, task: str, ticket: str | None, lapses_at: str | None
) -> None:
    path = tmp_path / "admit.sqlite3"
    asyncio.run(_migrate(path, "admit.0005_status_reason"))
    with closing(sqlite3.connect(path)) as file, file:
        _insert(file, "task", id=task, closes_at=TASKS[task])
        _insert(file, "ticket", id="1", task_id=task, valid_until=ticket)
        _insert(file, "assessment", id="2", task_id=task, ticket_id="1")

    asyncio.run(database.migrate(f"sqlite:{path}"))

    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT lapses_at FROM assessment").fetchall() == [(lapses_at,)]


async def _migrate(path: Path, target: str) -> None:
    await migrate(config=database.config(f"sqlite:{path}"), target=target)
    await Tortoise.close_connections()


def _insert(file: sqlite3.Connection, table: str, **known: str | None) -> None:
    """A row with whatever else the table demands."""
    demanded = [name for _, name, _, is_demanded, *_ in file.execute(f"PRAGMA table_info({table})") if is_demanded]
    row = dict.fromkeys(demanded, "") | known
    marks = ", ".join("?" * len(row))
    file.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))  # noqa: S608  names of ours
