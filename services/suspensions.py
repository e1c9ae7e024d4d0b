"""Putting tickets on hold and letting them go on, all of a call or none."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import errors
from models import Actor, Assessment, AssessmentStatus, Permission, Ticket, TicketStatus, moves
from models.ticket import USABLE
from models.unit import transactional
from services.site import Site
from services.tickets import chosen


@transactional
async def suspend(site: Site, actor: Actor, ticket_ids: Sequence[UUID]) -> list[Ticket]:
    """Put tickets on hold: nobody comes in or begins a test by them; one that is on hold stays. In the order sent.

    Running sessions go on. Raises TooManyRows, NotFound, and MoveNotAllowed for a consumed or revoked ticket.
    """
    tickets = await chosen(site, actor, ticket_ids, Permission.ISSUE_TICKETS)
    for ticket in tickets.values():
        if ticket.status is not TicketStatus.SUSPENDED:
            await moves.move(ticket, TicketStatus.SUSPENDED, actor)
    return [tickets[key] for key in ticket_ids]


@transactional
async def restore(site: Site, actor: Actor, ticket_ids: Sequence[UUID]) -> list[Ticket]:
    """Let tickets that are on hold go on as if they had not been; one that is usable stays. In the order sent.

    Raises TooManyRows, NotFound, and MoveNotAllowed for a consumed or revoked ticket.
    """
    tickets = await chosen(site, actor, ticket_ids, Permission.ISSUE_TICKETS)
    assessments: dict[UUID, list[Assessment]] = {key: [] for key in tickets}
    for assessment in await Assessment.of_tickets(tickets):
        assessments[assessment.ticket_id].append(assessment)
    for ticket in tickets.values():
        if ticket.status is TicketStatus.SUSPENDED:
            await _restore(ticket, assessments[ticket.id], actor)
        elif ticket.status not in USABLE:
            raise errors.MoveNotAllowed(ticket.status, TicketStatus.ACTIVATED)
    return [tickets[key] for key in ticket_ids]


async def _restore(ticket: Ticket, assessments: Sequence[Assessment], actor: Actor) -> None:
    """Back to where it was, and on to where it would have come: its last assessment may have ended meanwhile."""
    await moves.move(ticket, TicketStatus.ACTIVATED if assessments else TicketStatus.ISSUED, actor)
    spent = sum(one.status is not AssessmentStatus.CANCELLED for one in assessments) >= ticket.assessments_allowed
    if spent and not any(one.is_open for one in assessments):
        await moves.move(ticket, TicketStatus.CONSUMED, actor)
