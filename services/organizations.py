"""An organization's settings, and where its candidates are sent on finishing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import errors
from models import Actor, EventType, Organization, Permission, Task, Ticket
from models.event import record
from models.unit import transactional
from services.redirects import check_host, check_target

HOSTS = 100


@dataclass(frozen=True)
class Configured:
    """The settings, and the task or ticket that was configured in their place."""

    settings: Organization
    task: Task | None = None
    ticket: Ticket | None = None


@transactional
async def configure_finish_redirect(
    actor: Actor, url: str | None, allowed_hosts: Sequence[str] | None = None, *, keep_url: bool = False
) -> Configured:
    """Set the organization's address, None for blank, and its allowed hosts, None to leave them.

    Raises RedirectRefused, TooManyRows for more than 100 hosts. Addresses that a shorter list of hosts no longer allows
    stay as they are and are not used.
    """
    organization = await Organization.visible_to(actor).select_for_update().get()
    actor.must(Permission.MANAGE_ORGANIZATION)
    hosts = organization.allowed_redirect_hosts
    if allowed_hosts is not None:
        if len(allowed_hosts) > HOSTS:
            raise errors.TooManyRows(HOSTS)
        hosts = list(dict.fromkeys(check_host(host) for host in allowed_hosts))
    target = organization.finish_redirect_url if keep_url else _checked(url, hosts)
    if (target, hosts) != (organization.finish_redirect_url, organization.allowed_redirect_hosts):
        organization.finish_redirect_url, organization.allowed_redirect_hosts = target, hosts
        await organization.save(update_fields=["finish_redirect_url", "allowed_redirect_hosts"])
        record(EventType.FINISH_REDIRECT_CONFIGURED, organization.gid, actor, blank=target is None, hosts=len(hosts))
    return Configured(organization)


@transactional
async def configure_task_redirect(actor: Actor, task_id: UUID, url: str | None) -> Configured:
    """Set a task's own address, None to leave it to the organization. Raises NotFound, RedirectRefused."""
    task = await Task.locked_by(actor, task_id)
    return Configured(await _narrow(actor, task, url), task=task)


@transactional
async def configure_ticket_redirect(actor: Actor, ticket_id: UUID, url: str | None) -> Configured:
    """Set a ticket's own address, None to leave it to the task. Raises NotFound, RedirectRefused."""
    ticket = await Ticket.locked_by(actor, ticket_id)
    return Configured(await _narrow(actor, ticket, url), ticket=ticket)


async def _narrow(actor: Actor, row: Task | Ticket, url: str | None) -> Organization:
    actor.must(Permission.MANAGE_TASKS)
    organization = await Organization.own(actor)
    target = _checked(url, organization.allowed_redirect_hosts)
    if target != row.finish_redirect_url:
        row.finish_redirect_url = target
        await row.save(update_fields=["finish_redirect_url"])
        record(EventType.FINISH_REDIRECT_CONFIGURED, row.gid, actor, **row.concerns(), blank=target is None)
    return organization


def _checked(url: str | None, hosts: Sequence[str]) -> str | None:
    return check_target(url, hosts) if url else None
