"""Finding, issuing, revoking and suspending tickets."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

import models
from resolvers.context import Info
from schema.declared import Found, declared
from schema.enums import RunningSessions
from schema.ticket import (
    IssueTicketsInput,
    IssueTicketsResult,
    IssueTicketsSuccess,
    RestoreTicketsResult,
    RestoreTicketsSuccess,
    RevokeTicketsInput,
    RevokeTicketsResult,
    RevokeTicketsSuccess,
    SuspendTicketsResult,
    SuspendTicketsSuccess,
    Ticket,
    TicketIdsInput,
)
from services import suspensions, tickets

_Id = Annotated[strawberry.ID | None, strawberry.argument(description="The ticket; or give its code.")]
_Code = Annotated[str | None, strawberry.argument(description="Its invitation code, in any case, dashes or not.")]


@strawberry.type
class TicketQueries:
    """Reading one ticket."""

    @strawberry.field(
        graphql_type=Ticket | None,
        description="One ticket, by its id or by its invitation code.",
        metadata=declared(Found(models.Ticket, lambda sent: _wanted(sent.get("id"), sent.get("invitationCode")))),
    )
    async def ticket(self, info: Info, id: _Id = None, invitation_code: _Code = None) -> models.Ticket:
        """Staff's, or a candidate's own."""
        return await tickets.find(info.context.actor, _wanted(id, invitation_code))


@strawberry.type
class TicketMutations:
    """Mutations about tickets."""

    @strawberry.mutation(
        graphql_type=IssueTicketsResult, description="Issue a ticket to each candidate, or to none of them."
    )
    async def issue_tickets(self, info: Info, input: IssueTicketsInput) -> IssueTicketsSuccess:
        """Those who issue tickets."""
        issued = await tickets.issue(info.context.site, info.context.actor, _issue(input), input.candidates)
        return IssueTicketsSuccess(tickets=issued.tickets, replayed=issued.replayed)

    @strawberry.mutation(
        graphql_type=RevokeTicketsResult, description="Withdraw tickets for good, all or none; again changes nothing."
    )
    async def revoke_tickets(self, info: Info, input: RevokeTicketsInput) -> RevokeTicketsSuccess:
        """Those who issue tickets."""
        keys = _keys(input.ticket_ids)
        terminate = input.running_sessions is RunningSessions.TERMINATE
        revoked = await tickets.revoke(info.context.site, info.context.actor, keys, terminate=terminate)
        return RevokeTicketsSuccess(tickets=revoked)

    @strawberry.mutation(
        graphql_type=SuspendTicketsResult,
        description="Put tickets on hold, all or none: running tests go on. Again changes nothing.",
    )
    async def suspend_tickets(self, info: Info, input: TicketIdsInput) -> SuspendTicketsSuccess:
        """Those who issue tickets."""
        held = await suspensions.suspend(info.context.site, info.context.actor, _keys(input.ticket_ids))
        return SuspendTicketsSuccess(tickets=held)

    @strawberry.mutation(
        graphql_type=RestoreTicketsResult,
        description="Let tickets that are on hold go on, all or none. Again changes nothing.",
    )
    async def restore_tickets(self, info: Info, input: TicketIdsInput) -> RestoreTicketsSuccess:
        """Those who issue tickets."""
        restored = await suspensions.restore(info.context.site, info.context.actor, _keys(input.ticket_ids))
        return RestoreTicketsSuccess(tickets=restored)


def _wanted(gid: str | None, code: str | None) -> tickets.Wanted:
    return tickets.wanted(None if gid is None else models.Ticket.key_of(gid), code)


def _keys(gids: list[strawberry.ID]) -> list[UUID]:
    return [models.Ticket.key_of(gid) for gid in gids]


def _issue(input: IssueTicketsInput) -> tickets.Issue:
    return tickets.Issue(
        task_id=models.Task.key_of(input.task_id),
        group=input.group,
        labels=input.labels or (),
        valid_from=input.valid_from,
        valid_until=input.valid_until,
        idempotency_key=input.idempotency_key,
    )
