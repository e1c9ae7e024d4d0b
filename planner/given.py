"""What is sent with a document: the part that decides how its statement looks, and the part that it is run with."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import graphql as g

from models import Actor
from planner.sent import Sent
from planner.sight import Unplanned


@dataclass(frozen=True)
class Given:
    """Something worked out of the variables: `find` does, and `shape` says what of it the statement depends on."""

    find: Callable[[Sent], Any]
    shape: Callable[[Any], Hashable]
    expected: Hashable
    is_known: bool = False  # there is no variable in it
    known: Any = None


def holds(directive: g.DirectiveNode, sent: Sent, given: list[Given]) -> bool:
    """Whether the condition of `@include` or `@skip` holds; if a variable decides it, that is among what is given."""
    match directive.arguments:
        case [g.ArgumentNode(value=g.BooleanValueNode(value=known))]:
            return known
        case [g.ArgumentNode(value=g.VariableNode(name=g.NameNode(value=name)))]:
            held = sent.flag(name)
            given.append(Given(lambda sent: sent.flag(name), bool, held))
            return held
    raise Unplanned


def variables(node: g.ArgumentNode) -> int:
    """How many variables are in an argument, at most: a text may look like one."""
    return g.print_ast(node).count("$")


@dataclass
class Run:
    """One use of a plan."""

    actor: Actor
    now: datetime
    given: Sequence[Any]
    context: Any


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
