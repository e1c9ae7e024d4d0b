"""What is sent with a document: the part that decides how its statement looks, and the part that it is run with."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from graphql.execution.values import VariableValues

from models import Actor


@dataclass(frozen=True)
class Given:
    """Something worked out of the variables: `find` does, and `shape` says what of it the statement depends on."""

    find: Callable[[VariableValues], Any]
    shape: Callable[[Any], Hashable]
    expected: Hashable


@dataclass
class Run:
    """One use of a plan."""

    actor: Actor
    now: datetime
    given: Sequence[Any]


@dataclass
class Parameters:
    """The parameters of a statement that is being written, each once."""

    place: Callable[[int], str]
    values: list[Callable[[Run], Any]] = field(default_factory=list)
    _numbers: dict[Hashable, int] = field(default_factory=dict)

    def put(self, key: Hashable, value: Callable[[Run], Any]) -> str:
        """Where the value stands in the statement; the same place for the same key."""
        if key not in self._numbers:
            self.values.append(value)
            self._numbers[key] = len(self.values)
        return self.place(self._numbers[key])
