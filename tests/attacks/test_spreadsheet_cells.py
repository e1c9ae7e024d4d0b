"""A candidate's name reaches a spreadsheet as text, all the way: issued, exported, downloaded, read by a program."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest
from openpyxl.utils.escape import unescape
from starlette.applications import Starlette

from models import Candidate, Ticket
from settings import Settings
from tests.hall import site_of
from tests.resolvers.test_exports import ready
from tests.world import ISSUE_TICKETS, Door

CELLS = [
    "=cmd()|' /C calc'!A0",
    "{=1+1}",
    "+1+1",
    "-1+1",
    "@SUM(A1:A9)",
    '=HYPERLINK("https://evil.example","x")',
    "=1+1\t=2+2",
    "http://evil.example/",
    "https://evil.example/?a=b&c=<d>",
    "mailto:evil@example.org",
    "internal:'Links'!A1",
    "external:c:\\evil.xlsx",
    "file:///etc/passwd",
    "00123",
    "1e9",
    "TRUE",
    "#REF!",
    "<r>rich</r>",
    "_x0041_",
    "]]><f>1+1</f>",
    "Zoë 王 😀",
]
REFUSED = ["a\x00b", "\x1b[31m", "\r\n=cmd()", "x" * 40_000, " "]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """No worker in the background: the test is the worker."""
    return replace(settings, export_workers=0)


async def downloaded(app: Starlette, owner: Door, task: Any) -> bytes:
    """The spreadsheet of the task's links, as whoever has its address gets it."""
    export = await ready(owner, site_of(app), taskId=task["id"])
    answer = await owner.client.get(export["downloadUrl"])
    assert answer.status_code == 200
    return answer.content


def column(file: bytes, heading: str) -> list[Any]:
    """The cells under a heading."""
    headings, *rows = openpyxl.load_workbook(BytesIO(file))["Links"].iter_rows()
    at = [cell.value for cell in headings].index(heading)
    return [row[at] for row in rows]


async def test_every_cell_is_the_text_that_was_issued(app: Starlette, door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    kept = [cell for cell in CELLS if "\t" not in cell]
    await owner.issue(task["id"], candidates=[{"fullName": cell, "externalId": cell} for cell in kept], group=CELLS[0])

    file = await downloaded(app, owner, task)

    for heading in ("Candidate", "External id"):
        cells = column(file, heading)
        assert [unescape(cell.value) for cell in cells] == kept  # _x005F_ is how a file says _, where it must
        assert {cell.data_type for cell in cells} == {"s"}
        assert {cell.hyperlink for cell in cells} == {None}
    assert {cell.value for cell in column(file, "Group")} == {CELLS[0]}
    with ZipFile(BytesIO(file)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml")
        assert not [name for name in parts.namelist() if "_rels/sheet" in name or "external" in name.lower()]
    assert b"<f>" not in sheet
    assert b"<hyperlink" not in sheet


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: ascii(name)[:12])
async def test_what_is_no_line_of_text_is_refused_before_it_is_kept(door: Door, name: str) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    answer = await owner.mutate(ISSUE_TICKETS, taskId=task["id"], candidates=[{"fullName": name}])

    assert answer["__typename"] == "InvalidCandidates"
    assert [problem["field"] for problem in answer["problems"]] == ["fullName"]
    assert await Ticket.all().count() == 0


async def test_what_was_kept_all_the_same_is_visibly_changed_or_cut(app: Starlette, door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task(proctoring="CONFERENCE")
    await owner.issue(task["id"], 2)
    await Candidate.filter().update(full_name="a\x1bb\r\n=cmd()")
    await Ticket.filter().update(meeting_url="https://meet.example/" + "x" * 1_900)

    file = await downloaded(app, owner, task)

    assert [cell.value for cell in column(file, "Candidate")] == ["a\ufffdb\n=cmd()"] * 2
    assert {len(cell.value) for cell in column(file, "Meeting link")} == {1_921}
