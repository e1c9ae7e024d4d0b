"""Another secret for an API key: at once, with the old one good for a while, and no key lost to a new SECRET_KEY."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from models import ApiKey, Event, Role
from server import create_app
from settings import Settings
from tests.world import Clock, Door

CREATE = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { ... on CreateApiKeySuccess { secret apiKey { id prefixShown } } }
}
"""
ROTATE = """
mutation ($input: RotateApiKeyInput!) {
  rotateApiKey(input: $input) {
    __typename
    ... on RotateApiKeySuccess { secret apiKey { id prefixShown previousSecretUntil expiresAt } }
    ... on InvalidInput { field }
    ... on Refusal { message }
  }
}
"""
REVOKE = "mutation ($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { __typename } }"
KEYS = "{ organization { apiKeys { nodes { id previousSecretUntil lastUsedAt } } } }"
NAME = "{ organization { name } }"
SECRETS = [f"the secret of year {number}, which is long enough" for number in range(4)]


async def new_key(owner: Door, *scopes: str, **more: Any) -> tuple[str, str]:
    """A key's id and its secret."""
    made = await owner.mutate(CREATE, name="Robot", scopes=scopes or ["READ"], **more)
    return made["apiKey"]["id"], made["secret"]


async def rotated(owner: Door, key: str, **more: Any) -> str:
    """The key's next secret."""
    made = await owner.mutate(ROTATE, apiKeyId=key, **more)
    assert made["__typename"] == "RotateApiKeySuccess", made
    secret: str = made["secret"]
    return secret


async def counting(door: Door, *secrets: str) -> list[bool]:
    """Which of the secrets count."""
    return [await door.with_token(secret).code_of(NAME) is None for secret in secrets]


async def rotations() -> list[Event]:
    """What the log says of them."""
    return await Event.filter(type="API_KEY_ROTATED").order_by("position")


