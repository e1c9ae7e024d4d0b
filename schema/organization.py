"""The tenant, as its staff see it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

import models
from schema.context import Info
from schema.filters import TaskFilter, TestSessionFilter, TicketFilter
from schema.node import Node, column, connection, derived, itself, lazy, view
from schema.scalars import URL

_SignIn = lazy("schema.sign_in.SignIn")


@strawberry.type(description="What an organization has configured.")
class OrganizationSettings:
    """Columns of the organization."""

    finish_redirect_url: URL | None = column("Where candidates go on finishing; null sends them to the Welcome page.")
    allowed_redirect_hosts: list[str] = column("The only hosts that a finish redirect may name.")
    time_zone: str = column("The IANA time zone for reports and pages.")

    @strawberry.field(
        graphql_type=str | None,
        description="The key, in hex, of the HMAC on finish redirects; null without organization:write.",
    )
    @staticmethod
    def redirect_signing_secret(root: strawberry.Parent[models.Organization], info: Info) -> str | None:
        """Whoever knows it can make redirects that look like ours."""
        return root.redirect_secret.hex() if info.context.actor.may(models.Permission.MANAGE_ORGANIZATION) else None

    sign_in = derived(
        _SignIn | None,
        models.IdentityProvider,
        "organization_id",
        lambda actor, organization, providers: providers[0] if providers else None,  # there is one at most
        description="Where members sign in with the organization's own accounts; null when nowhere.",
    )


@view(models.Organization, description="The tenant: everything else belongs to one.")
class Organization(Node):
    """View of models.Organization."""

    name: str = column("Its name.")
    settings: OrganizationSettings = itself("What it has configured.")
    created_at: datetime = column("When it signed up.")
    tests: Any = connection("schema.test.Test", models.Test, "organization_id", description="Its tests.")
    tasks: Any = connection(
        "schema.task.Task", models.Task, "organization_id", description="Its tasks.", filter=TaskFilter
    )
    tickets: Any = connection(
        "schema.ticket.Ticket", models.Ticket, "organization_id", description="Its tickets.", filter=TicketFilter
    )
    test_sessions: Any = connection(
        "schema.session.TestSession",
        models.TestSession,
        "organization_id",
        description="Its test sessions.",
        filter=TestSessionFilter,
    )
    members: Any = connection(
        "schema.member.Member",
        models.Member,
        "organization_id",
        permission=models.Permission.READ,
        description="The people on staff.",
    )
    api_keys: Any = connection(
        "schema.api_key.ApiKey",
        models.ApiKey,
        "organization_id",
        permission=models.Permission.MANAGE_KEYS,
        description="Programs' credentials. Needs keys:write.",
    )
