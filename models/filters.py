"""What lists can be narrowed by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from tortoise import Model
from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from models import labels
from models.paging import parts
from models.session import TestSession, TestSessionStatus
from models.task import Task, TaskStatus
from models.ticket import Ticket, TicketStatus, with_status


@dataclass(frozen=True)
class TaskFilter:
    """Tasks of these statuses whose name contains the text."""

    status: tuple[TaskStatus, ...] | None = None
    text: str | None = None

    def apply(self, tasks: QuerySet[Task], now: datetime) -> QuerySet[Task]:
        """The tasks that fit."""
        if self.status is not None:
            tasks = tasks.filter(status__in=self.status)
        return tasks.filter(name__icontains=self.text) if self.text else tasks


@dataclass(frozen=True)
class TicketFilter:
    """Tickets of these statuses (as the clock shows them), group, label and external id; text in the person's data."""

    status: tuple[TicketStatus, ...] | None = None
    group: str | None = None
    label: str | None = None
    external_id: str | None = None
    text: str | None = None

    def apply(self, tickets: QuerySet[Ticket], now: datetime) -> QuerySet[Ticket]:
        """The tickets that fit."""
        if self.status is not None:
            tickets = with_status(tickets, list(self.status), now)
        if self.group is not None:
            tickets = tickets.filter(group=self.group)
        if self.label is not None:
            tickets = tickets.filter(labels__contains=labels.pattern(self.label))
        return tickets.filter(*_person("candidate__", self.external_id, self.text))


@dataclass(frozen=True)
class TestSessionFilter:
    """Sessions of these statuses, of tickets with this group, label or external id; text in the person's data."""

    __test__ = False

    status: tuple[TestSessionStatus, ...] | None = None
    group: str | None = None
    label: str | None = None
    external_id: str | None = None
    text: str | None = None

    def apply(self, sessions: QuerySet[TestSession], now: datetime) -> QuerySet[TestSession]:
        """The sessions that fit."""
        if self.status is not None:
            sessions = sessions.filter(status__in=self.status)
        if self.group is not None:
            sessions = sessions.filter(ticket__group=self.group)
        if self.label is not None:
            sessions = sessions.filter(ticket__labels__contains=labels.pattern(self.label))
        return sessions.filter(*_person("ticket__candidate__", self.external_id, self.text))


def _person(path: str, external_id: str | None, text: str | None) -> list[Q]:
    conditions = []
    if external_id is not None:
        conditions.append(Q(**{f"{path}external_id": external_id}))
    if text:
        places = ("full_name", "email", "external_id")
        conditions.append(Q(*(Q(**{f"{path}{place}__icontains": text}) for place in places), join_type="OR"))
    return conditions


class Filter(Protocol):
    """What narrows a list."""

    def apply(self, rows: Any, now: datetime) -> Any:
        """The rows that fit."""


def condition(filter_: Filter, model: type[Model], now: datetime) -> tuple[str, list[Any]]:
    """What the filter asks of the row named `{row}`, as SQL with its parameters: `?` or `$1`, as Tortoise writes them.

    What is asked of the row alone can be looked up in an index. Without a condition the text is empty.
    """
    sql, values = parts(filter_.apply(model.all().only("id"), now))
    table = f'"{model._meta.db_table}"'  # noqa: SLF001  Tortoise has no public way
    tables, _, asked = sql.replace("{", "{{").replace("}", "}}").partition(" WHERE ")
    if " JOIN " not in tables:
        return asked and f"({asked.replace(f'{table}.', '{row}.')})", values
    return f'EXISTS ({tables} WHERE ({asked}) AND {table}."id" = {{row}}.id)', values
