"""Calls a field's own function: what Strawberry's chain around it comes to, where nothing else stands in that chain."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any

import graphql as g

from planner import arguments
from planner.sight import Unplanned
from planner.statement import strawberry_field
from schema.refusals import HANDLERS


class Call:
    """A field in one place of a document, its arguments read from the operation's variables.

    Raises Unplanned for a field that Strawberry surrounds with more than it does every field.
    """

    def __init__(self, definition: g.GraphQLField, node: g.FieldNode) -> None:
        field = strawberry_field(definition)
        own = field.base_resolver if field else None
        if field is None or own is None or field.extensions:
            raise Unplanned
        self.field, self.function = field, own.wrapped_func
        self.arguments = arguments.of_field(definition, node)
        self.handlers = _handlers(definition.type)
        self._is_method, self._info = own.self_parameter is not None, own.info_parameter
        self._sources = {one.name for one in (own.parent_parameter, own.root_parameter) if one}
        self._takes = bool(definition.args)

    def written(self, source: str, info: str, arguments: str) -> str:
        """What stands between the brackets of the function's call, these being expressions."""
        parts = [source] if self._is_method else []
        parts += [f"{name}={source}" for name in self._sources]
        if self._info is not None:
            parts.append(f"{self._info.name}={info}")
        if self._takes:
            parts.append(f"**{arguments}")
        return ", ".join(parts)

    async def refused(self, answer: Awaitable[Any], info: Any) -> Any:
        """What is answered; a refusal is an answer, too."""
        try:
            return await answer
        except Exception as failure:
            for one in self.handlers:
                if isinstance(failure, one.exception_type):
                    return one.handle(failure, field=self.field, info=info)
            raise


def _handlers(kind: Any) -> Sequence[Any]:
    named = g.get_named_type(kind)
    names = {one.name for one in named.types} if isinstance(named, g.GraphQLUnionType) else set()
    return [one for one in HANDLERS if one.error_type.__name__ in names]
