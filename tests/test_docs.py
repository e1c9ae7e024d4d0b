"""The docs say what the code does: the state tables and the errors are compared with it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import errors
from models.actor import PERMISSIONS, Permission, Role
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


def test_every_scope_is_in_the_docs_with_the_roles_that_have_it() -> None:
    text = (DOCS / "credentials.md").read_text().split("| scope |")[1].split("\n\n")[0]
    shown = {
        cells[0]: (cells[1], cells[-1]) for cells in (line.strip("| ").split(" | ") for line in text.splitlines()[2:])
    }

    def having(permission: Permission) -> str:
        return ", ".join(f"`{role}`" for role in Role if permission in PERMISSIONS[role])

    assert shown == {f"`{one.name}`": (f"`{one.value}`", having(one)) for one in Permission}


def test_every_row_of_safety_is_proved_by_tests_that_exist() -> None:
    rows = re.findall(r"^\| (.+) \| (.+) \|$", (DOCS / "safety.md").read_text(), re.MULTILINE)
    claims = {what: proof for what, proof in rows if proof != "proved by"}

    named = {what: re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", proof) for what, proof in claims.items()}

    assert len(named) > 60
    assert [what for what, tests in named.items() if not tests and "waits for the webhooks" not in claims[what]] == []
    assert [test for tests in named.values() for test in tests if not _exists(*test)] == []


def _exists(file: str, name: str) -> bool:
    path = DOCS.parent / file
    return path.is_file() and (not name or name in _functions(path))


@cache
def _functions(path: Path) -> frozenset[str]:
    tree = ast.walk(ast.parse(path.read_text()))
    return frozenset(node.name for node in tree if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_link_in_the_docs_leads_somewhere() -> None:
    pages = [*DOCS.parent.glob("*.md"), *DOCS.glob("*.md"), *DOCS.glob("decisions/*.md")]

    prose = {page: re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL) for page in pages}
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose[page])]

    assert len(links) > 20
    assert [
        f"{page.name}: {link}" for page, link in links if ":" not in link and not (page.parent / link).exists()
    ] == []


def _rows(text: str) -> dict[str, str]:
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip("` "): row[-1].strip() for row in rows}


def _moves(model: type[Stateful]) -> dict[str, str]:
    return {
        status.value: ", ".join(f"`{to.value}`" for to in (one for one in type(status) if one in moves))
        or "none: final"
        for status, moves in model.MOVES.items()
    }
