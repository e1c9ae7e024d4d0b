"""What a form carries to prove that our own page made it: a short-lived token where there is no cookie yet."""

from __future__ import annotations

from datetime import timedelta

import errors
from models import clock
from services.site import Site

PURPOSE = "form"
GOOD_FOR = timedelta(hours=12)  # a page may stay open over night


def make(site: Site, name: str) -> str:
    """A token for the form of this name."""
    until = int((clock.now() + GOOD_FOR).timestamp())
    return f"{until}.{site.keys.stamp(PURPOSE, f'{name}.{until}')}"


def is_good(site: Site, name: str, token: str) -> bool:
    """Whether we made this token for this form, not too long ago."""
    until, _, tag = token.partition(".")
    return site.keys.check(PURPOSE, f"{name}.{until}", tag) and until.isdigit() and clock.now().timestamp() < int(until)


def must_be_good(site: Site, name: str, token: str) -> None:
    """Raise BadRequest for a form that we did not make, or made too long ago."""
    if not is_good(site, name, token):
        raise errors.BadRequest("This page was open for too long: go back to it and try again.")


def of_welcome(slug: str) -> str:
    """The name of the code form on a task's Welcome page."""
    return f"/t/{slug}"
