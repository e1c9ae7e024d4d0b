"""Cells are text whatever they hold, sheets follow one another, and memory stays flat."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

import openpyxl
import pytest

from services.spreadsheet import Column, Spreadsheet, as_text
from tests.world import Clock

COLUMNS = (Column("Name", 20), Column("Link", 60))


def make(path: Path, rows: Sequence[Sequence[str | None]], **options: Any) -> openpyxl.Workbook:
    """The workbook that these rows make, as openpyxl reads it back."""
    with Spreadsheet(path / "made.xlsx", "Links", COLUMNS, Clock().time, **options) as sheet:
        sheet.write(rows)
        sheet.close()
    return openpyxl.load_workbook(path / "made.xlsx")


@pytest.mark.parametrize(
    "text",
    [
        "=cmd()|' /C calc'!A0",
        "{=1+1}",
        "=1+1",
        "+49 30 123456",
        "-1",
        "@SUM(A1)",
        "12",
        "1e9",
        "TRUE",
        "http://example.org/a?b=c&d=<e>",
        "mailto:ada@example.org",
        "internal:Links!A1",
        "file:///etc/passwd",
        "<r>rich & not markup</r>",
        "<r></t></is></c><c r='B2'><f>cmd()</f></c></r>",
        "  spaces kept  ",
        "two\nlines",
        "Zoë Müller 王 😀",
    ],
)
def test_a_cell_is_the_text_it_was_given(tmp_path: Path, text: str) -> None:
    book = make(tmp_path, [[text, None]])

    cell = book["Links"]["A2"]
    assert (cell.value, cell.hyperlink) == (text, None)
    assert cell.data_type in {"s", "inlineStr"}
    assert book["Links"]["B2"].value is None


def test_the_file_has_no_formula_and_no_link(tmp_path: Path) -> None:
    make(tmp_path, [["=1+1", "https://example.org"], ["<r></t></is></c><c r='B3'><f>1+1</f></c></r>", "{=A1}"]])

    with ZipFile(tmp_path / "made.xlsx") as parts:
        sheet = ElementTree.fromstring(parts.read("xl/worksheets/sheet1.xml"))
        names = parts.namelist()
    tags = {element.tag.rpartition("}")[2] for element in sheet.iter()}
    assert not tags & {"f", "hyperlink", "hyperlinks"}
    assert not [name for name in names if "_rels/sheet" in name]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a\0b", "a\ufffdb"),
        ("a\ud800b", "a\ufffdb"),
        ("\x1b[31m", "\ufffd[31m"),
        ("a\uffffb\ufffe", "a\ufffdb\ufffd"),
        ("a\r\nb\rc", "a\nb\nc"),
    ],
)
def test_what_a_sheet_cannot_hold_is_replaced_visibly(tmp_path: Path, given: str, shown: str) -> None:
    book = make(tmp_path, [[given, "after"]])

    assert [cell.value for cell in book["Links"][2]] == [shown, "after"]


def test_a_text_too_long_is_cut_visibly(tmp_path: Path) -> None:
    book = make(tmp_path, [["x" * 40_000, "y" * 32_767]])

    cut, whole = (cell.value for cell in book["Links"][2])
    assert cut == "x" * 32_766 + "…"
    assert whole == "y" * 32_767


def test_a_character_of_two_units_is_not_cut_in_half() -> None:
    assert as_text("😀" * 16_383 + "x") == "😀" * 16_383 + "x"
    assert as_text("😀" * 16_384) == "😀" * 16_383 + "…"
    assert as_text("x" + "😀" * 20_000) == "x" + "😀" * 16_382 + "…"


def test_the_header_is_bold_frozen_and_filtered(tmp_path: Path) -> None:
    sheet = make(tmp_path, [["Ada", "a"], ["Ben", "b"]])["Links"]

    assert [cell.value for cell in sheet[1]] == ["Name", "Link"]
    assert all(cell.font.b for cell in sheet[1])
    assert not sheet["A2"].font.b
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:B3"
    assert [round(sheet.column_dimensions[column].width) for column in "AB"] == [21, 61]


def test_a_spreadsheet_without_rows_has_its_header(tmp_path: Path) -> None:
    book = make(tmp_path, [])

    assert list(book["Links"].values) == [("Name", "Link")]
    assert book["Links"].auto_filter.ref == "A1:B1"


def test_a_full_sheet_is_followed_by_another(tmp_path: Path) -> None:
    book = make(tmp_path, [[f"n{number}", "x"] for number in range(7)], rows_per_sheet=3)

    assert book.sheetnames == ["Links", "Links 2", "Links 3"]
    assert [[row[0] for row in sheet.values] for sheet in book] == [
        ["Name", "n0", "n1", "n2"],
        ["Name", "n3", "n4", "n5"],
        ["Name", "n6"],
    ]
    assert [sheet.auto_filter.ref for sheet in book] == ["A1:B4", "A1:B4", "A1:B2"]
    assert [sheet.freeze_panes for sheet in book] == ["A2", "A2", "A2"]


def test_seventy_thousand_links_fit_in_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "made.xlsx"
    tracemalloc.start()

    with Spreadsheet(path, "Links", COLUMNS, Clock().time) as sheet:
        sheet.write([f"Candidate {number}", f"https://admit.test/t/x/{number}"] for number in range(70_000))
        sheet.close()

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with closing(openpyxl.load_workbook(path, read_only=True)) as book:
        rows = list(book["Links"].iter_rows(values_only=True))
    assert len(rows) == 70_001
    assert rows[-1] == ("Candidate 69999", "https://admit.test/t/x/69999")
    assert peak < 4_000_000  # the same rows as Python strings alone take more than 10 MB


def test_an_abandoned_spreadsheet_holds_nothing_open(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Spreadsheet(tmp_path / "made.xlsx", "Links", COLUMNS, Clock().time) as sheet:
        sheet.write([["Ada", "a"]])
        raise KeyError

    assert not (tmp_path / "made.xlsx").exists()
