"""From what a browser sends to drafts of answers: JSON from our script, a form where there is none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import orjson
from starlette.requests import Request

import errors
from models import QuestionKind
from services.answers import Draft
from web import cookies
from web.desk import Desk, Item

FIELD = "answer."
LIMIT = 500  # drafts in one request


async def from_script(request: Request) -> list[Draft]:
    """`{"answers": [{"questionId", "value", "sequence"}]}`. Raises BadRequest for any other shape."""
    try:
        sent = orjson.loads(await cookies.body(request))
    except orjson.JSONDecodeError:
        raise errors.BadRequest from None
    match sent:
        case {"answers": [*rows]} if len(rows) <= LIMIT:
            return [_draft(row) for row in rows]
    raise errors.BadRequest


async def from_form(request: Request, desk: Desk) -> list[Draft]:
    """Every answer of the form that is not the one we have. A blank one takes an answer back."""
    given: dict[str, list[str]] = defaultdict(list)
    for name, value in await cookies.pairs(request):
        given[name.removeprefix(FIELD)].append(value)
    sequence = desk.sequence + 1
    values = [(item, _value(item, given[item.question.id])) for item in desk.items]
    return [Draft(item.question.id, value, sequence) for item, value in values if _differs(item, value)]


def _draft(row: Any) -> Draft:
    match row:
        case {"questionId": str(question_id), "value": value, "sequence": int(sequence)} if type(sequence) is int:
            return Draft(question_id, value, sequence)
    raise errors.BadRequest


def _value(item: Item, given: Sequence[str]) -> Any:
    match item.question.kind:
        case QuestionKind.MULTIPLE_CHOICE:
            return list(given)
        case _ if not given or not given[-1].strip():
            return None
        case QuestionKind.TRUE_FALSE:
            return {"true": True, "false": False}.get(given[-1])
        case QuestionKind.NUMERIC:
            return _number(given[-1])
    return given[-1].replace("\r\n", "\n")


def _number(text: str) -> float | str:
    """The number, with a decimal comma too; what is none goes on as it is, to be refused by name."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return text


def _differs(item: Item, value: Any) -> bool:
    return bool(value != item.value if value not in (None, "", []) else item.answered)
