"""What answers faster than Strawberry whatever it can: see planner/front.py."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from strawberry.types.graphql import OperationType

from resolvers.context import Context


class Front(Protocol):
    """Knows documents that were asked before; with the planner that contexts carry."""

    planner: Any

    def knows(self, text: str) -> bool:
        """Whether the document is known to be valid."""

    def at_once(
        self, text: str, variables: Mapping[str, Any] | None, name: str | None, context: Callable[[], Context | None]
    ) -> bytes | None:
        """As `answer` for a query that is known, if nobody has to be waited for; `context` says in what context."""

    async def answer(
        self,
        text: str,
        variables: Mapping[str, Any] | None,
        name: str | None,
        context: Context,
        allowed: Collection[OperationType],
    ) -> bytes | None:
        """The whole answer as JSON, if it is plain success."""

    async def admits(self, text: str, variables: Mapping[str, Any] | None, name: str | None, context: Context) -> bool:
        """Whether the operation is valid, and is paid for now."""

    async def told(
        self, text: str, variables: Mapping[str, Any], name: str | None, context: Context, event: object
    ) -> dict[str, Any] | None:
        """What a subscription says of an event; None when graphql-core has to find it."""
