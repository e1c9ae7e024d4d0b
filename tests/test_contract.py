"""The names that clients rely on are all there: `contract.graphql` may be extended, never renamed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from graphql import DefinitionNode, parse, print_ast

from resolvers.roots import make_schema

PROMISED = (Path(__file__).parent / "contract.graphql").read_text()

# What the contract promises and we answer otherwise, and why.
OTHERWISE: dict[str, str | None] = {
    "Organization.webhookEndpoints: WebhookEndpointConnection!": None,  # webhooks come with an issue of their own
    "AnswerInput.value: JSON!": "AnswerInput.value: JSON",  # null takes an answer back
}


def test_everything_the_contract_names_is_in_the_schema() -> None:
    promised = {kept for line in _lines(PROMISED) if (kept := OTHERWISE.get(line, line))}

    ours = set(_lines(make_schema().as_str()))

    assert promised - ours == set()


def _lines(text: str) -> Iterator[str]:
    """Each type's members, a line each: `Type.field: T!`, `Type.field(argument: T)`, `Enum.VALUE`."""
    for node in parse(text).definitions:
        yield from _members(node)


def _members(node: DefinitionNode) -> Iterator[str]:
    name = getattr(node, "name").value  # noqa: B009  every definition here has one; the base class does not say so
    for value in getattr(node, "values", None) or ():
        yield f"{name}.{value.name.value}"
    for field in getattr(node, "fields", None) or ():
        yield f"{name}.{field.name.value}: {print_ast(field.type)}"
        for argument in getattr(field, "arguments", None) or ():
            yield f"{name}.{field.name.value}({argument.name.value}: {print_ast(argument.type)})"
