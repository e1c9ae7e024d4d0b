"""A spreadsheet whose every cell is text, written row by row in constant memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Self

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

CELL_LIMIT = 32_767  # Excel's, in UTF-16 units
ROWS_PER_SHEET = 1_048_575  # Excel's, less the header

# Markup, what cannot be written, what looks like one of Excel's escapes; and what takes two units, for its length.
_SPECIAL = re.compile("[^\t\n\x20-\x25\x27-\x3b\x3d\x3f-\ud7ff\ue000-\ufffd]|_x[0-9A-Fa-f]{4}_")
_UNWRITABLE = re.compile("\r\n?|[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Column:
    """A heading, and how wide its column is in characters."""

    heading: str
    width: int


class TextSheet(Worksheet):  # type: ignore[misc]  # XlsxWriter has no py.typed
    """A worksheet whose rows of text are written at once, as XlsxWriter would cell by cell in many times as long."""

    def append(self, row: int, texts: Sequence[str | None], style: Format | None = None) -> None:
        """Write the next row. Raises SpreadsheetRefused for one that the sheet cannot have."""
        if self._check_dimensions(row, 0) or self._check_dimensions(row, len(texts) - 1):
            raise SpreadsheetRefused(f"row {row}")
        self.previous_row = row
        number, look = row + 1, f' s="{style._get_xf_index()}"' if style else ""  # noqa: SLF001  so do its own cells
        whole = "".join(filter(None, texts))
        if len(whole) > CELL_LIMIT or _SPECIAL.search(whole):
            texts = [text and self._escape_data(self._escape_control_characters(as_text(text))) for text in texts]
        cells = [
            f'<c r="{_letter(at)}{number}"{look} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
            for at, text in enumerate(texts)
            if text
        ]
        self.fh.write(f'<row r="{number}">{"".join(cells)}</row>')


_letter = cache(xl_col_to_name)


class Spreadsheet:
    """An .xlsx file at `path`: the sheet `title`, then `title 2` and so on, each with a header that stays in view.

    A context manager that ends what it opened; `close` makes the file. Temporary files are made beside it.
    """

    def __init__(
        self, path: Path, title: str, columns: Sequence[Column], made_at: datetime, rows_per_sheet: int = ROWS_PER_SHEET
    ) -> None:
        self.rows = 0
        self._title = title
        self._columns = columns
        self._rows_per_sheet = rows_per_sheet
        never = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        self._book = Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent), **never})
        self._book.set_properties({"created": made_at.replace(tzinfo=None)})
        self._bold = self._book.add_format({"bold": True})
        self._begin_sheet()

    def write(self, rows: Iterable[Sequence[str | None]]) -> None:
        """Append rows; nothing of them is kept in memory. Raises SpreadsheetRefused when a cell cannot be written."""
        for row in rows:
            if self._row == self._rows_per_sheet:
                self._end_sheet()
                self._begin_sheet()
            self._row += 1
            self._write_row(row)
            self.rows += 1

    def close(self) -> None:
        """Put the file together."""
        self._end_sheet()
        self._book.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        for sheet in self._book.worksheets():
            sheet.row_data_fh.close()  # after `close` they are closed already

    def _begin_sheet(self) -> None:
        number = len(self._book.worksheets()) + 1
        name = self._title if number == 1 else f"{self._title} {number}"
        self._sheet = self._book.add_worksheet(name, worksheet_class=TextSheet)
        self._row = 0
        for index, column in enumerate(self._columns):
            self._sheet.set_column(index, index, column.width)
        self._sheet.freeze_panes(1, 0)
        self._write_row([column.heading for column in self._columns], self._bold)

    def _end_sheet(self) -> None:
        self._sheet.autofilter(0, 0, self._row, len(self._columns) - 1)

    def _write_row(self, row: Sequence[str | None], style: Format | None = None) -> None:
        self._sheet.append(self._row, row, style)


class SpreadsheetRefused(Exception):
    """XlsxWriter did not take a cell as it was given; the message says where, never what."""


def as_text(value: str) -> str:
    """What a cell shows: the value itself, or visibly changed where a spreadsheet cannot hold it.

    Characters that XML or Excel forbids become U+FFFD, line ends become line feeds, and what is too long ends in `…`.
    """
    value = _UNWRITABLE.sub(_substitute, value)
    if len(value) <= CELL_LIMIT // 2:
        return value
    units = value.encode("utf-16-le")
    return value if len(units) <= 2 * CELL_LIMIT else units[: 2 * CELL_LIMIT - 2].decode("utf-16-le", "ignore") + "…"


def _substitute(unwritable: re.Match[str]) -> str:
    return "\n" if unwritable[0].startswith("\r") else "\ufffd"
