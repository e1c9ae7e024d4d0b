"""Programs' credentials."""

from __future__ import annotations

from datetime import datetime

import strawberry

import errors
import models
from schema.enums import Scope
from schema.node import Node, column, view
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
    created_at: datetime = column("When it was made.")


@strawberry.input(description="A new API key.")
class CreateApiKeyInput:
    """What createApiKey takes."""

    name: str = column("What it is for.")
    scopes: list[Scope] = column("What it may do: nothing that its maker may not.")
    expires_at: datetime | None = strawberry.field(default=None, description="When it stops counting; never if null.")


@strawberry.type(description="The key and its secret.")
class CreateApiKeySuccess:
    """What createApiKey answers."""

    api_key: models.ApiKey = strawberry.field(graphql_type=ApiKey, description="The new key.")
    secret: str = column("Send it as `Authorization: Bearer …`. It is shown this once and cannot be read again.")


CreateApiKeyResult = result("CreateApiKeyResult", CreateApiKeySuccess, errors.InvalidInput)


@strawberry.input(description="Which key to end.")
class RevokeApiKeyInput:
    """What revokeApiKey takes."""

    api_key_id: strawberry.ID = column("The key.")


@strawberry.type(description="The key as it is now.")
class RevokeApiKeySuccess:
    """What revokeApiKey answers."""

    api_key: models.ApiKey = strawberry.field(graphql_type=ApiKey, description="The revoked key.")


RevokeApiKeyResult = result("RevokeApiKeyResult", RevokeApiKeySuccess)
