"""What lists can be narrowed by, as clients send it."""

from __future__ import annotations

import re
from typing import TypeVar

import strawberry

import errors
from models import filters
from schema.enums import TaskStatus, TestSessionStatus, TicketStatus
from schema.node import optional

T = TypeVar("T")

_LONGEST = 320
_NEVER = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@strawberry.input(description="Narrows a list of tasks: every condition given must hold.")
class TaskFilter:
    """Conditions on tasks."""

    status: list[TaskStatus] | None = optional("Has one of these statuses.")
    text: str | None = optional("The name contains this, in any case.")

    def to_model(self) -> filters.TaskFilter:
        """The same in the models' words."""
        return filters.TaskFilter(_statuses(self.status), _text(self.text))


@strawberry.input(description="Narrows a list of tickets: every condition given must hold.")
class TicketFilter:
    """Conditions on tickets."""

    status: list[TicketStatus] | None = optional("Has one of these statuses, as the clock shows them.")
    group: str | None = optional("Is in this group.")
    label: str | None = optional("Has this label.")
    external_id: str | None = optional("The candidate has this external id.")
    text: str | None = optional("The candidate's name, e-mail address or external id contains this, in any case.")

    def to_model(self) -> filters.TicketFilter:
        """The same in the models' words."""
        return filters.TicketFilter(
            _statuses(self.status), _text(self.group), _text(self.label), _text(self.external_id), _text(self.text)
        )


@strawberry.input(description="Narrows a list of test sessions: every condition given must hold.")
class TestSessionFilter:
    """Conditions on test sessions."""

    __test__ = False

    status: list[TestSessionStatus] | None = optional("Has one of these statuses.")
    group: str | None = optional("The ticket is in this group.")
    label: str | None = optional("The ticket has this label.")
    external_id: str | None = optional("The candidate has this external id.")
    text: str | None = optional("The candidate's name, e-mail address or external id contains this, in any case.")

    def to_model(self) -> filters.TestSessionFilter:
        """The same in the models' words."""
        return filters.TestSessionFilter(
            _statuses(self.status), _text(self.group), _text(self.label), _text(self.external_id), _text(self.text)
        )


def _statuses(given: list[T] | None) -> tuple[T, ...] | None:
    return None if given is None else tuple(dict.fromkeys(given))  # each once, however often it is said


def _text(given: str | None) -> str | None:
    """Raises BadRequest for what no row can hold, which the two databases would take differently."""
    if given is not None and (len(given) > _LONGEST or _NEVER.search(given)):
        raise errors.BadRequest("A filter's text is one line without control characters.")
    return given
