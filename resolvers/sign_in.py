"""Configuring where members sign in."""

from __future__ import annotations

import strawberry

import models
from resolvers.context import Info
from schema.sign_in import (
    ConfigureSignInInput,
    ConfigureSignInResult,
    ConfigureSignInSuccess,
    RemoveSignInInput,
    RemoveSignInResult,
    RemoveSignInSuccess,
)
from services import identity_providers
from services.identity_providers import Wanted


@strawberry.type
class SignInMutations:
    """Mutations about the organization's identity provider."""

    @strawberry.mutation(
        graphql_type=ConfigureSignInResult, description="Let members sign in with the organization's own accounts."
    )
    async def configure_sign_in(self, info: Info, input: ConfigureSignInInput) -> ConfigureSignInSuccess:
        """Needs organization:write, and a person."""
        site, actor = info.context.site, info.context.actor
        return ConfigureSignInSuccess(settings=await identity_providers.configure(site, actor, Wanted(**vars(input))))

    @strawberry.mutation(
        graphql_type=RemoveSignInResult, description="Let members log in by password alone; again changes nothing."
    )
    async def remove_sign_in(self, info: Info, input: RemoveSignInInput) -> RemoveSignInSuccess:
        """Needs organization:write, and a person."""
        key = models.Organization.key_of(input.organization_id)
        return RemoveSignInSuccess(settings=await identity_providers.remove(info.context.actor, key))
