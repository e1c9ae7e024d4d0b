"""Which candidates' rows are fit to be kept; every bad row is named, and no message repeats what it held."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import orjson
from email_validator import EmailNotValidError, validate_email

import errors
from errors import Problem
from models import bulk
from services import texts

NAME = 200
EMAIL = 254
ATTRIBUTES = 10_000
EXTRA_TIME = 400
_AT_ONCE = 100  # rows looked at before others get their turn: an unusual address takes its time

# Nearly every address there is, in a microsecond; the rest (other scripts, quoted) are asked of email-validator.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN = re.compile(rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class Described(Protocol):
    """What somebody says of a candidate, as it came."""

    @property
    def full_name(self) -> str:
        """Their name."""

    @property
    def email(self) -> str | None:
        """Their e-mail address."""

    @property
    def external_id(self) -> str | None:
        """The organization's own number for them."""

    @property
    def attributes(self) -> Any:
        """Whatever else is kept of them, an object."""

    @property
    def extra_time_percent(self) -> int | None:
        """This much more time for each test."""

    @property
    def meeting_url(self) -> str | None:
        """Their own conference."""


class NewCandidate(NamedTuple):
    """A candidate who is about to be given a ticket."""

    full_name: str
    email: str | None = None
    external_id: str | None = None
    attributes: Any = None
    extra_time_percent: int = 0
    meeting_url: str | None = None


async def checked(candidates: Sequence[Described]) -> list[NewCandidate]:
    """The candidates as they are stored. Raises InvalidCandidates naming every bad row."""
    problems: list[Problem] = []
    stored: list[NewCandidate] = []
    async for some in bulk.Turns(candidates, _AT_ONCE):
        for candidate in some:
            problems += _problems(len(stored), candidate)
            stored.append(_stored(candidate))
    if problems:
        raise errors.InvalidCandidates(problems)
    return stored


def _stored(candidate: Described) -> NewCandidate:
    return NewCandidate(
        candidate.full_name.strip(),
        (candidate.email or "").strip() or None,
        (candidate.external_id or "").strip() or None,
        candidate.attributes or {},
        candidate.extra_time_percent or 0,
        candidate.meeting_url or None,
    )


def _problems(index: int, candidate: Described) -> Iterator[Problem]:
    if wrong := texts.problem_of_line(candidate.full_name, NAME):
        yield Problem(index, "fullName", wrong)
    if candidate.email and candidate.email.strip() and not _is_email(candidate.email.strip()):
        yield Problem(index, "email", "This is not an e-mail address.")
    external = candidate.external_id
    if external and external.strip() and (wrong := texts.problem_of_line(external, NAME)):
        yield Problem(index, "externalId", wrong)
    if wrong := _problem_of_attributes(candidate.attributes):
        yield Problem(index, "attributes", wrong)
    if not 0 <= (candidate.extra_time_percent or 0) <= EXTRA_TIME:
        yield Problem(index, "extraTimePercent", f"Give between 0 and {EXTRA_TIME} percent.")
    if candidate.meeting_url and (wrong := texts.problem_of_meeting(candidate.meeting_url)):
        yield Problem(index, "meetingUrl", wrong)


def _is_email(address: str) -> bool:
    if texts.problem_of_line(address, EMAIL):
        return False
    if _PLAIN.fullmatch(address):
        return True
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _problem_of_attributes(attributes: Any) -> str | None:
    if attributes is None:
        return None
    if not isinstance(attributes, dict):
        return "Attributes are an object."
    try:
        text = orjson.dumps(attributes)
    except TypeError:  # lone surrogates, numbers beyond 64 bits, nested too deep
        return "This cannot be kept as JSON."
    if len(text) > ATTRIBUTES:
        return f"This is longer than {ATTRIBUTES:,} bytes."
    return "Control characters cannot be kept." if _NUL.search(text) else None
