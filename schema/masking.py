"""What a client may learn of an error: code and sentence if we raised it on purpose, else an id that is in the log."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from uuid import uuid4

from graphql import GraphQLError
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import MaskErrors, SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

import errors

log = logging.getLogger("admit.graphql")

_MISTAKES = (GraphQLError, MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError)
_ECHO = re.compile(r"[,;] found: .*", re.DOTALL)  # graphql-core repeats the value that it refuses: it may be a password
_SUGGESTION = re.compile(r" Did you mean [^?]*\?")  # what a stranger could read the schema from, name by name


class Masked(MaskErrors):
    """Gives every error an `extensions.code`; only INTERNAL ones are logged, with the id that the client is shown."""

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        """The error as the client sees it."""
        shown = masked(error)
        if not self.execution_context.context.sees_schema:
            shown.message = _SUGGESTION.sub("", shown.message)
        return shown


def masked(error: GraphQLError) -> GraphQLError:
    """The error as the client sees it."""
    original = error.original_error
    match original:
        case errors.RateLimited() | errors.Unavailable():
            return _shown(error, original.text, original.code, retryAfter=original.retry_after)
        case errors.Lagging():
            return _shown(error, original.text, original.code, cursor=original.cursor)
        case errors.Rejected():
            return _shown(error, original.text, original.code)
        case errors.Refused():
            return _shown(error, original.text, type(original).__name__)
        case RecursionError() if error.path is None:
            return _shown(error, "The document is nested too deeply.", errors.QueryTooComplex.code)
    if _is_the_clients(error):
        return _shown(error, _ECHO.sub(".", error.message), errors.BadRequest.code)
    return _shown(error, "Something went wrong here; the operator finds it by this id.", "INTERNAL", id=logged(error))


def logged(error: GraphQLError | BaseException) -> str:
    """Write an error that is our bug to the log; the id that it is found by."""
    reference = uuid4().hex[:12]
    at, cause = (error.path, error.original_error or error) if isinstance(error, GraphQLError) else ("the door", error)
    log.error("INTERNAL %s at %s", reference, at, exc_info=cause)
    return reference


def is_refused(result: ExecutionResult) -> bool:
    """Whether it is no result at all: a mistake in the document, the variables, what to run, or a stream that ended."""
    failures = result.errors or []
    nowhere = result.data is None and bool(failures) and all(failure.path is None for failure in failures)
    return nowhere or isinstance(result, PreExecutionError)


def is_away(result: ExecutionResult) -> bool:
    """Whether it tells nothing because the database is away: a stream must not go on as if it had been told."""
    codes = [(failure.extensions or {}).get("code") for failure in result.errors or []]
    return result.data is None and errors.Unavailable.code in codes


def _is_the_clients(error: GraphQLError) -> bool:
    original = error.original_error
    if error.path is not None:  # null in a variable can only be told from null in an argument during execution
        return isinstance(original, GraphQLError) and original.message.startswith("Argument ")
    if original is None or isinstance(original, _MISTAKES):
        return True  # syntax, validation, the choice of operation
    return bool(error.nodes)  # a variable that its type refused; an exception of ours has no place in the document


def _shown(error: GraphQLError, message: str, code: str, **more: object) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={"code": code, **more},
    )


class FreshContext(SchemaExtension):
    """Gives each operation its own loaders: over a WebSocket the context lives as long as the socket."""

    def on_operation(self) -> Iterator[None]:
        """Before anything is read."""
        self.execution_context.context = self.execution_context.context.fresh()
        yield
