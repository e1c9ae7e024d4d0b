"""The planner's place in Strawberry: after a document was admitted and validated, instead of its execution."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import graphql as g
from graphql.execution.executor import Executor
from graphql.execution.middleware import MiddlewareManager
from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType
from strawberry.utils.await_maybe import await_maybe

import errors
from planner.sent import LONG, are_long, beside
from planner.tiers import ANSWERS, Asked, Memo, Planner, Tier


class Planned(SchemaExtension):
    """Answers by the first tier that can; without a planner in the context graphql-core does."""

    async def on_execute(self) -> AsyncIterator[None]:
        """Put the result in place of what the execution would answer. Subscriptions go their own way.

        Raises QueryTooComplex for one that is sent long lists: what it is sent is kept, and read again and again.
        """
        execution = self.execution_context
        if execution.operation_type is not OperationType.SUBSCRIPTION:
            tier = Tier.GRAPHQL_CORE
            if execution.context.planner and execution.graphql_document:
                tier, execution.result = await answered(execution.context.planner, _asked(execution))
            ANSWERS[tier].inc()
            if execution.context.shows_tier:
                execution.extensions_results["tier"] = tier.value
        elif are_long(execution.variables or {}):
            raise errors.QueryTooComplex(f"The variables of a subscription have at most {LONG} values in lists.")
        yield


def _asked(execution: Any) -> Asked:
    name = execution._provided_operation_name  # noqa: SLF001  the public one guesses
    return Asked(
        execution.query or "",
        execution.graphql_document,
        name,
        execution.variables or {},
        execution.context,
        execution.root_value,
        dict(execution.context.memo),  # the context of a WebSocket has many operations
    )


async def answered(planner: Planner, asked: Asked) -> tuple[Tier, g.ExecutionResult | None]:
    """The result, and which tier it is from; None leaves it to Strawberry."""
    found = None if asked.memo else await planner.answer(asked)  # with a memo it has been tried already
    if found is not None:
        return found.tier, g.ExecutionResult(found.data, None)
    gently = bool(asked.memo) or are_long(asked.variables)
    return Tier.GRAPHQL_CORE, await by_graphql_core(planner.schema, asked) if gently else None


async def by_graphql_core(schema: g.GraphQLSchema, asked: Asked) -> g.ExecutionResult:
    """The result, with the root fields that have been resolved already as they were.

    What is wrong with long variables is found beside the event loop.
    """
    begin = partial(
        Executor.build,
        schema,
        asked.document,
        asked.root,
        asked.surroundings(),
        dict(asked.variables),
        asked.name,
        middleware=MiddlewareManager(remembering(asked.memo)),
    )
    begun = await beside(begin, long=are_long(asked.variables))
    if not isinstance(begun, Executor):
        return g.ExecutionResult(None, begun)
    executed: Any = begun.execute_operation()
    result: g.ExecutionResult = await await_maybe(executed)
    return result


def remembering(memo: Memo) -> Callable[..., Any]:
    """A middleware that resolves no root field a second time."""

    def resolve(following: Callable[..., Any], source: Any, info: g.GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        if info.path.prev is None and info.path.key in memo:
            value = memo[str(info.path.key)]
            if isinstance(value, Exception):
                raise value
            return value
        return following(source, info, **arguments)

    return resolve
