"""Shared links: made for tickets, and withdrawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import errors
from models import AccessLink, Actor, EventType, Permission, Task, Ticket, TicketStatus, clock
from models.event import record
from models.unit import transactional
from services.site import Site
from services.tickets import chosen

USES = 1_000_000


@transactional
async def create(
    site: Site,
    actor: Actor,
    ticket_ids: Sequence[UUID],
    *,
    expires_at: datetime | None = None,
    max_uses: int | None = None,
) -> list[AccessLink]:
    """Make a link to each ticket, all or none; answers one for each id sent, the same for an id sent twice.

    Raises TooManyRows, NotFound, InvalidInput, TicketRevoked.
    """
    tickets = await chosen(site, actor, ticket_ids, Permission.SHARE_LINKS)
    if expires_at is not None and expires_at <= clock.now():
        raise errors.InvalidInput("expiresAt", "A link must expire in the future.")
    if max_uses is not None and not 1 <= max_uses <= USES:
        raise errors.InvalidInput("maxUses", f"Give between 1 and {USES:,} uses.")
    if any(ticket.status is TicketStatus.REVOKED for ticket in tickets.values()):
        raise errors.TicketRevoked
    links = {key: _link(ticket, expires_at, max_uses) for key, ticket in tickets.items()}
    await AccessLink.bulk_create(links.values())
    for task_id, count in Counter(ticket.task_id for ticket in tickets.values()).items():
        record(EventType.ACCESS_LINKS_CREATED, f"{Task.prefix}_{task_id}", actor, task_id=task_id, count=count)
    return [links[key] for key in ticket_ids]


@transactional
async def revoke(actor: Actor, link_id: UUID) -> AccessLink:
    """Withdraw a link for good; one that is withdrawn stays as it is. Raises NotFound."""
    link = await AccessLink.locked_by(actor, link_id)
    actor.must(Permission.SHARE_LINKS)
    if link.revoked_at is None:
        link.revoked_at = clock.now()
        await link.save(update_fields=["revoked_at"])
        ticket = await Ticket.seen_by(actor, link.ticket_id)
        record(EventType.ACCESS_LINK_REVOKED, link.gid, actor, task_id=ticket.task_id, ticket_id=ticket.id)
    return link


def _link(ticket: Ticket, expires_at: datetime | None, max_uses: int | None) -> AccessLink:
    return AccessLink(
        organization_id=ticket.organization_id, ticket_id=ticket.id, expires_at=expires_at, max_uses=max_uses
    )
