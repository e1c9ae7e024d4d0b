"""Every operation of the whole suite is answered by each tier and by graphql-core, and the bytes are compared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable
from typing import Any

import orjson
from tortoise.connection import get_connection

from models import reading
from planner.extension import by_graphql_core
from planner.given import Run
from planner.plans import Statement
from planner.tiers import Answer, Asked, Planner, Tier

_SEALED = re.compile(rb"/a/[\w.-]+")  # a shared link is sealed anew each time that it is shown
ENOUGH = 6
DIFFERENCES: list[str] = []
ANSWER = Planner.answer
_ASKED: Counter[Hashable] = Counter()
_EXPLAINED: set[str] = set()
SEEN: Counter[Tier] = Counter()


async def answer(planner: Planner, asked: Asked) -> Answer | None:
    """In place of Planner.answer: the same, and a note where two tiers differ.

    A document that most tests ask is compared the first times that callers of one kind ask it.
    """
    seen = asked.text, asked.actor.kind, asked.actor.permissions, asked.actor.is_narrowed
    _ASKED[seen] += 1
    planner._known(asked).comes_again()
    if _ASKED[seen] > ENOUGH:
        return await ANSWER(planner, asked)
    found = await _each(planner, asked)
    if _differ(found) and found[Tier.COMPILED] is None:  # the rows may have changed in between: once more
        asked.memo.clear()
        found = await _each(planner, asked)
    if _differ(found):
        DIFFERENCES.append(f"{asked.text} {asked.variables}: {found}")
    tier = next(tier for tier in Tier if found[tier] is not None)
    SEEN[tier] += 1
    return None if tier is Tier.GRAPHQL_CORE else Answer(tier, orjson.Fragment(found[tier]))


async def _each(planner: Planner, asked: Asked) -> dict[Tier, Any]:
    sql = await planner.by_sql(asked)
    if sql is not None:
        await _looked_up(*await planner.statement(asked))
    compiled = await planner.by_completion(asked)
    core = await by_graphql_core(planner.schema, asked)
    return {Tier.SQL: sql, Tier.COMPILED: None if compiled is None else encoded(compiled), Tier.GRAPHQL_CORE: core}


async def _looked_up(statement: Statement, run: Run) -> None:
    """Note a statement that reads a table without an index, whatever is in the table now."""
    if statement.sql in _EXPLAINED:
        return
    _EXPLAINED.add(statement.sql)
    values = [value(run) for value in statement.parameters]
    reader = reading.reader()
    if isinstance(reader, reading.FileReader):
        connection = reader._here or reader._apart
        assert connection
        stored = reading.stored(values)
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement.sql}", stored)]
        scans = [line for line in plan if re.match(r"SCAN (?!page|\(|json_each|one VIRTUAL|CONSTANT)", line)]
    else:
        scans = [line for line in await _postgres_plan(statement.sql, values) if "Seq Scan" in line]
    if scans:
        DIFFERENCES.append(f"{statement.sql} reads without an index: {scans}")


async def _postgres_plan(sql: str, values: list[Any]) -> list[str]:
    """How PostgreSQL goes about it when tables are large; those of a test are so small that it reads them whole."""
    client: Any = get_connection("default")
    connection = await client.lender.borrow()
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL enable_seqscan = off")
            return [row[0] for row in await connection.fetch(f"EXPLAIN {sql}", *values)]
    finally:
        await client.lender.give_back(connection)


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
