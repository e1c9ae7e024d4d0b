"""Every operation of the whole suite is answered by each tier and by graphql-core, and the bytes are compared."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import graphql as g
import orjson

from planner.extension import by_graphql_core
from planner.tiers import Asked, Planner, Tier

_SEALED = re.compile(rb"/a/[\w.-]+")  # a shared link is sealed anew each time that it is shown
DIFFERENCES: list[str] = []
SEEN: Counter[Tier] = Counter()


async def answered(planner: Planner, asked: Asked) -> tuple[Tier, g.ExecutionResult | None]:
    """In place of planner.extension.answered: the same, and a note where two tiers differ."""
    found = await _each(planner, asked)
    if _differ(found) and found[Tier.COMPILED] is None:  # the rows may have changed in between: once more
        asked.memo.clear()
        found = await _each(planner, asked)
    if _differ(found):
        DIFFERENCES.append(f"{asked.text} {asked.variables}: {found}")
    tier = next(tier for tier in Tier if found[tier] is not None)
    SEEN[tier] += 1
    data: Any = found[tier]
    return tier, data if tier is Tier.GRAPHQL_CORE else g.ExecutionResult(orjson.Fragment(data), None)  # type: ignore[arg-type]  # bytes of JSON


async def _each(planner: Planner, asked: Asked) -> dict[Tier, Any]:
    sql = await planner.by_sql(asked)
    compiled = await planner.by_completion(asked)
    core = await by_graphql_core(planner.schema, asked)
    return {Tier.SQL: sql, Tier.COMPILED: None if compiled is None else encoded(compiled), Tier.GRAPHQL_CORE: core}


def _differ(found: dict[Tier, Any]) -> bool:
    core = found[Tier.GRAPHQL_CORE]
    expected = None if core.errors else encoded(core.data)
    answers = [found[tier] for tier in (Tier.SQL, Tier.COMPILED) if found[tier] is not None]
    return any(expected is None or _SEALED.sub(b"", one) != _SEALED.sub(b"", expected) for one in answers)


def encoded(data: Any) -> bytes:
    """As the door writes it."""
    try:
        return orjson.dumps(data)
    except orjson.JSONEncodeError:  # integers of more than 64 bits in a JSON scalar
        return repr(data).encode()
