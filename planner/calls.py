"""Calls a field's own function: what Strawberry's chain around it comes to, where nothing else stands in that chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import graphql as g
import strawberry

from planner import arguments
from planner.sight import Unplanned
from planner.statement import strawberry_field
from schema.refusals import HANDLERS

_Handlers = Sequence[Any]


class Call:
    """A field in one place of a document, its arguments read from the operation's variables.

    Raises Unplanned for a field that Strawberry surrounds with more than it does every field.
    """

    def __init__(self, definition: g.GraphQLField, node: g.FieldNode) -> None:
        field = strawberry_field(definition)
        own = field.base_resolver if field else None
        if field is None or own is None or field.extensions:
            raise Unplanned
        self._field = field
        self._function: Any = own.wrapped_func
        self._is_method = own.self_parameter is not None
        self._sources = [one.name for one in (own.parent_parameter, own.root_parameter) if one]
        self._info = own.info_parameter.name if own.info_parameter else None
        self._handlers = _handlers(definition.type)
        self.arguments = arguments.of_field(definition, node)

    def __call__(self, source: Any, info: Callable[[], Any], given: dict[str, Any]) -> Any:
        """What the function answers, or something to wait for."""
        if self._sources:
            given = given | dict.fromkeys(self._sources, source)
        sources = (source,) if self._is_method else ()
        if self._info is None and not self._handlers:
            return self._function(*sources, **given)
        shown = strawberry.Info(_raw_info=info(), _field=self._field)
        if self._info is not None:
            given = given | {self._info: shown}
        answer = self._function(*sources, **given)
        return self._refused(answer, shown) if self._handlers else answer

    async def _refused(self, answer: Awaitable[Any], info: Any) -> Any:
        try:
            return await answer
        except Exception as failure:
            for one in self._handlers:
                if isinstance(failure, one.exception_type):
                    return one.handle(failure, field=self._field, info=info)
            raise


def _handlers(kind: Any) -> _Handlers:
    named = g.get_named_type(kind)
    names = {one.name for one in named.types} if isinstance(named, g.GraphQLUnionType) else set()
    return [one for one in HANDLERS if one.error_type.__name__ in names]
