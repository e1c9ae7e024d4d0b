"""Documents: parsed and validated once, however often they are sent, and refused when it is unclear what to execute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

from graphql import ASTValidationRule, DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, parse
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.schema.schema import validate_document

KEPT = 1_000  # documents

_parsed = lru_cache(KEPT)(parse)


class Ambiguous(CannotGetOperationTypeError):
    """Several operations, and no name to choose one by."""

    def as_http_error_reason(self) -> str:
        """One sentence for a person."""
        return "The document has several operations: say with `operationName` which one to execute."


class Documents(SchemaExtension):
    """Parses and validates from memory.

    Unlike Strawberry's own caches it leaves a document that cannot be parsed to the schema, whose answer is an error
    that HTTP, SSE and a WebSocket can all send; and with several operations and no name it runs none of them.
    """

    def on_parse(self) -> Iterator[None]:
        """The document, and that it says what to execute."""
        context = self.execution_context
        with suppress(GraphQLError, RecursionError):
            context.graphql_document = _parsed(context.query or "", **context.parse_options)
        yield
        if context.graphql_document and context._provided_operation_name is None:  # noqa: SLF001  the public one guesses
            definitions = context.graphql_document.definitions
            if sum(isinstance(definition, OperationDefinitionNode) for definition in definitions) > 1:
                raise Ambiguous(None)

    def on_validate(self) -> Iterator[None]:
        """What is wrong with the document."""
        context = self.execution_context
        if context.graphql_document:
            context.pre_execution_errors = _faults(
                context.schema._schema,  # noqa: SLF001  Strawberry's own cache reads it, too
                context.graphql_document,
                context.validation_rules,
            )
        yield


@lru_cache(KEPT)
def _faults(
    schema: GraphQLSchema, document: DocumentNode, rules: tuple[type[ASTValidationRule], ...]
) -> list[GraphQLError]:
    try:
        return validate_document(schema, document, rules)
    except RecursionError as deep:
        return [GraphQLError("The document is nested too deeply.", original_error=deep)]
