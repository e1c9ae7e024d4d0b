"""Tickets from a file: all or none, once, and every bad row is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import errors
import models
from services import imports
from services.tickets import Issue
from settings import Settings
from tests.process import run
from tests.world import Door

FILE = (
    "\ufeffemail,fullName,attributes,extraTimePercent\r\n"
    'ada@example.org,"Lovelace, Ada","{""year"": 1}",25\r\n'
    ",山田　太郎,,\r\n"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good file of two candidates."""
    path = tmp_path / "people.csv"
    path.write_text(FILE, encoding="utf-8", newline="")
    return path


async def test_more_than_one_call_may_are_issued_once(door: Door, tmp_path: Path) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    path = tmp_path / "people.csv"
    path.write_text("fullName,externalId\n" + "".join(f"P {at},S-{at}\n" for at in range(10_001)))
    issue = Issue(models.Task.key_of(task["id"]), group="G", idempotency_key="k")

    first, again = [await imports.run(issue, imports.read(path)) for _ in range(2)]

    assert (first[0].id, first[0].count, first[1], again[1]) == (again[0].id, 10_001, False, True)
    assert await models.Ticket.filter(group="G", batch_id=first[0].id).count() == 10_001
    [event] = await models.Event.filter(type=models.EventType.TICKETS_ISSUED)
    assert (event.actor, event.payload) == ("system", {"count": 10_001})


async def test_the_command_line_imports_a_file(door: Door, settings: Settings, file: Path, tmp_path: Path) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    order = ("import-tickets", "--task", task["id"], "--label", "a", "--label", "b", "--idempotency-key", "k")
    bad = tmp_path / "bad.csv"
    bad.write_text("fullName,email\nAda,\n,nobody\n")

    made = await run(tmp_path, *order, str(file), DATABASE_URL=settings.database_url)
    refused = await run(tmp_path, *order, str(bad), DATABASE_URL=settings.database_url)

    batch = await models.TicketBatch.get()
    assert made == (0, f"{batch.gid} 2 tickets issued\n", "")
    assert refused == (
        2,
        "",
        "Some candidates are not right; no ticket was issued.\n"
        "Row 3, fullName: This must not be blank.\nRow 3, email: This is not an e-mail address.\n",
    )
    people: list[Any] = await models.Candidate.all().order_by("id").values_list("full_name", "email", "attributes")
    assert people == [("Lovelace, Ada", "ada@example.org", {"year": 1}), ("山田　太郎", None, {})]
    tickets: list[Any] = await models.Ticket.all().order_by("id").values_list("labels", "extra_time_percent")
    assert tickets == [(["a", "b"], 25), (["a", "b"], 0)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("fullName,attributes\nA,{}\nB,{x}\n", [(1, "attributes")]),
        ("fullName,extraTimePercent\nA,ten\nB,-1\nC,99999\n", [(0, "extraTimePercent"), (1, "extraTimePercent")]),
        ("fullName,email\nA\nB,,c\n", [(0, "fullName"), (1, "fullName")]),
    ],
)
def test_every_bad_row_is_named(tmp_path: Path, text: str, found: list[tuple[int, str]]) -> None:
    (tmp_path / "bad.csv").write_text(text)

    with pytest.raises(errors.InvalidCandidates) as refused:
        imports.read(tmp_path / "bad.csv")

    assert [(problem.index, problem.field) for problem in refused.value.problems][: len(found)] == found


@pytest.mark.parametrize("bytes_", [b"", b"fullName\n", b"email\na@b.c\n", b"fullName,age\nA,1\n", b"fullName\n\xff\n"])
def test_what_is_no_such_file_is_refused_in_a_sentence(tmp_path: Path, bytes_: bytes) -> None:
    (tmp_path / "bad.csv").write_bytes(bytes_)

    for path in (tmp_path / "bad.csv", tmp_path / "absent.csv"):
        with pytest.raises(errors.NotPossible, match=r"\.$"):
            imports.read(path)


async def test_a_task_that_is_not_there_is_not_found(door: Door, file: Path) -> None:
    with pytest.raises(errors.NotFound):
        await imports.run(Issue(models.chance.new_id()), imports.read(file))
