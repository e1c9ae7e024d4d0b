"""Coming in: by invitation code or by shared link, idempotent and free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

import errors
from models import (
    AccessLink,
    Actor,
    Assessment,
    Task,
    TestSession,
    Ticket,
    TicketStatus,
    admission,
    clock,
    moves,
    unit,
)
from models.changes import add
from models.rows import new
from models.seat import Arrival
from models.unit import transactional
from services.credentials import candidate_token
from services.keys import LinkClaims
from services.site import Site

Opened: TypeAlias = Assessment | errors.Refused


@dataclass(frozen=True)
class Entry:
    """An open assessment, its candidate, and the token that is their credential."""

    assessment: Assessment
    actor: Actor
    token: str


async def by_code(site: Site, address: str, slug: str, code: str) -> Entry:
    """Enter the task with this slug by an invitation code; `address` is the visitor's network address.

    Raises CodeUnknown, the same for every wrong code, or RateLimited after too many; once the code is right, the
    refusal that says why the ticket lets nobody in now.
    """
    guess = {"address": address, "task": slug, "whole": "every code"}
    await site.guesses.check(**guess)
    arrived = await _by_code(slug, code)
    # Only the wrong ones are counted: a class that comes in at once behind one address must not wait. A crowd of
    # guesses that all came while none had failed is counted here, one by one: what comes after the last is not told.
    if arrived is None:
        await site.guesses.spend(**guess)
        raise errors.CodeUnknown
    await site.guesses.check(**guess)
    return _entry(site, *arrived)


async def by_link(site: Site, address: str, token: str) -> Entry:
    """Enter by a shared link's token.

    Whoever has begun a test comes back to it, though the link was revoked or has expired since. Raises LinkInvalid, or
    RateLimited after too many of those; LinkRevoked, LinkExpired, LinkSpent, or why the ticket lets nobody in now.
    """
    try:
        claims = site.keys.open_link(token)
    except errors.LinkInvalid:
        await site.guesses.spend(address=address)  # only the wrong ones: a colleague's typing errors close no good link
        raise
    ticket_id = _named(claims, await AccessLink.by_id(claims.link_id)).ticket_id
    return _entry(site, *await _by_link(claims, ticket_id))


def _entry(site: Site, arrival: Arrival, opened: Opened) -> Entry:
    if isinstance(opened, errors.Refused):
        raise opened
    actor = arrival.ticket.actor_in(opened.id)
    return Entry(opened, actor, candidate_token(site, actor))


@transactional
async def _by_code(slug: str, code: str) -> tuple[Arrival, Opened] | None:
    arrival = await Arrival.by_code(slug, code)
    return None if arrival is None else (arrival, await _open(arrival))


@transactional
async def _by_link(claims: LinkClaims, ticket_id: UUID) -> tuple[Arrival, Opened]:
    await Ticket.lock(ticket_id)
    link = _named(claims, await AccessLink.hold(claims.link_id))
    arrival = await Arrival.held_by(ticket_id)
    return arrival, await _open(arrival, link, claims)


async def _open(arrival: Arrival, link: AccessLink | None = None, claims: LinkClaims | None = None) -> Opened:
    """The open assessment, or why there is none: that is noted, and so it is answered, and not raised here.

    Raises what is refused of the link, and not of its ticket.
    """
    ticket, task, assessments = arrival
    assessment = admission.open_among(assessments)
    sessions = await TestSession.of_assessment(assessment.id) if assessment else []
    if claims and link and not admission.is_sitting(sessions):
        _must_count(claims, link)
    refused = admission.entry_barrier(task, ticket, assessments, sessions, clock.now())
    if refused is None and assessment is None and link is not None and link.is_spent:
        refused = errors.LinkSpent()
    if refused is not None:
        await Ticket.refused(ticket.id, type(refused).__name__, clock.now())
        return refused
    if assessment is None:
        assessment = await _begin(task, ticket, link)
    if link is not None:
        await AccessLink.opened(link.id, clock.now())
    return assessment


async def _begin(task: Task, ticket: Ticket, link: AccessLink | None) -> Assessment:
    """A new assessment of the ticket, whose lock is held."""
    assessment = new(
        Assessment,
        organization_id=ticket.organization_id,
        task_id=ticket.task_id,
        ticket_id=ticket.id,
        link_id=link.id if link else None,
        lapses_at=admission.lapses_at(task, ticket),
    )
    unit.be_sure()
    # the partial unique index has the last word, whatever was read
    if not await add(assessment, is_first=True) and (kept := admission.open_among(await Assessment.of_ticket(ticket))):
        return kept
    actor = ticket.actor_in(None)
    moves.begin(assessment, actor)
    if ticket.status is TicketStatus.ISSUED:
        await moves.move(ticket, TicketStatus.ACTIVATED, actor)
    if link is not None:
        await AccessLink.use(link.id)
    return assessment


def _named(claims: LinkClaims, link: AccessLink | None) -> AccessLink:
    """The link that the token names. Raises LinkInvalid when it is gone or replaced."""
    if link is None or link.version != claims.version:
        raise errors.LinkInvalid
    return link


def _must_count(claims: LinkClaims, link: AccessLink) -> None:
    """Raise why the link lets nobody in who is not sitting a test: LinkRevoked, LinkExpired."""
    ends = [at for at in (claims.expires_at, link.expires_at) if at is not None]
    if ends and clock.now() >= min(ends):
        raise errors.LinkExpired
    if link.revoked_at is not None:
        raise errors.LinkRevoked
