"""The short way: a document that is known to be valid is answered without entering Strawberry.

It is charged as every other, and everything that is not plain success goes the long way, which says what there is to
say: nothing is read, resolved or charged twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import graphql as g
import orjson
from strawberry.types.graphql import OperationType

import errors
from planner.tiers import ANSWERS, Asked, Planner
from schema.bounds import Bounds
from schema.context import Context
from schema.documents import Known, Shelf, charged, guard_of


class Front:
    """Answers the documents on the shelf."""

    def __init__(self, planner: Planner, shelf: Shelf, bounds: Bounds) -> None:
        self.planner, self._shelf = planner, shelf
        self._guard = guard_of(planner.schema, bounds)

    def knows(self, text: str) -> bool:
        """Whether the document is known to be valid."""
        known = self._shelf.take(text)
        return known is not None and known.faults == []

    async def answer(
        self,
        text: str,
        variables: Mapping[str, Any] | None,
        name: str | None,
        context: Context,
        allowed: Collection[OperationType],
    ) -> bytes | None:
        """The whole answer as JSON; None when the operation has to go the long way, in this context."""
        known = self._shelf.take(text)
        if known is None or known.faults != [] or context.shows_tier:
            return None
        operation = _operation(known, name)
        if operation is None or OperationType(operation.operation.value) not in allowed:
            return None
        try:
            cost, introspects = known.cost(self._guard, name, variables)
            if introspects:
                return None
            context.paid = await charged(context, cost)
        except (errors.QueryTooComplex, errors.RateLimited):
            return None
        asked = Asked(text, known.document, name, variables or {}, context.fresh(), memo=context.memo)
        found = await self.planner.answer(asked)
        if found is None:
            return None
        try:
            answer = orjson.dumps({"data": found.data, "extensions": {"cost": context.paid}})
        except orjson.JSONEncodeError:  # integers of more than 64 bits in a JSON scalar
            return None
        ANSWERS[found.tier].inc()
        return answer


def _operation(known: Known, name: str | None) -> g.OperationDefinitionNode | None:
    operations = [one for one in known.document.definitions if isinstance(one, g.OperationDefinitionNode)]
    if name is None:
        return operations[0] if len(operations) == 1 else None
    return next((one for one in operations if one.name and one.name.value == name), None)
