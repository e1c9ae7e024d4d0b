"""The schema: every Query, Mutation and Subscription field, put together."""

from __future__ import annotations

import logging
from functools import cache, partial
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from resolvers.access_link import AccessLinkMutations
from resolvers.account import AccountMutations
from resolvers.event import EventQueries
from resolvers.export import ExportMutations, ExportSubscriptions
from resolvers.node import NodeQueries
from resolvers.organization import OrganizationQueries
from resolvers.proctoring import ProctoringMutations
from resolvers.redirect import RedirectMutations
from resolvers.session import SessionQueries
from resolvers.sign_in import SignInMutations
from resolvers.sitting import SittingMutations, SittingQueries
from resolvers.subscription import StreamSubscriptions
from resolvers.task import TaskMutations, TaskQueries
from resolvers.test import TestMutations
from resolvers.ticket import TicketMutations, TicketQueries
from schema.bounds import Bounds
from schema.documents import Documents, Shelf
from schema.masking import FreshContext, Masked
from schema.refusals import HANDLERS
from schema.scalars import SCALARS


@strawberry.type(description="What can be read.")
class Query(EventQueries, NodeQueries, OrganizationQueries, SessionQueries, SittingQueries, TaskQueries, TicketQueries):
    """Reading."""


@strawberry.type(
    description="What can be changed. Each takes one `input` and answers a union of its success and refusals."
)
class Mutation(
    AccountMutations,
    ExportMutations,
    TestMutations,
    TaskMutations,
    TicketMutations,
    AccessLinkMutations,
    RedirectMutations,
    SignInMutations,
    SittingMutations,
    ProctoringMutations,
):
    """Changing."""


@strawberry.type(description="What can be watched: over graphql-transport-ws, or as server-sent events.")
class Subscription(ExportSubscriptions, StreamSubscriptions):
    """Watching."""


class Schema(strawberry.Schema):
    """Strawberry's schema, leaving the logging of errors to the one place that masks them.

    The shelf has the documents that were validated, within the bounds.
    """

    shelf: Shelf
    bounds: Bounds

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Masked logs what is ours to mend; a client's mistakes are not."""


USUAL = Bounds()


@cache  # it never changes, and making it takes a quarter of a second
def make_schema(bounds: Bounds = USUAL, *more: type[SchemaExtension]) -> Schema:
    """The schema that the server runs and `schema.graphql` prints, for documents within these bounds.

    `more` extensions are inside of those that every schema has.
    """
    shelf = Shelf()
    extensions: list[Any] = [partial(Documents, bounds, shelf), Masked, FreshContext, *more]
    config = StrawberryConfig(scalar_map=SCALARS)
    made = Schema(Query, Mutation, Subscription, extensions=extensions, config=config, exception_handlers=HANDLERS)
    made.shelf, made.bounds = shelf, bounds
    return made


logging.getLogger("strawberry.execution").setLevel(logging.CRITICAL)
