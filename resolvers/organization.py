"""Reading the credential's own organization."""

from __future__ import annotations

import strawberry

import models
from resolvers.context import Info
from schema.declared import Found, declared
from schema.organization import Organization


@strawberry.type
class OrganizationQueries:
    """Where every read of staff begins."""

    @strawberry.field(
        graphql_type=Organization | None,
        description="The credential's own organization.",
        metadata=declared(Found(models.Organization, lambda _: {}, is_candidates=False)),
    )
    async def organization(self, info: Info) -> models.Organization:
        """Staff only: a candidate has no business in it."""
        info.context.actor.must(models.Permission.READ)
        return await models.Organization.own(info.context.actor)
