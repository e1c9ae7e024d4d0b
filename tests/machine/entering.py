"""The reference for tasks, tickets, links and coming in: what DOMAIN says, once more, in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tests.machine.tables import RUNNING, UNFINISHED
from tests.machine.things import Assessment, Link, No, Session, Task, Ticket, World

_IN_THE_WAY = {"REVOKED": "TicketRevoked", "SUSPENDED": "TicketSuspended", "CONSUMED": "TicketConsumed"}


def open_task(world: World, task: Task) -> Task:
    """DRAFT or CLOSED to OPEN; again changes nothing."""
    task.status = "OPEN"
    return task


def close_task(world: World, task: Task) -> Task:
    """Only what is open can be closed."""
    if task.status == "DRAFT":
        raise No("MoveNotAllowed")
    task.status = "CLOSED"
    return task


def withdrawn(ticket: Ticket) -> str | None:
    """Why even somebody who waits may not begin."""
    return _IN_THE_WAY[ticket.status] if ticket.status in ("REVOKED", "SUSPENDED") else None


def barriers(ticket: Ticket, now: datetime) -> list[str]:
    """What keeps somebody from coming in or starting anew: what was done to the ticket, then time, then the task."""
    task, found = ticket.task, []
    if ticket.status in _IN_THE_WAY:
        found.append(_IN_THE_WAY[ticket.status])
    if ticket.ends is not None and now >= ticket.ends:
        found.append("TicketExpired")
    elif ticket.status in ("ISSUED", "ACTIVATED") and ticket.begins is not None and now < ticket.begins:
        found.append("TicketNotYetValid")
    if task.status != "OPEN":
        found.append("TaskNotOpen")
    if task.opens is not None and now < task.opens:
        found.append("TicketNotYetValid")
    if task.has_closed(now):
        found.append("TicketExpired")
    return found


def enter(world: World, ticket: Ticket, link: Link | None = None) -> Assessment:
    """The open assessment, or one that is made: free, and as often as one likes."""
    assessment = ticket.open()
    sitting = any(one.status in (*RUNNING, "PAUSED") for one in (assessment.sessions if assessment else ()))
    if link is not None and not sitting:
        if link.expires is not None and world.now >= link.expires:
            raise No("LinkExpired")
        if link.revoked is not None:
            raise No("LinkRevoked")
    if why := _barrier(ticket, assessment.sessions if assessment else (), world.now):
        raise No(why, noted=ticket.gid)
    if assessment is None:
        assessment = _begin(world, ticket, link)
    if link is not None:
        link.opened = world.now
    return assessment


def _barrier(ticket: Ticket, sessions: Sequence[Session], now: datetime) -> str | None:
    if any(session.status in (*RUNNING, "PAUSED") for session in sessions):
        return None  # whoever has begun comes back, whatever has happened
    if any(session.status in UNFINISHED for session in sessions):
        return withdrawn(ticket)
    found = barriers(ticket, now)
    late = ticket.status == "CONSUMED" and ticket.assessments[-1].status == "LAPSED"
    if late and "TicketExpired" in found:
        return "TicketExpired"
    return found[0] if found else None


def _begin(world: World, ticket: Ticket, link: Link | None) -> Assessment:
    if len(ticket.assessments) >= ticket.allowed:
        raise No("TicketConsumed", noted=ticket.gid)
    if link is not None and link.most is not None and link.uses >= link.most:
        raise No("LinkSpent", noted=ticket.gid)
    assessment = Assessment(ticket)
    ticket.assessments.append(assessment)
    if ticket.status == "ISSUED":
        ticket.status = "ACTIVATED"
    if link is not None:
        link.uses += 1
    return assessment


def share(world: World, tickets: Sequence[Ticket], expires: datetime | None, most: int | None) -> list[Link]:
    """A link to each, or none at all."""
    if expires is not None and expires <= world.now:
        raise No("InvalidInput")
    if any(ticket.status == "REVOKED" for ticket in tickets):
        raise No("TicketRevoked")
    links = [Link(ticket, expires, most) for ticket in tickets]
    world.links += links
    return links


def unshare(world: World, link: Link) -> Link:
    """Withdraw a link; again changes nothing."""
    link.revoked = link.revoked or world.now
    return link


def suspend(world: World, tickets: Sequence[Ticket]) -> list[Ticket]:
    """All or none; what is over cannot be put on hold."""
    if any(ticket.status in ("CONSUMED", "REVOKED") for ticket in tickets):
        raise No("MoveNotAllowed")
    for ticket in tickets:
        ticket.status = "SUSPENDED"
    return list(tickets)


def restore(world: World, tickets: Sequence[Ticket]) -> list[Ticket]:
    """All or none, as if they had not been on hold."""
    if any(ticket.status in ("CONSUMED", "REVOKED") for ticket in tickets):
        raise No("MoveNotAllowed")
    for ticket in tickets:
        if ticket.status == "SUSPENDED":
            ticket.status = "ACTIVATED" if ticket.assessments else "ISSUED"
            consume(ticket)
    return list(tickets)


def consume(ticket: Ticket) -> None:
    """Use the ticket up when the last assessment it allows has ended."""
    spent = len(ticket.assessments) >= ticket.allowed and ticket.open() is None
    if spent and ticket.status == "ACTIVATED":
        ticket.status = "CONSUMED"
