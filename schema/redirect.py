"""Where candidates are sent on finishing, as staff configure it."""

from __future__ import annotations

import strawberry

import errors
import models
from schema.node import optional
from schema.organization import OrganizationSettings
from schema.refusals import result
from schema.scalars import URL
from schema.task import Task
from schema.ticket import Ticket


@strawberry.input(description="Where candidates go on finishing: of the organization, of one task, or of one ticket.")
class ConfigureFinishRedirectInput:
    """What configureFinishRedirect takes."""

    url: URL | None = optional(
        "An https address on an allowed host. Null or absent: blank; absent beside allowedHosts: as it was.",
        strawberry.UNSET,
    )
    allowed_hosts: list[str] | None = optional("The only hosts there may be, for the organization; null leaves them.")
    task_id: strawberry.ID | None = optional("Configure this task instead of the organization.")
    ticket_id: strawberry.ID | None = optional("Configure this ticket instead of the organization.")


@strawberry.type(description="What is configured now.")
class ConfigureFinishRedirectSuccess:
    """What configureFinishRedirect answers."""

    settings: models.Organization = strawberry.field(
        graphql_type=OrganizationSettings, description="The organization's settings."
    )
    task: models.Task | None = strawberry.field(graphql_type=Task | None, description="The task, if one was named.")
    ticket: models.Ticket | None = strawberry.field(
        graphql_type=Ticket | None, description="The ticket, if one was named."
    )


ConfigureFinishRedirectResult = result(
    "ConfigureFinishRedirectResult", ConfigureFinishRedirectSuccess, errors.RedirectRefused, errors.TooManyRows
)
