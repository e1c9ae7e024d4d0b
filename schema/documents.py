"""Documents: measured before anything else, then validated, both once however often they are sent."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    validate,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types.graphql import OperationType

import errors
from schema.bounds import Bounds
from schema.context import Context
from schema.guard import Guard, amount

KEPT = 100_000  # the weight of all documents: some thirty megabytes
MISTAKES = 10  # after so many a document is not read on: each is dear to describe
_ANSWERS = 10  # costs of one document that are remembered
_LETTERS, _EACH = 150, 8  # so much text weighs as much as a token, and a document by itself as many
_PARSER = {"Document contains more than": "tokens", "Document is nested too deeply": "depth"}  # its own bounds, ours

guard_of = lru_cache(Guard)


class Ambiguous(CannotGetOperationTypeError):
    """Several operations, and no name to choose one by."""

    def as_http_error_reason(self) -> str:
        """One sentence for a person."""
        return "The document has several operations: say with `operationName` which one to execute."


@dataclass
class Known:
    """A document and what was found out about it."""

    document: DocumentNode
    costs: dict[object, tuple[int, bool]] = field(default_factory=dict)
    faults: list[GraphQLError] | None = None

    @cached_property
    def declared(self) -> frozenset[str]:
        """The variables that its operations name: whatever else is sent with it says nothing."""
        operations = (one for one in self.document.definitions if isinstance(one, OperationDefinitionNode))
        return frozenset(each.variable.name.value for one in operations for each in one.variable_definitions or ())

    @cached_property
    def kinds(self) -> Mapping[str | None, OperationType]:
        """What its operations are, by name; the only one without a name, too."""
        operations = [one for one in self.document.definitions if isinstance(one, OperationDefinitionNode)]
        found = {one.name.value if one.name else None: OperationType(one.operation.value) for one in operations}
        return {**found, None: OperationType(operations[0].operation.value)} if len(operations) == 1 else found

    def cost(self, guard: Guard, operation: str | None, variables: Mapping[str, Any] | None) -> tuple[int, bool]:
        """What the guard says of it with these variables. Raises QueryTooComplex."""
        sent = ((name, variables[name]) for name in self.declared if name in variables) if variables else ()
        given = {name: amount(value) for name, value in sent if not isinstance(value, (str, dict))}
        key = (operation, *sorted(given.items(), key=str))
        if key not in self.costs:
            if len(self.costs) >= _ANSWERS:
                self.costs.clear()
            self.costs[key] = guard.cost(self.document, operation, given)
        return self.costs[key]

    def mistakes(self, schema: GraphQLSchema, rules: tuple[type[ASTValidationRule], ...]) -> list[GraphQLError]:
        """What is wrong with it."""
        if self.faults is None:
            try:
                self.faults = validate(schema, self.document, rules, max_errors=MISTAKES)
            except RecursionError as deep:
                self.faults = [GraphQLError("The document is nested too deeply.", original_error=deep)]
        return self.faults


class Shelf:
    """Documents by their text; those that nobody has asked for the longest make room for others."""

    def __init__(self, room: int = KEPT) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._room = room

    def take(self, text: str) -> Known | None:
        """The document with this text, if it is here."""
        known = self._known.get(text)
        if known:
            self._known.move_to_end(text)
        return known

    def put(self, text: str, known: Known) -> None:
        """Keep it, for the next time."""
        if text not in self._known:
            self._known[text] = known
            self._room -= _weight(text, known)
        while self._room < 0:
            self._room += _weight(*self._known.popitem(last=False))


def _weight(text: str, known: Known) -> int:
    """In tokens: comments and long strings are few of those, and are kept with the document and as its name."""
    return known.document.token_count + len(text) // _LETTERS + _EACH


async def charged(asker: Context, cost: int) -> dict[str, object]:
    """Charge the caller, and what they are told of it. Raises RateLimited."""
    return told(cost, await asker.charge(cost))


def told(cost: int, throttle: dict[str, int] | None) -> dict[str, object]:
    """What the caller is told of what was charged."""
    return {"requestedQueryCost": cost, **({"throttleStatus": throttle} if throttle else {})}


class Documents(SchemaExtension):
    """Parses, measures, charges and validates, in this order.

    Unlike Strawberry's own caches it leaves a document that cannot be parsed to the schema, whose answer is an error
    that HTTP, SSE and a WebSocket can all send; and with several operations and no name it runs none of them.
    """

    def __init__(self, bounds: Bounds, shelf: Shelf) -> None:
        self._bounds, self._shelf = bounds, shelf
        self._known: Known | None = None
        self._cost: dict[str, object] = {}

    def on_parse(self) -> Iterator[None]:
        """The document, and that it says what to execute."""
        context, text = self.execution_context, self.execution_context.query or ""
        self._bounds.check(bytes=len(text.encode(errors="replace")))
        context.parse_options["max_tokens"] = self._bounds.tokens
        self._known = self._shelf.take(text) or self._parsed(text)
        context.graphql_document = self._known.document if self._known else None
        yield
        if context.graphql_document and context._provided_operation_name is None:  # noqa: SLF001  the public one guesses
            definitions = context.graphql_document.definitions
            if sum(isinstance(definition, OperationDefinitionNode) for definition in definitions) > 1:
                raise Ambiguous(None)

    def _parsed(self, text: str) -> Known | None:
        try:
            return Known(parse(text, **self.execution_context.parse_options))
        except GraphQLError as wrong:
            for said, bound in _PARSER.items():
                if wrong.message.startswith(f"Syntax Error: {said}"):
                    raise self._bounds.refusal(bound) from wrong
        return None

    async def on_validate(self) -> AsyncIterator[None]:
        """What is wrong with the document: first that it asks for too much, or the caller has."""
        context, known = self.execution_context, self._known
        if known:
            try:
                await self._admit(known)
            except errors.Rejected as refused:
                context.pre_execution_errors = [GraphQLError(refused.text, original_error=refused)]
            else:
                self._shelf.put(context.query or "", known)
                context.pre_execution_errors = known.mistakes(context.schema._schema, context.validation_rules)  # noqa: SLF001  Strawberry's own cache reads it, too
        yield

    async def _admit(self, known: Known) -> None:
        context, guard = self.execution_context, guard_of(self.execution_context.schema._schema, self._bounds)  # noqa: SLF001
        cost, introspects = known.cost(guard, context.operation_name, context.variables)
        if introspects and not context.context.sees_schema:
            raise errors.Unauthenticated("Sign in to read the schema.")
        asker = context.context
        self._cost = asker.paid if asker.paid is not None else await charged(asker, cost)

    def on_execute(self) -> Iterator[None]:
        """What it cost; the events of a subscription, which is paid for when it begins, do not say so again."""
        if self.execution_context.operation_type is not OperationType.SUBSCRIPTION:
            self.execution_context.extensions_results["cost"] = self._cost
        yield
