"""Inputs and answers of signing up and logging in."""

from __future__ import annotations

import strawberry

import errors
import models
from schema.node import column, lazy, optional
from schema.refusals import result

_Organization = lazy("schema.organization.Organization")
_Member = lazy("schema.member.Member")


@strawberry.input(description="A new organization and its owner.")
class SignUpInput:
    """What signUp takes."""

    organization_name: str = column("The organization's name.")
    full_name: str = column("The owner's name.")
    email: str = column("The owner's e-mail address, to log in with.")
    password: str = column("The owner's password.")


@strawberry.type(description="The organization, its owner, and the owner's tokens.")
class SignUpSuccess:
    """What signUp answers."""

    organization: models.Organization = strawberry.field(
        graphql_type=_Organization, description="The new organization."
    )
    member: models.Member = strawberry.field(graphql_type=_Member, description="Its owner.")
    access_token: str = column("Send it as `Authorization: Bearer …`; good for 15 minutes.")
    refresh_token: str = column("Exchange it with refreshAccessToken; good once.")


SignUpResult = result("SignUpResult", SignUpSuccess, errors.EmailTaken, errors.InvalidInput, errors.PasswordTooWeak)


@strawberry.input(description="Who comes in.")
class LogInInput:
    """What logIn takes."""

    email: str = column("The member's e-mail address.")
    password: str = column("The member's password.")


@strawberry.type(description="The member, the organization, and the tokens to go on with.")
class LogInSuccess:
    """What logIn answers."""

    organization: models.Organization = strawberry.field(graphql_type=_Organization, description="Where they work.")
    member: models.Member = strawberry.field(graphql_type=_Member, description="Who they are.")
    access_token: str = column("Send it as `Authorization: Bearer …`; good for 15 minutes.")
    refresh_token: str = column("Exchange it with refreshAccessToken; good once.")


LogInResult = result("LogInResult", LogInSuccess, errors.CredentialsWrong, errors.SingleSignOnRequired)


@strawberry.input(description="A refresh token to exchange. Send it without an Authorization header.")
class RefreshAccessTokenInput:
    """What refreshAccessToken takes."""

    refresh_token: str = column("The newest refresh token of the log-in. One that comes a second time ends the log-in.")


@strawberry.type(description="New tokens of the same log-in.")
class RefreshAccessTokenSuccess:
    """What refreshAccessToken answers."""

    access_token: str = column("Send it as `Authorization: Bearer …`; good for 15 minutes.")
    refresh_token: str = column("The next one to exchange; the one that was sent is spent.")


RefreshAccessTokenResult = result("RefreshAccessTokenResult", RefreshAccessTokenSuccess)


@strawberry.input(description="Which log-in to end.")
class LogOutInput:
    """What logOut takes."""

    refresh_token: str | None = strawberry.field(
        default=None, description="A refresh token of the log-in; without one it is the access token's that ends."
    )


@strawberry.type(description="The log-in has ended: its tokens no longer count.")
class LogOutSuccess:
    """What logOut answers."""

    ended: bool = column("Whether this call ended it; false if it had ended before.")


LogOutResult = result("LogOutResult", LogOutSuccess)


@strawberry.input(description="Whose log-ins to end.")
class LogOutEverywhereInput:
    """What logOutEverywhere takes."""

    member_id: strawberry.ID | None = optional("A member; oneself by default. Another one needs organization:write.")


@strawberry.type(description="The log-ins have ended: their tokens and streams no longer count.")
class LogOutEverywhereSuccess:
    """What logOutEverywhere answers."""

    ended: int = column("How many log-ins this call ended.")


LogOutEverywhereResult = result("LogOutEverywhereResult", LogOutEverywhereSuccess)
