"""Configuring where candidates go on finishing."""

from __future__ import annotations

import strawberry

import errors
import models
from resolvers.context import Info
from schema.redirect import ConfigureFinishRedirectInput, ConfigureFinishRedirectResult, ConfigureFinishRedirectSuccess
from services import organizations


@strawberry.type
class RedirectMutations:
    """Mutations about finish redirects."""

    @strawberry.mutation(
        graphql_type=ConfigureFinishRedirectResult, description="Set where candidates go on finishing; null for blank."
    )
    async def configure_finish_redirect(
        self, info: Info, input: ConfigureFinishRedirectInput
    ) -> ConfigureFinishRedirectSuccess:
        """Of the organization, or of what is named."""
        return ConfigureFinishRedirectSuccess(**vars(await _configured(info.context.actor, input)))


async def _configured(actor: models.Actor, input: ConfigureFinishRedirectInput) -> organizations.Configured:
    url = input.url or None
    if input.task_id is None and input.ticket_id is None:
        keep = input.url is strawberry.UNSET and input.allowed_hosts is not None
        return await organizations.configure_finish_redirect(actor, url, input.allowed_hosts, keep_url=keep)
    if input.allowed_hosts is not None or (input.task_id and input.ticket_id):
        raise errors.BadRequest("Name a task or a ticket, not both; allowed hosts are the organization's.")
    if input.task_id is not None:
        return await organizations.configure_task_redirect(actor, models.Task.key_of(input.task_id), url)
    return await organizations.configure_ticket_redirect(actor, models.Ticket.key_of(input.ticket_id or ""), url)
