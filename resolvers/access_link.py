"""Making shared links and withdrawing them."""

from __future__ import annotations

import strawberry

import models
from resolvers.context import Info
from schema.access_link import (
    CreateAccessLinksInput,
    CreateAccessLinksResult,
    CreateAccessLinksSuccess,
    RevokeAccessLinkInput,
    RevokeAccessLinkResult,
    RevokeAccessLinkSuccess,
)
from services import links


@strawberry.type
class AccessLinkMutations:
    """Mutations about shared links."""

    @strawberry.mutation(graphql_type=CreateAccessLinksResult, description="Make a shared link to each ticket.")
    async def create_access_links(self, info: Info, input: CreateAccessLinksInput) -> CreateAccessLinksSuccess:
        """Those who share links."""
        keys = [models.Ticket.key_of(one) for one in input.ticket_ids]
        site, actor = info.context.site, info.context.actor
        made = await links.create(site, actor, keys, expires_at=input.expires_at, max_uses=input.max_uses)
        return CreateAccessLinksSuccess(access_links=made)

    @strawberry.mutation(
        graphql_type=RevokeAccessLinkResult, description="Withdraw a shared link for good; again changes nothing."
    )
    async def revoke_access_link(self, info: Info, input: RevokeAccessLinkInput) -> RevokeAccessLinkSuccess:
        """Those who share links."""
        key = models.AccessLink.key_of(input.access_link_id)
        return RevokeAccessLinkSuccess(access_link=await links.revoke(info.context.actor, key))
