"""Where an organization's members sign in, when it is not here."""

from __future__ import annotations

import strawberry

import errors
import models
from schema.context import Info
from schema.enums import Role
from schema.node import column, optional, view
from schema.organization import OrganizationSettings
from schema.refusals import result
from schema.scalars import URL


@view(
    models.IdentityProvider,
    description="Where members sign in, by OpenID Connect. The secret of the client there is never shown.",
)
class SignIn:
    """View of models.IdentityProvider."""

    issuer: URL = column("The provider, as it calls itself.")
    client_id: str = column("What the provider calls this installation.")
    allowed_domains: list[str] = column("Whose e-mail addresses may join.")
    default_role: Role | None = column("What those may do who join; null when nobody joins by signing in.")

    @strawberry.field(description="Whether members can no longer log in by password.")
    @staticmethod
    def enforced(root: strawberry.Parent[models.IdentityProvider]) -> bool:
        """As it is configured."""
        return root.is_enforced

    @strawberry.field(graphql_type=URL, description="Where members begin to sign in: give them this link.")
    @staticmethod
    async def start_url(root: strawberry.Parent[models.IdentityProvider], info: Info) -> str:
        """Made from BASE_URL."""
        organization = await info.context.loaders.one(models.Organization, root.organization_id)
        return info.context.urls.sign_in(organization)

    @strawberry.field(graphql_type=URL, description="Where the provider sends them back: register it there.")
    @staticmethod
    async def callback_url(root: strawberry.Parent[models.IdentityProvider], info: Info) -> str:
        """Made from BASE_URL."""
        organization = await info.context.loaders.one(models.Organization, root.organization_id)
        return info.context.urls.sign_in_callback(organization)


@strawberry.input(description="The organization's identity provider, and who may come in through it.")
class ConfigureSignInInput:
    """What configureSignIn takes."""

    issuer: URL = column("The provider, as it calls itself, to the letter.")
    client_id: str = column("What the provider calls this installation.")
    client_secret: str | None = optional("The client's secret there. Null keeps the one before, for the same client.")
    allowed_domains: list[str] = strawberry.field(
        default_factory=list, description="Whose e-mail addresses may join, like example.org."
    )
    default_role: Role | None = optional("What those may do who join: anything but OWNER. Null: nobody joins.")
    enforced: bool = optional(
        "End logging in by password. Needs that an OWNER has come in this way; ends every log-in but the caller's.",
        default=False,
    )


@strawberry.type(description="What is configured now.")
class ConfigureSignInSuccess:
    """What configureSignIn answers."""

    settings: models.Organization = strawberry.field(
        graphql_type=OrganizationSettings, description="The organization's settings."
    )


ConfigureSignInResult = result(
    "ConfigureSignInResult",
    ConfigureSignInSuccess,
    errors.IdentityProviderUnreachable,
    errors.InvalidInput,
    errors.SignInUnproved,
    errors.TooManyRows,
)


@strawberry.input(description="Whose identity provider to forget.")
class RemoveSignInInput:
    """What removeSignIn takes."""

    organization_id: strawberry.ID = column("The organization.")


@strawberry.type(description="What is configured now.")
class RemoveSignInSuccess:
    """What removeSignIn answers."""

    settings: models.Organization = strawberry.field(
        graphql_type=OrganizationSettings, description="The organization's settings."
    )


RemoveSignInResult = result("RemoveSignInResult", RemoveSignInSuccess)
