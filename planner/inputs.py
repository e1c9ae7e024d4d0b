"""Reads what is sent as its types say: what graphql-core coerces and Strawberry converts, in one step.

Only what is right is described here. Whatever is not is left to graphql-core, which says what is wrong with it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import graphql as g
from strawberry.types.base import StrawberryMaybe, StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from planner.sight import Unplanned

Read = Callable[[Any], Any]  # of one value as JSON has it. Raises Unplanned for one that is wrong


def read(kind: g.GraphQLInputType) -> Read:
    """How a value of this type is read. Raises Unplanned for a type that is not described here."""
    if isinstance(kind, g.GraphQLNonNull):
        return _not_null(kind.of_type)
    some = _not_null(kind)
    return lambda sent: None if sent is None else some(sent)


def _not_null(kind: Any) -> Read:
    match kind:
        case g.GraphQLList(of_type=inner):
            return _list(read(inner))
        case g.GraphQLInputObjectType():
            return Members(kind).read
        case g.GraphQLScalarType(name="String" | "ID"):
            other = _leaf(kind)
            return lambda sent: sent if type(sent) is str else other(sent)
    return _leaf(kind)


def _leaf(kind: Any) -> Read:
    def one(sent: Any) -> Any:
        if sent is None:
            raise Unplanned
        try:
            return kind.coerce_input_value(sent)
        except Exception as wrong:
            raise Unplanned from wrong

    return one


def _list(item: Read) -> Read:
    def items(sent: Any) -> list[Any]:
        if type(sent) is list:
            return [item(one) for one in sent]
        return [item(sent)]  # a list of one

    return items


class Member(NamedTuple):
    """A field of an input object: its name in GraphQL and in Python, and what it is when nobody says."""

    name: str
    attribute: str
    definition: g.GraphQLInputField
    absent: Callable[[], Any]
    is_made: bool  # `absent` makes another each time


class Members:
    """The fields of an input object."""

    def __init__(self, kind: g.GraphQLInputObjectType) -> None:
        shown = (kind.extensions or {}).get("strawberry-definition")
        if not isinstance(shown, StrawberryObjectDefinition) or shown.from_input or kind.is_one_of:
            raise Unplanned
        self._make = shown.origin
        self.all = [_member(name, field) for name, field in kind.fields.items()]
        self._names = kind.fields.keys()
        self._read = {one.name: (one.attribute, read(one.definition.type)) for one in self.all}
        self._required = {one.name for one in self.all if one.absent is _refused}
        optional = [one for one in self.all if one.absent is not _refused]
        self._usual = {one.attribute: one.absent() for one in optional if not one.is_made}
        self._made = [(one.attribute, one.absent) for one in optional if one.is_made]

    def read(self, sent: Any) -> Any:
        """The object. Raises Unplanned for one that is wrong."""
        if type(sent) is not dict or not self._required <= sent.keys() <= self._names:
            raise Unplanned
        found = {**self._usual, **{attribute: absent() for attribute, absent in self._made}}
        for name, value in sent.items():
            attribute, of = self._read[name]
            found[attribute] = of(value)
        return self._make(**found)

    def made(self, values: Sequence[Any]) -> Any:
        """The object with these values, read already, in the order of the fields."""
        pairs = zip(self.all, values, strict=True)
        return self._make(**{one.attribute: one.absent() if value is g.Undefined else value for one, value in pairs})


def _member(name: str, definition: g.GraphQLInputField) -> Member:
    shown = (definition.extensions or {}).get("strawberry-definition")
    if not isinstance(shown, StrawberryField) or isinstance(shown.type, StrawberryMaybe):
        raise Unplanned
    is_made = callable(shown.default_factory)
    return Member(name, str(shown.python_name), definition, _absent(definition, shown), is_made)


def _absent(definition: g.GraphQLInputField, shown: StrawberryField) -> Callable[[], Any]:
    if g.is_required_input_field(definition):
        return _refused
    if callable(shown.default_factory):
        return shown.default_factory
    value = None if shown.default_value is dataclasses.MISSING else shown.default_value
    return lambda: value


def _refused() -> Any:
    raise Unplanned
