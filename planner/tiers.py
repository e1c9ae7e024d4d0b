"""Which tier answers an operation: the first that can. What it answers is the same in each, to the byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any

import graphql as g
import orjson
from prometheus_client import Counter

import errors
from models import Actor, clock, reading
from planner.compiler import compiled
from planner.completion import Completion, GivenUp
from planner.dialect import Postgres, Sqlite
from planner.given import Run
from planner.plans import Known, Plans, Statement, Variants
from planner.sent import Sent, are_long, beside
from planner.sight import Sight, Unplanned
from planner.statement import Writer


class Tier(StrEnum):
    """How an operation was answered."""

    SQL = "sql"
    COMPILED = "compiled"
    GRAPHQL_CORE = "graphql-core"


_ANSWERS = Counter("planner_answers", "Operations answered, by the tier that answered them.", ["tier"])
ANSWERS = {tier: _ANSWERS.labels(tier=tier.value) for tier in Tier}

_NO_STATEMENT = (Unplanned, g.GraphQLError, errors.Rejected, KeyError, reading.Unanswered)

Memo = dict[str, Any]  # by root field, what its resolver answered or raised


@dataclass
class Asked:
    """An operation of a document that was validated, and what it is executed with."""

    text: str
    document: g.DocumentNode
    name: str | None
    variables: Mapping[str, Any]
    context: Any
    root: Any = None
    memo: Memo = field(default_factory=dict)  # filled in by a completion, for graphql-core if it is given up
    begin: Callable[[], Any] | None = None  # the context to resolve fields in, if it is made when it is needed

    @property
    def actor(self) -> Actor:
        """Who asks."""
        actor: Actor = self.context.actor
        return actor

    def surroundings(self) -> Any:
        """The context that fields are resolved in."""
        return self.begin() if self.begin else self.context


@dataclass(frozen=True)
class Answer:
    """The data of an operation that went well, as orjson takes it."""

    tier: Tier
    data: Any


class Planner:
    """The two tiers before graphql-core. `most` operations are known, whose plans have so many `characters`."""

    def __init__(self, schema: g.GraphQLSchema, most: int, characters: int) -> None:
        self.schema, self._plans = schema, Plans(most, characters)

    async def answer(self, asked: Asked) -> Answer | None:
        """The data by the first tier that can; None leaves it to graphql-core, with what is in `asked.memo` by then.

        A document is planned when it comes again: to plan what is asked once takes longer than to execute it. With a
        long list, which only a plan is gentle with, it is planned at once.
        """
        known = self._known(asked)
        if not known.comes_again() and not are_long(asked.variables):
            return None
        reads = known.operation.operation is g.OperationType.QUERY
        if reads and (json := await self.by_sql(asked)) is not None:
            return Answer(Tier.SQL, orjson.Fragment(json))
        if not asked.memo and (data := await self.by_completion(asked)) is not None:
            return Answer(Tier.COMPILED, data)
        return None

    async def by_sql(self, asked: Asked) -> bytes | None:
        """The JSON of the data; None when another tier has to find it, or to say why there is none."""
        try:
            statement, run = await self.statement(asked)
            values = statement.values(run)
        except _NO_STATEMENT:
            return None
        try:
            found = await reading.reader().row(statement.sql, values, short=statement.is_short(run))
        except reading.Unanswered:
            return None
        except errors.Unavailable as away:  # nobody waits for it a second time
            asked.memo |= dict.fromkeys(statement.roots, away)
            return None
        return None if found is None or found[0] is None else found[0].encode()

    def at_once(self, asked: Asked) -> tuple[str, list[Any]] | None:
        """The statement that answers and its values, for an operation that has come before, if it is known to be short.

        None leaves it to `answer`.
        """
        if not self._known(asked).has_come:
            return None
        try:
            sent = self._sent(asked)
            if sent.are_long:
                return None
            sent.values  # noqa: B018  all of them are right, or nothing is read
            statement, run = self._statement(asked, sent)
            return (statement.sql, statement.values(run)) if statement.is_short(run) else None
        except _NO_STATEMENT:
            return None

    async def by_completion(self, asked: Asked) -> dict[str, Any] | None:
        """The data; None when graphql-core has to find it, from what the root fields have answered: `asked.memo`."""
        try:
            known = self._known(asked)
            sent = Sent(known.signatures, asked.variables)
            await beside(lambda: sent.read, long=sent.are_long)  # all of them are right, or nothing is done
            completion = self._completion(known, sent)
            if completion.coerces:
                await beside(lambda: sent.values, long=sent.are_long)
            return await completion.run(sent, asked.root, asked.surroundings(), asked.memo)
        except (Unplanned, GivenUp, g.GraphQLError):
            return None

    def _known(self, asked: Asked) -> Known:
        return self._plans.known(self.schema, asked.text, asked.document, asked.name)

    async def statement(self, asked: Asked) -> tuple[Statement, Run]:
        """The statement that answers, and what it is run with. Raises Unplanned."""
        sent = self._sent(asked)
        await beside(lambda: sent.values, long=sent.are_long)  # all of them are right, or nothing is read
        return self._statement(asked, sent)

    def _sent(self, asked: Asked) -> Sent:
        known = self._known(asked)
        if known.operation.operation is not g.OperationType.QUERY or not self._variants(asked, known).are_possible:
            raise Unplanned
        return Sent(known.signatures, asked.variables)

    def _variants(self, asked: Asked, known: Known) -> Variants[Statement]:
        return known.written_for(asked.actor, is_postgres=reading.reader().is_postgres)

    def _statement(self, asked: Asked, sent: Sent) -> tuple[Statement, Run]:
        known = self._known(asked)
        variants = self._variants(asked, known)
        write = partial(self._written, known, variants, asked.actor, sent)
        plan, given = self._plans.fitting(known, variants, sent, write)
        return plan, Run(asked.actor, clock.now(), given, asked.context)

    def _written(self, known: Known, variants: Variants[Statement], actor: Actor, sent: Sent) -> Statement:
        dialect = Postgres() if reading.reader().is_postgres else Sqlite()
        writer = Writer(self.schema, known.document, Sight.of(actor), dialect, sent)
        try:
            sql = writer.write(known.operation)
        except Unplanned:
            variants.are_possible = bool(writer.given)  # with other variables it may be another matter
            raise
        return Statement(sql, writer.roots, writer.is_short, writer.pages, writer.given, writer.parameters.values)

    def _completion(self, known: Known, sent: Sent) -> Completion:
        variants: Variants[Completion] = known.completions
        if not variants.are_possible:
            raise Unplanned
        try:
            write = partial(compiled, self.schema, known.document, known.operation, sent)
            completion, _ = self._plans.fitting(known, variants, sent, write)
        except Unplanned:
            variants.are_possible = False
            raise
        return completion


@lru_cache  # plans are as good for the next application of the process: tests make thousands
def planner_of(schema: g.GraphQLSchema, most: int, characters: int) -> Planner:
    """The planner for this schema."""
    return Planner(schema, most, characters)
