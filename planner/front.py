"""The short way: a document that is known to be valid is answered without entering Strawberry.

It is charged as every other, and everything that is not plain success goes the long way, which says what there is to
say: nothing is read, resolved or charged twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import orjson
from strawberry.types.graphql import OperationType

import errors
from models import reading
from planner.tiers import ANSWERS, Asked, Planner, Tier
from schema.bounds import Bounds
from schema.context import Context
from schema.documents import Known, Shelf, charged, guard_of, told
from services.counters import Elsewhere


class Front:
    """Answers the documents on the shelf."""

    def __init__(self, planner: Planner, shelf: Shelf, bounds: Bounds) -> None:
        self.planner, self._shelf = planner, shelf
        self._guard = guard_of(planner.schema, bounds)

    def knows(self, text: str) -> bool:
        """Whether the document is known to be valid."""
        known = self._shelf.take(text)
        return known is not None and known.faults == []

    def at_once(
        self, text: str, variables: Mapping[str, Any] | None, name: str | None, context: Callable[[], Context | None]
    ) -> bytes | None:
        """As `answer` for a query that is known, if nobody has to be waited for; `context` says in what context."""
        known = self._shelf.take(text)
        if known is None or known.faults != [] or known.kinds.get(name) is not OperationType.QUERY:
            return None
        cost, _ = known.cost(self._guard, name, variables)
        asker = context()
        if asker is None:
            return None
        asked = Asked(text, known.document, name, variables or {}, asker)
        planned = self.planner.at_once(asked)
        if planned is None:
            return None
        try:
            asker.paid = told(cost, asker.charge_at_once(cost))
        except Elsewhere:
            return None
        found = reading.reader().at_once(*planned)
        if found is None or found[0] is None:
            return None
        return _answer(Tier.SQL, orjson.Fragment(found[0]), asker)

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
        if known.kinds.get(name) not in allowed:
            return None
        if context.paid is None and not await self._charged(known, variables, name, context):
            return None
        asked = Asked(text, known.document, name, variables or {}, context, memo=context.memo, begin=context.begin)
        found = await self.planner.answer(asked)
        if found is None:
            return None
        return _answer(found.tier, found.data, context)

    async def admits(self, text: str, variables: Mapping[str, Any] | None, name: str | None, context: Context) -> bool:
        """Whether the document is known to be valid, and paid for now; if not, the long way says why."""
        known = self._shelf.take(text)
        return known is not None and known.faults == [] and await self._charged(known, variables, name, context)

    async def told(
        self, text: str, variables: Mapping[str, Any], name: str | None, context: Context, event: object
    ) -> dict[str, Any] | None:
        """What a subscription says of an event; None when graphql-core has to find it."""
        known = self._shelf.take(text)
        if known is None:
            return None
        return await self.planner.by_completion(Asked(text, known.document, name, variables, context, event))

    async def _charged(
        self, known: Known, variables: Mapping[str, Any] | None, name: str | None, context: Context
    ) -> bool:
        try:
            cost, introspects = known.cost(self._guard, name, variables)
            if introspects:
                return False
            context.paid = await charged(context, cost)
        except (errors.QueryTooComplex, errors.RateLimited):
            return False
        return True


def _answer(tier: Tier, data: Any, context: Context) -> bytes | None:
    try:
        answer = orjson.dumps({"data": data, "extensions": {"cost": context.paid}})
    except orjson.JSONEncodeError:  # integers of more than 64 bits in a JSON scalar
        return None
    ANSWERS[tier].inc()
    return answer
