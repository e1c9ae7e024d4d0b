"""The one writer of every status: checks the state table, compares and sets, and records the event."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar

import errors
from models import event
from models.actor import Actor
from models.base import Owned
from models.changes import update

Moves = Mapping[Any, frozenset[Any]]


class Stateful(Owned):
    """A row whose status moves only as its table says."""

    MOVES: ClassVar[Moves]
    moved: ClassVar[event.EventType]
    status: Any

    class Meta:
        abstract = True

    def concerns(self) -> dict[str, Any]:
        """The task, ticket and session that an event about this row is filed under."""
        return {}


async def move(row: Stateful, to: StrEnum, actor: Actor, **changes: Any) -> None:
    """Set the status (and `changes`) if the table allows it and nobody else was quicker.

    Raises MoveNotAllowed, having changed nothing, otherwise.
    """
    was = row.status
    if to not in row.MOVES[was]:
        raise errors.MoveNotAllowed(was, to)
    if not await update(type(row), {"id": row.id, "status": was}, {"status": to, **changes}):
        await row.refresh_from_db(fields=["status"])
        raise errors.MoveNotAllowed(row.status, to)
    vars(row).update(changes, status=to)
    event.record(row.moved, row.gid, actor, **row.concerns(), **{"from": was, "to": to})


def begin(row: Stateful, actor: Actor, **payload: Any) -> None:
    """Record the first status of a row that was just made."""
    event.record(row.moved, row.gid, actor, **row.concerns(), **{"from": None, "to": row.status}, **payload)
