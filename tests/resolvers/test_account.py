"""Signing up, logging in, and what the tokens are good for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from argon2 import PasswordHasher

from models import Event
from tests.world import LOG_IN, PASSWORD, SIGN_UP, Clock, Door

NAME = "{ organization { name } }"

REFRESH = """
mutation ($input: RefreshAccessTokenInput!) {
  refreshAccessToken(input: $input) { __typename ... on RefreshAccessTokenSuccess { accessToken refreshToken } }
}
"""
LOG_OUT = "mutation ($input: LogOutInput!) { logOut(input: $input) { __typename ... on LogOutSuccess { ended } } }"


async def logged() -> list[str]:
    """The types of all events, in order."""
    return [event.type.value for event in await Event.all().order_by("position")]


async def test_signing_up_makes_an_organization_that_its_owner_can_read(door: Door) -> None:
    owner = await door.sign_up("Hill School")

    data = await owner.ask(NAME)

    assert data == {"organization": {"name": "Hill School"}}


async def test_refuses_an_email_address_that_is_taken(door: Door) -> None:
    owner = await door.sign_up()
    taken = owner.known["member"]["email"].upper()

    answer = await door.mutate(SIGN_UP, organizationName="Other", fullName="Other", email=taken, password=PASSWORD)

    assert answer["__typename"] == "EmailTaken"
    assert await logged() == ["ORGANIZATION_CREATED", "MEMBER_LOGGED_IN"]


async def test_two_sign_ups_at_once_with_one_address_make_one_organization(door: Door) -> None:
    person = {"organizationName": "Twin", "fullName": "Twin", "email": "twin@example.org", "password": PASSWORD}

    answers = await asyncio.gather(door.mutate(SIGN_UP, **person), door.mutate(SIGN_UP, **person))

    assert sorted(answer["__typename"] for answer in answers) == ["EmailTaken", "SignUpSuccess"]
    assert await logged() == ["ORGANIZATION_CREATED", "MEMBER_LOGGED_IN"]


@pytest.mark.parametrize(
    ("wrong", "typename"),
    [
        ({"email": "nobody"}, "InvalidInput"),
        ({"organizationName": "   "}, "InvalidInput"),
        ({"fullName": "a" * 201}, "InvalidInput"),
        ({"fullName": "Bell\x07"}, "InvalidInput"),
        ({"password": "short"}, "PasswordTooWeak"),
        ({"password": "x" * 201}, "PasswordTooWeak"),
    ],
)
async def test_signing_up_refuses_what_cannot_be_kept(door: Door, wrong: dict[str, str], typename: str) -> None:
    good = {"organizationName": "Good", "fullName": "Good", "email": "good@example.org", "password": PASSWORD}

    answer = await door.mutate(SIGN_UP, **{**good, **wrong})

    assert answer["__typename"] == typename
    assert await logged() == []


async def test_nobody_reads_without_a_credential(door: Door) -> None:
    assert await door.code_of(NAME) == "UNAUTHENTICATED"


async def test_logging_in_answers_tokens_that_count(door: Door) -> None:
    owner = await door.sign_up("Hill School")
    email = owner.known["member"]["email"]

    answer = await door.mutate(LOG_IN, email=f" {email.upper()} ", password=PASSWORD)

    assert answer["member"] == {"id": owner.known["member"]["id"], "email": email, "role": "OWNER"}
    assert answer["organization"] == {"id": owner.known["organization"]["id"], "name": "Hill School"}
    assert await door.with_token(answer["accessToken"]).ask(NAME) == {"organization": {"name": "Hill School"}}
    assert await logged() == ["ORGANIZATION_CREATED", "MEMBER_LOGGED_IN", "MEMBER_LOGGED_IN"]


@pytest.mark.parametrize("address", ["nobody@example.org", "not an address", "", "nul\x00@example.org"])
async def test_an_unknown_address_gets_the_answer_of_a_wrong_password(door: Door, address: str) -> None:
    owner = await door.sign_up()

    unknown = await door.mutate(LOG_IN, email=address, password=PASSWORD)
    wrong = await door.mutate(LOG_IN, email=owner.known["member"]["email"], password="a wrong password")

    assert unknown == wrong == {"__typename": "CredentialsWrong", "message": wrong["message"]}
    assert await logged() == ["ORGANIZATION_CREATED", "MEMBER_LOGGED_IN"]


async def test_an_unknown_address_costs_one_hash_as_a_wrong_password_does(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await door.sign_up()
    hashes: list[str | bytes] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, hash: str | bytes, password: str | bytes) -> bool:
        hashes.append(password)
        return verify(self, hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    for address in ("nobody@example.org", "not an address", owner.known["member"]["email"]):
        await door.mutate(LOG_IN, email=address, password="a wrong password")

    assert hashes == [b"a wrong password"] * 3


async def test_guessing_is_limited_also_when_the_guesses_come_at_once(door: Door) -> None:
    owner = await door.sign_up()
    guess = {"email": owner.known["member"]["email"], "password": "a wrong password"}

    answers = await asyncio.gather(*(door.execute(LOG_IN, input=guess) for _ in range(15)))
    right = await door.execute(LOG_IN, input={**guess, "password": PASSWORD})

    assert sum("errors" not in answer for answer in answers) == 3  # from then on each has to be waited for
    assert right["errors"][0]["extensions"] == {"code": "RATE_LIMITED", "retryAfter": 1}


async def test_logging_in_rightly_spends_no_guess(door: Door) -> None:
    owner = await door.sign_up()
    right = {"email": owner.known["member"]["email"], "password": PASSWORD}

    answers = [await door.mutate(LOG_IN, **right) for _ in range(12)]

    assert {answer["__typename"] for answer in answers} == {"LogInSuccess"}


async def test_an_access_token_ends_after_its_time(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    clock.forward(minutes=14, seconds=59)
    before = await owner.code_of(NAME)

    clock.forward(seconds=1)

    assert (before, await owner.code_of(NAME)) == (None, "UNAUTHENTICATED")


async def test_refreshing_answers_new_tokens_that_count(door: Door, clock: Clock) -> None:
    owner = await door.sign_up("Hill School")
    clock.forward(days=1)

    first = await door.mutate(REFRESH, refreshToken=owner.known["refreshToken"])
    second = await door.mutate(REFRESH, refreshToken=first["refreshToken"])

    assert await door.with_token(first["accessToken"]).code_of(NAME) is None
    assert await door.with_token(second["accessToken"]).code_of(NAME) is None


async def test_a_refresh_token_that_comes_twice_ends_the_log_in(door: Door) -> None:
    owner = await door.sign_up()
    first = await door.mutate(REFRESH, refreshToken=owner.known["refreshToken"])

    again = await door.code_of(REFRESH, input={"refreshToken": owner.known["refreshToken"]})

    assert again == "UNAUTHENTICATED"
    assert await door.code_of(REFRESH, input={"refreshToken": first["refreshToken"]}) == "UNAUTHENTICATED"
    assert await door.with_token(first["accessToken"]).code_of(NAME) == "UNAUTHENTICATED"
    assert await logged() == ["ORGANIZATION_CREATED", "MEMBER_LOGGED_IN", "MEMBER_LOGGED_OUT"]


async def test_of_many_refreshes_at_once_exactly_one_wins(door: Door) -> None:
    owner = await door.sign_up()

    answers = await asyncio.gather(
        *(door.execute(REFRESH, input={"refreshToken": owner.known["refreshToken"]}) for _ in range(8))
    )

    assert sum("errors" not in answer for answer in answers) == 1
    assert await logged() == ["ORGANIZATION_CREATED", "MEMBER_LOGGED_IN", "MEMBER_LOGGED_OUT"]


async def test_a_log_in_ends_after_its_time_however_often_it_was_refreshed(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    clock.forward(days=29)
    refreshed = await door.mutate(REFRESH, refreshToken=owner.known["refreshToken"])

    clock.forward(days=1)

    assert await door.code_of(REFRESH, input={"refreshToken": refreshed["refreshToken"]}) == "UNAUTHENTICATED"


@pytest.mark.parametrize("token", ["", "junk", "a.b.c"])
async def test_refuses_a_refresh_token_that_is_none(door: Door, token: str) -> None:
    assert await door.code_of(REFRESH, input={"refreshToken": token}) == "UNAUTHENTICATED"


async def test_an_access_token_is_no_refresh_token_nor_the_reverse(door: Door) -> None:
    owner = await door.sign_up()

    refreshed = await door.code_of(REFRESH, input={"refreshToken": owner.token})
    read = await door.with_token(owner.known["refreshToken"]).code_of(NAME)

    assert (refreshed, read) == ("UNAUTHENTICATED", "UNAUTHENTICATED")
    assert await owner.code_of(NAME) is None


async def test_logging_out_ends_the_tokens_of_that_log_in_alone(door: Door) -> None:
    owner = await door.sign_up()
    other = await door.mutate(LOG_IN, email=owner.known["member"]["email"], password=PASSWORD)

    answer = await owner.mutate(LOG_OUT)

    assert answer == {"__typename": "LogOutSuccess", "ended": True}
    assert await owner.code_of(NAME) == "UNAUTHENTICATED"
    assert await door.code_of(REFRESH, input={"refreshToken": owner.known["refreshToken"]}) == "UNAUTHENTICATED"
    assert await door.with_token(other["accessToken"]).code_of(NAME) is None


async def test_logging_out_again_by_the_refresh_token_changes_nothing(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    clock.forward(hours=1)
    token: dict[str, Any] = {"refreshToken": owner.known["refreshToken"]}

    answers = [await door.mutate(LOG_OUT, **token), await door.mutate(LOG_OUT, **token)]

    assert [answer["ended"] for answer in answers] == [True, False]
    assert await logged() == ["ORGANIZATION_CREATED", "MEMBER_LOGGED_IN", "MEMBER_LOGGED_OUT"]


async def test_logging_out_needs_a_log_in(door: Door) -> None:
    assert await door.code_of(LOG_OUT, input={}) == "UNAUTHENTICATED"