async def test_the_new_secret_counts_at_once_and_the_old_one_for_a_day(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    key, old = await new_key(owner)
    until = clock.time + timedelta(days=1)

    made = await owner.mutate(ROTATE, apiKeyId=key)
    clock.forward(minutes=10)
    both = await counting(door, old, made["secret"])
    clock.time = until - timedelta(seconds=1)
    still = await counting(door, old, made["secret"])
    clock.forward(seconds=1)
    over = await counting(door, old, made["secret"])

    assert (both, still, over) == ([True, True], [True, True], [False, True])
    assert made["apiKey"] == {
        "id": key,
        "prefixShown": made["secret"][:12],
        "previousSecretUntil": until.isoformat(),
        "expiresAt": None,
    }


async def test_until_when_the_old_secret_counts_is_shown_and_then_nothing_is(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    key, _ = await new_key(owner)
    seen = [(await owner.ask(KEYS))["organization"]["apiKeys"]["nodes"][0]["previousSecretUntil"]]

    await rotated(owner, key, overlapSeconds=60)
    for _ in range(2):
        seen.append((await owner.ask(KEYS))["organization"]["apiKeys"]["nodes"][0]["previousSecretUntil"])
        clock.forward(seconds=60)

    assert seen == [None, "2026-01-02T03:05:05+00:00", None]


async def test_without_an_overlap_the_old_secret_ends_at_once(door: Door) -> None:
    owner = await door.sign_up()
    key, old = await new_key(owner)

    new = await rotated(owner, key, overlapSeconds=0)

    assert await counting(door, old, new) == [False, True]
    assert (await ApiKey.get()).previous_hash is None


async def test_rotating_again_in_the_overlap_ends_the_oldest_at_once(door: Door) -> None:
    owner = await door.sign_up()
    key, first = await new_key(owner)

    second = await rotated(owner, key)
    third = await rotated(owner, key)

    assert await counting(door, first, second, third) == [False, True, True]


@pytest.mark.parametrize("seconds", [-1, 30 * 86_400 + 1, 2**31 - 1])
async def test_refuses_an_overlap_that_makes_no_sense(door: Door, seconds: int) -> None:
    owner = await door.sign_up()
    key, secret = await new_key(owner)

    answer = await owner.mutate(ROTATE, apiKeyId=key, overlapSeconds=seconds)

    assert (answer["__typename"], answer["field"]) == ("InvalidInput", "overlapSeconds")
    assert await counting(door, secret) == [True]
    assert await rotations() == []


async def test_thirty_days_are_the_longest_overlap(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    key, old = await new_key(owner)

    await rotated(owner, key, overlapSeconds=30 * 86_400)
    clock.forward(days=29, hours=23)

    assert await counting(door, old) == [True]


async def test_a_revoked_key_and_one_that_expired_cannot_be_rotated(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    revoked, _ = await new_key(owner)
    expired, _ = await new_key(owner, expiresAt=(clock.time + timedelta(minutes=1)).isoformat())
    await owner.mutate(REVOKE, apiKeyId=revoked)
    clock.forward(minutes=1)
    before = [(key.hash, key.previous_hash) for key in await ApiKey.all().order_by("id")]

    answers = [await owner.mutate(ROTATE, apiKeyId=key) for key in (revoked, expired)]

    assert [answer["__typename"] for answer in answers] == ["ApiKeyEnded"] * 2
    assert [(key.hash, key.previous_hash) for key in await ApiKey.all().order_by("id")] == before
    assert await rotations() == []


async def test_revoking_ends_both_secrets(door: Door) -> None:
    owner = await door.sign_up()
    key, old = await new_key(owner)
    new = await rotated(owner, key)

    await owner.mutate(REVOKE, apiKeyId=key)

    assert await counting(door, old, new) == [False, False]


async def test_an_overlap_does_not_outlive_the_key(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    key, old = await new_key(owner, expiresAt=(clock.time + timedelta(minutes=1)).isoformat())

    new = await rotated(owner, key)
    clock.forward(minutes=1)

    assert await counting(door, old, new) == [False, False]


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.PROCTOR, Role.VIEWER])
async def test_only_who_manages_keys_rotates_them(door: Door, role: Role) -> None:
    owner = await door.sign_up()
    key, secret = await new_key(owner)
    colleague, stranger = await owner.colleague(role), await door.sign_up()

    codes = [await who.code_of(ROTATE, input={"apiKeyId": key}) for who in (colleague, stranger, door)]

    assert codes == ["FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED"]
    assert await counting(door, secret) == [True]


async def test_nobody_takes_over_a_key_that_may_more_than_they(door: Door) -> None:
    owner = await door.sign_up()
    strong, secret = await new_key(owner, "READ", "GRADE")
    weak, _ = await new_key(owner, "READ")
    keeper = door.with_token((await new_key(owner, "READ", "MANAGE_KEYS"))[1])

    codes = [await keeper.code_of(ROTATE, input={"apiKeyId": key}) for key in (strong, weak)]

    assert codes == ["FORBIDDEN", None]
    assert await counting(door, secret) == [True]


async def test_a_key_that_ends_takes_over_none_that_ends_later(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    soon, late = [(clock.time + timedelta(hours=hours)).isoformat() for hours in (1, 2)]
    mine, own = await new_key(owner, "READ", "MANAGE_KEYS", expiresAt=soon)
    others = [await new_key(owner, expiresAt=ends) for ends in (None, late, soon)]

    codes = [await door.with_token(own).code_of(ROTATE, input={"apiKeyId": key}) for key, _ in others]
    counted = await counting(door, *(secret for _, secret in others))
    itself = await door.with_token(own).mutate(ROTATE, apiKeyId=mine)

    assert (codes, counted) == (["FORBIDDEN", "FORBIDDEN", None], [True] * 3)
    assert itself["apiKey"]["expiresAt"] == soon


async def test_only_the_present_secret_of_a_key_rotates_it(door: Door) -> None:
    key, old = await new_key(await door.sign_up(), "READ", "MANAGE_KEYS")
    new = await rotated(door.with_token(old), key)

    code = await door.with_token(old).code_of(ROTATE, input={"apiKeyId": key})
    counted = await counting(door, old, new)
    newest = await rotated(door.with_token(new), key)

    assert (code, counted) == ("FORBIDDEN", [True, True])
    assert await counting(door, old, new, newest) == [False, True, True]


async def test_an_oauth_token_of_a_key_does_not_rotate_it(door: Door) -> None:
    key, secret = await new_key(await door.sign_up(), "READ", "MANAGE_KEYS")
    form = {"grant_type": "client_credentials"}
    token = (await door.client.post("/oauth/token", data=form, auth=(key, secret))).json()["access_token"]

    code = await door.with_token(token).code_of(ROTATE, input={"apiKeyId": key})

    assert code == "FORBIDDEN"
    assert await rotations() == []


async def test_of_many_rotations_at_the_same_moment_nothing_is_lost(door: Door) -> None:
    owner = await door.sign_up()
    key, first = await new_key(owner)

    answers = await asyncio.gather(*(owner.mutate(ROTATE, apiKeyId=key) for _ in range(8)))

    won = [answer["secret"] for answer in answers if answer["__typename"] == "RotateApiKeySuccess"]
    assert {answer["__typename"] for answer in answers} <= {"RotateApiKeySuccess", "ApiKeyJustRotated"}
    assert 1 <= len(won) < 8
    assert len(await rotations()) == len(won)
    assert sum(await counting(door, first, *won)) == 2


async def test_two_who_read_the_same_secret_do_not_both_replace_it(door: Door, clock: Clock) -> None:
    key, _ = await new_key(await door.sign_up())
    row = await ApiKey.get(id=key.partition("_")[2])

    new = [str(n) * 64 for n in range(2)]
    won = await asyncio.gather(*(ApiKey.rotate(row.id, row.hash, one, "us", "admit_", clock.time) for one in new))

    assert sorted(won) == [False, True]
    assert (await ApiKey.get()).hash == str(won.index(True)) * 64


async def test_the_event_says_who_and_which_and_no_secret(door: Door) -> None:
    owner = await door.sign_up()
    key, _ = await new_key(owner)

    await rotated(owner, key, overlapSeconds=60)

    [event] = await rotations()
    assert (event.subject, event.actor, event.payload) == (key, owner.known["member"]["id"], {"overlap": 60})


async def test_no_secret_is_kept(door: Door) -> None:
    owner = await door.sign_up()
    key, old = await new_key(owner)

    new = await rotated(owner, key)

    row = str(vars(await ApiKey.get()))
    assert old not in row
    assert new not in row


# ---- a new SECRET_KEY ------------------------------------------------------------------------------------------


@asynccontextmanager
async def installation(settings: Settings, secret: str, previous: str = "") -> AsyncIterator[Door]:
    """The same installation, started with these secrets."""
    app = create_app(replace(settings, secret_key=secret, secret_key_previous=previous))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://admit.test") as client,
    ):
        yield Door(client)


async def test_a_key_in_use_outlives_any_number_of_new_secret_keys(settings: Settings, clock: Clock) -> None:
    async with installation(settings, SECRETS[0]) as door:
        owner = await door.sign_up()
        used, unused = [(await new_key(owner))[1] for _ in range(2)]
    seen = []

    for old, new in pairwise(SECRETS):
        async with installation(settings, new, old) as door:
            seen.append(await counting(door, used))

    assert seen == [[True]] * 3
    async with installation(settings, SECRETS[-1]) as door:
        assert await counting(door, used, unused) == [True, False]  # only who sends a secret can have it kept anew


async def test_in_an_overlap_both_secrets_outlive_a_new_secret_key(settings: Settings, clock: Clock) -> None:
    async with installation(settings, SECRETS[0]) as door:
        owner = await door.sign_up()
        key, old = await new_key(owner)
        new = await rotated(owner, key)

    async with installation(settings, SECRETS[1], SECRETS[0]) as door:
        during = await counting(door, old, new)
    async with installation(settings, SECRETS[1]) as door:
        after = await counting(door, old, new)

    assert (during, after) == ([True, True], [True, True])


async def test_a_key_rotates_itself_by_a_secret_of_before_a_new_secret_key(settings: Settings, clock: Clock) -> None:
    async with installation(settings, SECRETS[0]) as door:
        key, secret = await new_key(await door.sign_up(), "READ", "MANAGE_KEYS")

    async with installation(settings, SECRETS[1], SECRETS[0]) as door:
        new = await rotated(door.with_token(secret), key)

        assert await counting(door, secret, new) == [True, True]


async def test_first_uses_at_the_same_moment_after_a_new_secret_key_all_count(settings: Settings, clock: Clock) -> None:
    async with installation(settings, SECRETS[0]) as door:
        _, secret = await new_key(await door.sign_up())

    async with installation(settings, SECRETS[1], SECRETS[0]) as door:
        program = door.with_token(secret)
        codes = await asyncio.gather(*(program.code_of(NAME) for _ in range(8)))
    async with installation(settings, SECRETS[1]) as door:
        after = await counting(door, secret)

    assert (codes, after) == ([None] * 8, [True])


async def test_a_key_is_kept_anew_once_and_not_at_each_use(
    settings: Settings, clock: Clock, statements: list[str]
) -> None:
    async with installation(settings, SECRETS[0]) as door:
        _, secret = await new_key(await door.sign_up())

    async with installation(settings, SECRETS[1], SECRETS[0]) as door:
        await counting(door, secret)
        statements.clear()
        await counting(door, secret)

    assert [one for one in statements if one.startswith("UPDATE")] == []


async def test_a_key_that_ended_is_not_kept_anew(settings: Settings, clock: Clock) -> None:
    async with installation(settings, SECRETS[0]) as door:
        owner = await door.sign_up()
        key, secret = await new_key(owner)
        await owner.mutate(REVOKE, apiKeyId=key)
        before = (await ApiKey.get()).hash

    async with installation(settings, SECRETS[1], SECRETS[0]) as door:
        counted = await counting(door, secret)
        after = (await ApiKey.get()).hash

    assert counted == [False]
    assert after == before


# ---- the last use ----------------------------------------------------------------------------------------------


async def test_uses_within_a_minute_cost_one_write(door: Door, clock: Clock, statements: list[str]) -> None:
    _, secret = await new_key(await door.sign_up())
    program = door.with_token(secret)
    await program.ask(NAME)
    statements.clear()

    for _ in range(20):
        clock.forward(seconds=3)
        await program.ask(NAME)

    assert [one for one in statements if one.startswith("UPDATE")] == []


async def test_uses_at_the_same_moment_are_noted_once(door: Door, clock: Clock) -> None:
    _, secret = await new_key(await door.sign_up())
    key = await ApiKey.get()
    later = clock.time + timedelta(minutes=2)

    await asyncio.gather(*(ApiKey.used(key.id, later, later - timedelta(minutes=1)) for _ in range(2)))
    await ApiKey.used(key.id, later + timedelta(seconds=1), later - timedelta(seconds=59))

    assert (await ApiKey.get()).last_used_at == later
    assert secret.startswith(key.prefix_shown)


async def test_a_use_of_the_old_secret_is_a_use_of_the_key(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    key, old = await new_key(owner)
    await rotated(owner, key)
    clock.forward(minutes=5)

    await counting(door, old)

    assert (await owner.ask(KEYS))["organization"]["apiKeys"]["nodes"][0]["lastUsedAt"] == clock.time.isoformat()
