"""What a field says of itself besides its type, so that a read can be planned: resolvers and planner share it.

A plain attribute needs to say nothing: it is the column of its name. What says nothing and is no column is resolved in
Python, which is always right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID

from models.actor import ActorKind, Permission
from models.base import Row

if TYPE_CHECKING:
    from schema.loader import Loader

_KEY, _LOADS = "declared", "loads"


class Place(Protocol):
    """A row in a statement that is being written."""

    @property
    def row(self) -> str:
        """The row's name in the statement."""

    @property
    def model(self) -> type[Row]:
        """What it is a row of."""

    def may(self, permission: Permission) -> bool:
        """Whether whoever asks is allowed this."""

    def now(self) -> str:
        """The moment of asking."""

    def number(self, column: str) -> str:
        """The float in the column as JSON text."""

    def boolean(self, column: str) -> str:
        """The truth in the column as JSON text."""

    def base_url(self) -> str:
        """What the installation's addresses begin with."""

    def related(self, model: type[Row], key: str, value: Callable[[Place], str]) -> str:
        """The value of the row of `model` that the column `key` points at."""


@dataclass(frozen=True)
class Expression:
    """The value is this SQL, of the type that the field has in GraphQL.

    `is_plain` text needs no escapes in JSON; what `is_json` already says null by NULL. `of` names the columns that it
    is computed of; without it in Python the whole row is read.
    """

    sql: Callable[[Place], str]
    is_plain: bool = False
    is_json: bool = False
    of: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Relation:
    """The value is the row of `model` that the column `key` points at."""

    model: type[Row]
    key: str


@dataclass(frozen=True)
class Pages:
    """The value is a page of the rows of `model` whose column `by` is the parent's key. Staff need `permission`."""

    model: type[Row]
    by: str
    permission: Permission = Permission.READ
    asked_of_all: bool = False  # a candidate, too, needs the permission
    filter: type[Any] | None = None


@dataclass(frozen=True)
class Itself:
    """The value is the parent's own row, seen as another type."""


@dataclass(frozen=True)
class Found:
    """The value is the row of `model` whose columns have the values that `find` makes of the field's arguments.

    `find` raises what the resolver would. Staff need READ, and a candidate, too, unless it `is_candidates`.
    """

    model: type[Row]
    find: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    is_candidates: bool = True


@dataclass(frozen=True)
class ByGlobalId:
    """The value is the row with the global id in the argument `id`: of the model that its prefix names.

    A list is of those in the argument `ids`. Staff need the permission in `demanded`, or READ.
    """

    models: Mapping[str, type[Row]]
    demanded: Mapping[type[Row], Permission] = field(default_factory=dict)


@dataclass(frozen=True)
class Own:
    """The value is the row that the credential speaks for: the model for its kind, and which field has the key."""

    rows: Mapping[ActorKind, tuple[type[Row], str]]


@dataclass(frozen=True)
class Total:
    """The value is how many rows there are in all of what the parent is a page of."""


Declared = Expression | Relation | Pages | Itself | Found | ByGlobalId | Own | Total


class Load(NamedTuple):
    """Where the values of one field are found, and by which key of the parent."""

    loader: Loader[UUID, Any]
    key: Callable[[Any], UUID]
    shown: Callable[[Any, Any], Any] | None = None  # what is made of a parent and what was found for it

    async def of(self, parent: Any) -> Any:
        """The value for one parent."""
        found = await self.loader.load(self.key(parent))
        return found if self.shown is None else self.shown(parent, found)


@dataclass(frozen=True)
class Loads:
    """The value is loaded: for all parents at once, where there are many.

    `begin` makes the Load of the loaders and the field's arguments. It takes the columns `of` of the parent, and of the
    rows of `model`, besides what is selected of them, the columns `takes`.
    """

    model: type[Row]
    of: tuple[str, ...]
    begin: Callable[..., Load]
    takes: tuple[str, ...] = ()


def declared(how: Declared | None, loads: Loads | None = None) -> dict[object, Any]:
    """The declarations as metadata of a Strawberry field."""
    return {_KEY: how, _LOADS: loads}


def declaration_of(metadata: Mapping[Any, Any]) -> Declared | None:
    """The declaration in a field's metadata, if there is one."""
    found: Declared | None = metadata.get(_KEY)
    return found


def loads_of(metadata: Mapping[Any, Any]) -> Loads | None:
    """How a field is loaded, if its metadata say so."""
    found: Loads | None = metadata.get(_LOADS)
    return found
