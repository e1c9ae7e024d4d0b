"""The docs say what the code does: the state tables and the errors are compared with it."""

from __future__ import annotations

from pathlib import Path

import errors
from models.assessment import Assessment
from models.moves import Stateful
from models.session import TestSession
from models.task import Task
from models.test import Test
from models.ticket import Ticket

DOCS = Path(__file__).parent.parent / "docs"
STATEFUL: dict[str, type[Stateful]] = {
    "Test": Test,
    "Task": Task,
    "Ticket": Ticket,
    "Assessment": Assessment,
    "Test session": TestSession,
}


def test_the_state_tables_in_the_docs_are_those_of_the_code() -> None:
    text = (DOCS / "states.md").read_text()

    shown = {heading: _rows(text.split(f"## {heading}\n")[1].split("\n## ")[0]) for heading in STATEFUL}

    assert shown == {heading: _moves(model) for heading, model in STATEFUL.items()}


def test_every_refusal_and_code_is_in_the_docs() -> None:
    shown = _rows((DOCS / "errors.md").read_text())

    made = {one.__name__: one.__doc__ or "" for one in errors.Refused.__subclasses__()}
    codes = {one.code: one.__doc__ or "" for one in errors.Rejected.__subclasses__()}

    expected = {name: doc.splitlines()[0] for name, doc in {**made, **codes}.items()}
    assert {name: cell for name, cell in shown.items() if name != "INTERNAL"} == expected


def _rows(text: str) -> dict[str, str]:
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip("` "): row[-1].strip() for row in rows}


def _moves(model: type[Stateful]) -> dict[str, str]:
    return {
        status.value: ", ".join(f"`{to.value}`" for to in (one for one in type(status) if one in moves))
        or "none: final"
        for status, moves in model.MOVES.items()
    }
