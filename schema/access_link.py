"""Shared links: revocable, expiring, encrypted ways to a ticket."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

import errors
import models
from schema.context import Info
from schema.enums import AccessLinkStatus
from schema.node import Node, column, optional, relation, view
from schema.refusals import result
from schema.scalars import URL


@view(models.AccessLink, description="A link to a ticket that can expire and be withdrawn.")
class AccessLink(Node):
    """View of models.AccessLink."""

    status: AccessLinkStatus = column("Whether it still lets its candidate in.")
    expires_at: datetime | None = column("Until when it lets the candidate in; null for as long as the ticket does.")
    max_uses: int | None = column("How many assessments it may open; null for any number.")
    use_count: int = column("How many assessments it has opened; following it again costs nothing.")
    last_opened_at: datetime | None = column("When it was followed last.")
    created_at: datetime = column("When it was made.")

    @strawberry.field(description="The link. It is sealed anew each time: all of them are good.", graphql_type=URL)
    @staticmethod
    def url(root: strawberry.Parent[models.AccessLink], info: Info) -> str:
        """Made from BASE_URL."""
        return info.context.urls.shared_link(root)

    ticket: Any = relation("schema.ticket.Ticket", models.Ticket, "ticket_id", description="Whom it lets in.")


@strawberry.input(description="Links to make, all or none.")
class CreateAccessLinksInput:
    """What createAccessLinks takes."""

    ticket_ids: list[strawberry.ID] = column("Between 1 and 1,000 tickets.")
    expires_at: datetime | None = optional("Until when they let their candidates in, in the future.")
    max_uses: int | None = optional("How many assessments each may open.")


@strawberry.type(description="A link for each id, in the order sent.")
class CreateAccessLinksSuccess:
    """What createAccessLinks answers."""

    access_links: Sequence[models.AccessLink] = strawberry.field(
        graphql_type=list[AccessLink], description="One for each id sent; the same one for an id sent twice."
    )


@strawberry.input(description="Which link to withdraw.")
class RevokeAccessLinkInput:
    """What revokeAccessLink takes."""

    access_link_id: strawberry.ID = column("The link.")


@strawberry.type(description="The link as it is now.")
class RevokeAccessLinkSuccess:
    """What revokeAccessLink answers."""

    access_link: models.AccessLink = strawberry.field(graphql_type=AccessLink, description="The withdrawn link.")


CreateAccessLinksResult = result(
    "CreateAccessLinksResult", CreateAccessLinksSuccess, errors.InvalidInput, errors.TicketRevoked, errors.TooManyRows
)
RevokeAccessLinkResult = result("RevokeAccessLinkResult", RevokeAccessLinkSuccess)
