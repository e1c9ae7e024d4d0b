"""Which text can be kept: the same on SQLite and PostgreSQL, in a page, a log and a spreadsheet."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import errors

URL_LIMIT = 2000

# Not str.isprintable, which refuses the wide space of Japanese names. Surrogates and NUL break PostgreSQL and UTF-8.
_NEVER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SPACE = re.compile(r"[\s\x00-\x20\x7f\\]|[^\x00-\x7f]")


def problem_of_line(value: str, limit: int) -> str | None:
    """What is wrong with one line of text that must say something; None if nothing is."""
    if not value.strip():
        return "This must not be blank."
    if len(value) > limit:
        return f"This is longer than {limit:,} characters."
    return "Control characters cannot be kept." if _NOT_IN_A_LINE.search(value) else None


def problem_of_body(value: str, limit: int) -> str | None:
    """The same for text of several lines."""
    if not value.strip():
        return "This must not be blank."
    if len(value) > limit:
        return f"This is longer than {limit:,} characters."
    return "Control characters cannot be kept." if _NEVER.search(value) else None


def problem_of_meeting(url: str) -> str | None:
    """What is wrong with the address of a conference; None if it is https and names a host."""
    if len(url) > URL_LIMIT:
        return f"This is longer than {URL_LIMIT:,} characters."
    if _SPACE.search(url):
        return "Spaces and characters beyond ASCII must be percent-encoded."
    try:
        parts = urlsplit(url)
        whole = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        whole = False
    return None if whole else "This must be an https address."


def line(field: str, value: str, limit: int = 200) -> str:
    """One line of text as it is stored. Raises InvalidInput when it is blank, too long or not text."""
    if problem := problem_of_line(value, limit):
        raise errors.InvalidInput(field, problem)
    return value.strip()


def optional_line(field: str, value: str | None, limit: int = 200) -> str | None:
    """The same, where a blank means that there is none."""
    return line(field, value, limit) if value and value.strip() else None


def optional_body(field: str, value: str | None, limit: int) -> str | None:
    """Text of several lines as it is stored; a blank means that there is none. Raises InvalidInput."""
    if not value or not value.strip():
        return None
    if problem := problem_of_body(value, limit):
        raise errors.InvalidInput(field, problem)
    return value


def meeting(field: str, url: str | None) -> str | None:
    """The address of a conference as it is stored. Raises InvalidInput unless it is https."""
    if url and (problem := problem_of_meeting(url)):
        raise errors.InvalidInput(field, problem)
    return url or None
