"""Programs' credentials."""

from __future__ import annotations

import asyncio
from datetime import datetime

import strawberry

import errors
import models
from schema.context import Info
from schema.enums import Scope
from schema.node import Node, column, lazy, optional, view
from schema.refusals import result


@view(models.ApiKey, description="A program's credential. Its secret is shown once, when it is made.")
class ApiKey(Node):
    """View of models.ApiKey."""

    name: str = column("What it is for.")
    prefix_shown: str = column("The first characters of the secret, to tell keys apart.")
    scopes: list[Scope] = column("What it may do.")
    expires_at: datetime | None = column("When it stops counting by itself.")
    revoked_at: datetime | None = column("When it was revoked.")
    last_used_at: datetime | None = column("When it was used last, to the minute.")
    previous_secret_until: datetime | None = column(
        "Until when the secret before this one counts, too; null when none does."
    )
    created_at: datetime = column("When it was made.")

    @strawberry.field(
        graphql_type=list[lazy("schema.task.Task")] | None,  # type: ignore[misc]  # made at run time
        description="The only tasks that it knows of, oldest first; null when it is not narrowed to some.",
    )
    @staticmethod
    async def tasks(root: strawberry.Parent[models.ApiKey], info: Info) -> list[models.Task] | None:
        """By the loader."""
        if root.narrowed_to is None:
            return None
        one = info.context.loaders.one
        return await asyncio.gather(*(one(models.Task, key) for key in sorted(root.narrowed_to)))


@strawberry.input(description="A new API key.")
class CreateApiKeyInput:
    """What createApiKey takes."""

    name: str = column("What it is for.")
    scopes: list[Scope] = column("What it may do: nothing that its maker may not.")
    expires_at: datetime | None = strawberry.field(default=None, description="When it stops counting; never if null.")
    task_ids: list[strawberry.ID] | None = optional(
        "The only tasks that it shall know of, between 1 and 100; null for all. Such a key makes no tests, no tasks "
        "and no settings of the organization, whatever its scopes."
    )


@strawberry.type(description="The key and its secret.")
class CreateApiKeySuccess:
    """What createApiKey answers."""

    api_key: models.ApiKey = strawberry.field(graphql_type=ApiKey, description="The new key.")
    secret: str = column("Send it as `Authorization: Bearer …`. It is shown this once and cannot be read again.")


CreateApiKeyResult = result("CreateApiKeyResult", CreateApiKeySuccess, errors.InvalidInput, errors.TooManyRows)


@strawberry.input(description="Which key is to have another secret.")
class RotateApiKeyInput:
    """What rotateApiKey takes."""

    api_key_id: strawberry.ID = column("The key.")
    overlap_seconds: int | None = optional(
        "How long the present secret counts on, at most 2,592,000 (30 days); 0 ends it at once.", 86_400
    )


@strawberry.type(description="The key and its new secret.")
class RotateApiKeySuccess:
    """What rotateApiKey answers."""

    api_key: models.ApiKey = strawberry.field(graphql_type=ApiKey, description="The key as it is now.")
    secret: str = column("Send it as `Authorization: Bearer …`. It is shown this once and cannot be read again.")


RotateApiKeyResult = result(
    "RotateApiKeyResult", RotateApiKeySuccess, errors.ApiKeyEnded, errors.ApiKeyJustRotated, errors.InvalidInput
)


@strawberry.input(description="Which key to end.")
class RevokeApiKeyInput:
    """What revokeApiKey takes."""

    api_key_id: strawberry.ID = column("The key.")


@strawberry.type(description="The key as it is now.")
class RevokeApiKeySuccess:
    """What revokeApiKey answers."""

    api_key: models.ApiKey = strawberry.field(graphql_type=ApiKey, description="The revoked key.")


RevokeApiKeyResult = result("RevokeApiKeyResult", RevokeApiKeySuccess)
