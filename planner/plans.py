"""What is known of each document: its plans, made once and kept until nobody has asked for them for the longest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, Generic, Protocol, TypeVar

import graphql as g

from models import Actor
from planner.given import Given, Run
from planner.selections import operation_of
from planner.sent import Sent, Signatures
from planner.sight import Sight, Unplanned

_ROWS = 1_000  # at most, in a statement that runs on the event loop: some milliseconds
_TOKEN = 320  # bytes of syntax tree for each token, by tracemalloc
_SHAPES = 8  # plans of one document, for variables that include, skip, or page in different ways


class _Plan(Protocol):
    @property
    def given(self) -> Sequence[Given]:
        """What it is made for."""

    @property
    def size(self) -> int:
        """How much of the room for plans it takes, in characters."""


P = TypeVar("P", bound=_Plan)


@dataclass(frozen=True)
class Statement:
    """A document as one SQL statement, and what it is run with.

    `roots` are the keys of what it answers. `pages` has for each list of rows the numbers of the windows that it is
    inside of, and of its own.
    """

    sql: str
    roots: Sequence[str]
    may_be_short: bool
    pages: Sequence[Sequence[int]]
    given: Sequence[Given]
    parameters: Sequence[Callable[[Run], Any]]

    def is_short(self, run: Run) -> bool:
        """Whether it is known to take no time worth a thread."""
        return self.may_be_short and sum(prod(run.given[at].window.size for at in one) for one in self.pages) <= _ROWS

    def values(self, run: Run) -> list[Any]:
        """What it is run with."""
        return [value(run) for value in self.parameters]

    @property
    def size(self) -> int:
        """See _Plan."""
        return len(self.sql)


@dataclass
class Variants(Generic[P]):
    """The plans of one document in one tier; `are_possible` is False when there can be none."""

    plans: list[P] = field(default_factory=list)
    are_possible: bool = True

    def fitting(self, sent: Sent) -> tuple[P, Sequence[Any]] | None:
        """The plan for these variables, and what is given with them."""
        for plan in self.plans:
            found = []
            for one in plan.given:
                value = one.known if one.is_known else one.find(sent)
                if not one.is_known and one.shape(value) != one.expected:
                    break
                found.append(value)
            else:
                return plan, found
        return None


@dataclass
class Known:
    """An operation of a document."""

    schema: g.GraphQLSchema
    document: g.DocumentNode
    name: str | None
    statements: dict[tuple[Sight, bool], Variants[Statement]] = field(default_factory=dict)  # True for PostgreSQL
    completions: Variants[Any] = field(default_factory=Variants)
    size: int = 0
    has_come: bool = False
    _last: tuple[Actor, bool, Variants[Statement]] | None = None  # who asked last, and what was found for them

    def written_for(self, actor: Actor, *, is_postgres: bool) -> Variants[Statement]:
        """Its statements for those who may see what this actor may. Raises Unplanned for somebody without one."""
        if self._last is not None and self._last[0] is actor and self._last[1] is is_postgres:
            return self._last[2]
        found = self.statements.setdefault((Sight.of(actor), is_postgres), Variants())
        self._last = actor, is_postgres, found
        return found

    def comes_again(self) -> bool:
        """Whether it was asked for before; from now on it was."""
        before, self.has_come = self.has_come, True
        return before

    @cached_property
    def operation(self) -> g.OperationDefinitionNode:
        """The operation that is asked for. Raises Unplanned when that is not clear."""
        found = operation_of(self.document, self.name)
        if found is None:
            raise Unplanned
        return found

    @cached_property
    def signatures(self) -> Signatures:
        """The variables that it takes. Raises Unplanned for a type that is not in the schema."""
        return Signatures(self.schema, self.operation.variable_definitions or ())


class Plans:
    """At most so many operations, which with their plans take the room of so many characters."""

    def __init__(self, most: int, characters: int) -> None:
        self._most, self._room = most, characters
        self._known: OrderedDict[tuple[str, str | None], Known] = OrderedDict()

    def known(self, schema: g.GraphQLSchema, text: str, document: g.DocumentNode, name: str | None) -> Known:
        """What is known of the operation; nothing yet if it is new."""
        found = self._known.get((text, name))
        if found is None:
            found = self._known[text, name] = Known(
                schema, document, name, size=len(text) + _TOKEN * document.token_count
            )
            self._room -= found.size
            self._make_room()
        self._known.move_to_end((text, name))
        return found

    def fitting(
        self, known: Known, variants: Variants[P], sent: Sent, make: Callable[[], P]
    ) -> tuple[P, Sequence[Any]]:
        """The plan for these variables, made if there is none yet, and what is given with them. Raises Unplanned."""
        found = variants.fitting(sent)
        if found is None:
            plan = make()
            if len(variants.plans) >= _SHAPES:
                self._grow(known, -variants.plans.pop(0).size)
            variants.plans.append(plan)
            self._grow(known, plan.size)
            found = plan, [one.known if one.is_known else one.find(sent) for one in plan.given]
        return found

    def _grow(self, known: Known, size: int) -> None:
        known.size += size
        self._room -= size
        self._make_room()

    def _make_room(self) -> None:
        while len(self._known) > 1 and (len(self._known) > self._most or self._room < 0):
            _, dropped = self._known.popitem(last=False)
            self._room += dropped.size
