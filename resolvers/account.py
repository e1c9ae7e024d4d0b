"""Signing up, logging in, and the keys of programs."""

from __future__ import annotations

import strawberry

import models
from resolvers.context import Info
from schema.account import (
    LogInInput,
    LogInResult,
    LogInSuccess,
    LogOutEverywhereInput,
    LogOutEverywhereResult,
    LogOutEverywhereSuccess,
    LogOutInput,
    LogOutResult,
    LogOutSuccess,
    RefreshAccessTokenInput,
    RefreshAccessTokenResult,
    RefreshAccessTokenSuccess,
    SignUpInput,
    SignUpResult,
    SignUpSuccess,
)
from schema.api_key import (
    CreateApiKeyInput,
    CreateApiKeyResult,
    CreateApiKeySuccess,
    RevokeApiKeyInput,
    RevokeApiKeyResult,
    RevokeApiKeySuccess,
    RotateApiKeyInput,
    RotateApiKeyResult,
    RotateApiKeySuccess,
)
from services import accounts, api_keys, log_outs


@strawberry.type
class AccountMutations:
    """Mutations about who may come in."""

    @strawberry.mutation(graphql_type=SignUpResult, description="Make an organization and its owner.")
    async def sign_up(self, info: Info, input: SignUpInput) -> SignUpSuccess:
        """Anybody may."""
        made = await accounts.sign_up(
            info.context.site, input.organization_name, input.full_name, input.email, input.password
        )
        return SignUpSuccess(**vars(made))

    @strawberry.mutation(graphql_type=LogInResult, description="Exchange an e-mail address and password for tokens.")
    async def log_in(self, info: Info, input: LogInInput) -> LogInSuccess:
        """Anybody may try, so many times."""
        site, address = info.context.site, info.context.address
        made = await accounts.log_in(site, address, input.email, input.password)
        return LogInSuccess(**vars(made))

    @strawberry.mutation(graphql_type=RefreshAccessTokenResult, description="Exchange a refresh token for new tokens.")
    async def refresh_access_token(self, info: Info, input: RefreshAccessTokenInput) -> RefreshAccessTokenSuccess:
        """The refresh token is the authority."""
        made = await accounts.refresh(info.context.site, input.refresh_token)
        return RefreshAccessTokenSuccess(access_token=made.access_token, refresh_token=made.refresh_token)

    @strawberry.mutation(graphql_type=LogOutResult, description="End a log-in; again changes nothing.")
    async def log_out(self, info: Info, input: LogOutInput) -> LogOutSuccess:
        """Whoever holds a token of the log-in may."""
        ended = await accounts.log_out(info.context.site, info.context.actor, input.refresh_token)
        return LogOutSuccess(ended=ended)

    @strawberry.mutation(
        graphql_type=LogOutEverywhereResult, description="End every log-in of a member: on all devices, at once."
    )
    async def log_out_everywhere(self, info: Info, input: LogOutEverywhereInput) -> LogOutEverywhereSuccess:
        """A member may for themselves; for another it needs organization:write."""
        member = None if input.member_id is None else models.Member.key_of(input.member_id)
        return LogOutEverywhereSuccess(ended=await log_outs.everywhere(info.context.actor, member))

    @strawberry.mutation(graphql_type=CreateApiKeyResult, description="Make a program's credential.")
    async def create_api_key(self, info: Info, input: CreateApiKeyInput) -> CreateApiKeySuccess:
        """Needs keys:write, and every scope and task that is given away."""
        site, actor, scopes = info.context.site, info.context.actor, frozenset(input.scopes)
        tasks = None if input.task_ids is None else [models.Task.key_of(one) for one in input.task_ids]
        return CreateApiKeySuccess(
            **vars(await api_keys.create(site, actor, input.name, scopes, input.expires_at, tasks))
        )

    @strawberry.mutation(
        graphql_type=RotateApiKeyResult,
        description="Give an API key another secret at once; the present one counts for a while longer.",
    )
    async def rotate_api_key(self, info: Info, input: RotateApiKeyInput) -> RotateApiKeySuccess:
        """Needs keys:write, and whatever the key may do."""
        key = models.ApiKey.key_of(input.api_key_id)
        overlap = api_keys.OVERLAP if input.overlap_seconds is None else input.overlap_seconds
        return RotateApiKeySuccess(**vars(await api_keys.rotate(info.context.site, info.context.actor, key, overlap)))

    @strawberry.mutation(graphql_type=RevokeApiKeyResult, description="End an API key for good; again changes nothing.")
    async def revoke_api_key(self, info: Info, input: RevokeApiKeyInput) -> RevokeApiKeySuccess:
        """Needs keys:write."""
        key = models.ApiKey.key_of(input.api_key_id)
        return RevokeApiKeySuccess(api_key=await api_keys.revoke(info.context.actor, key))
