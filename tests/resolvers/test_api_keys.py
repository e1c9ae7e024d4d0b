"""Programs' credentials: shown once, never stronger than their maker, over when revoked."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from models import ApiKey, Event, Role
from tests.world import Clock, Door

CREATE = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    __typename
    ... on CreateApiKeySuccess { secret apiKey { id name prefixShown scopes expiresAt revokedAt lastUsedAt createdAt } }
    ... on InvalidInput { field }
  }
}
"""
REVOKE = """
mutation ($input: RevokeApiKeyInput!) {
  revokeApiKey(input: $input) { __typename ... on RevokeApiKeySuccess { apiKey { id revokedAt } } }
}
"""
KEYS = "{ organization { apiKeys { totalCount nodes { id name lastUsedAt } } } }"
MEMBERS = "{ organization { members { totalCount nodes { id email role } } } }"
NAME = "{ organization { name } }"


async def events() -> list[Event]:
    """What keys' events there are."""
    return [event for event in await Event.all().order_by("position") if event.type.value.startswith("API_KEY")]


async def new_key(owner: Door, *scopes: str, **more: Any) -> dict[str, Any]:
    """A key with these scopes."""
    made: dict[str, Any] = await owner.mutate(CREATE, name="Robot", scopes=scopes, **more)
    assert made["__typename"] == "CreateApiKeySuccess", made
    return made


async def test_a_new_key_answers_what_it_is_and_its_secret(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    until = (clock.time + timedelta(days=1)).isoformat()

    made = await owner.mutate(CREATE, name=" Robot ", scopes=["PROCTOR", "READ", "READ"], expiresAt=until)

    assert made["secret"].startswith("admit_")
    assert len(made["secret"]) == 46
    assert made["apiKey"] == {
        "id": made["apiKey"]["id"],
        "name": "Robot",
        "prefixShown": made["secret"][:12],
        "scopes": ["READ", "PROCTOR"],
        "expiresAt": until,
        "revokedAt": None,
        "lastUsedAt": None,
        "createdAt": clock.time.isoformat(),
    }


async def test_the_secret_is_kept_only_as_a_fingerprint(door: Door) -> None:
    owner = await door.sign_up()

    made = await new_key(owner, "READ")

    row = await ApiKey.get()
    assert made["secret"] not in str(vars(row))
    assert len(row.hash) == 64
    assert [(event.subject, event.payload) for event in await events()] == [(row.gid, {"scopes": ["read"]})]


async def test_a_key_may_do_what_its_scopes_say_and_no_more(door: Door) -> None:
    owner = await door.sign_up("Hill School")

    reader = door.with_token((await new_key(owner, "READ"))["secret"])
    keeper = door.with_token((await new_key(owner, "MANAGE_KEYS"))["secret"])

    assert await reader.ask(NAME) == {"organization": {"name": "Hill School"}}
    assert await reader.code_of(CREATE, input={"name": "x", "scopes": ["READ"]}) == "FORBIDDEN"
    assert await keeper.code_of(NAME) == "FORBIDDEN"
    assert await ApiKey.all().count() == 2


async def test_a_key_cannot_be_given_a_scope_that_its_maker_lacks(door: Door) -> None:
    owner = await door.sign_up()
    keeper = door.with_token((await new_key(owner, "MANAGE_KEYS"))["secret"])

    stronger = await keeper.code_of(CREATE, input={"name": "x", "scopes": ["MANAGE_KEYS", "EXPORT"]})
    equal = await keeper.mutate(CREATE, name="x", scopes=["MANAGE_KEYS"])

    assert (stronger, equal["__typename"]) == ("FORBIDDEN", "CreateApiKeySuccess")
    assert await ApiKey.all().count() == 2


async def test_a_key_that_ends_cannot_make_one_that_ends_later_or_never(door: Door, clock: Clock) -> None:
    ends = clock.time + timedelta(hours=1)
    made = await new_key(await door.sign_up(), "MANAGE_KEYS", expiresAt=ends.isoformat())
    keeper, wanted = door.with_token(made["secret"]), {"name": "x", "scopes": ["MANAGE_KEYS"]}

    later = (ends + timedelta(seconds=1)).isoformat()
    codes = [await keeper.code_of(CREATE, input={**wanted, **more}) for more in ({}, {"expiresAt": later})]
    before = await ApiKey.all().count()
    equal = await keeper.mutate(CREATE, **wanted, expiresAt=ends.isoformat())

    assert (codes, before) == (["FORBIDDEN", "FORBIDDEN"], 1)
    assert equal["apiKey"]["expiresAt"] == ends.isoformat()


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.PROCTOR, Role.VIEWER])
async def test_only_owners_and_admins_keep_keys(door: Door, role: Role) -> None:
    owner = await door.sign_up()
    key = (await new_key(owner, "READ"))["apiKey"]["id"]
    colleague = await owner.colleague(role)

    codes = [
        await colleague.code_of(CREATE, input={"name": "x", "scopes": ["READ"]}),
        await colleague.code_of(REVOKE, input={"apiKeyId": key}),
        await colleague.code_of(KEYS),
    ]

    assert codes == ["FORBIDDEN"] * 3
    assert (await ApiKey.get()).revoked_at is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"scopes": []}, "scopes"),
        ({"expiresAt": "2026-01-02T03:04:05Z"}, "expiresAt"),
    ],
)
async def test_refuses_a_key_that_makes_no_sense(door: Door, wrong: dict[str, Any], field: str) -> None:
    owner = await door.sign_up()

    answer = await owner.mutate(CREATE, **{"name": "Robot", "scopes": ["READ"], **wrong})

    assert answer == {"__typename": "InvalidInput", "field": field}
    assert await ApiKey.all().count() == 0
    assert await events() == []


@pytest.mark.parametrize("moment", ["2027-01-02T03:04:05", "tomorrow", "0001-01-01T00:00:00+14:00"])
async def test_a_time_needs_its_zone(door: Door, moment: str) -> None:
    owner = await door.sign_up()

    code = await owner.code_of(CREATE, input={"name": "Robot", "scopes": ["READ"], "expiresAt": moment})

    assert code == "BAD_REQUEST"


async def test_a_key_ends_when_it_said_it_would(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    program = door.with_token((await new_key(owner, "READ", expiresAt="2026-01-02T04:04:06+01:00"))["secret"])
    before = await program.code_of(NAME)

    clock.forward(seconds=1)

    assert (before, await program.code_of(NAME)) == (None, "UNAUTHENTICATED")


async def test_a_revoked_key_no_longer_counts_and_revoking_again_changes_nothing(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    made = await new_key(owner, "READ")
    key = {"apiKeyId": made["apiKey"]["id"]}

    first = await owner.mutate(REVOKE, **key)
    clock.forward(minutes=1)
    second = await owner.mutate(REVOKE, **key)

    assert first == second
    assert first["apiKey"]["revokedAt"] == "2026-01-02T03:04:05+00:00"
    assert await door.with_token(made["secret"]).code_of(NAME) == "UNAUTHENTICATED"
    assert [event.type.value for event in await events()] == ["API_KEY_CREATED", "API_KEY_REVOKED"]


async def test_of_two_revocations_at_once_one_is_the_event(door: Door) -> None:
    owner = await door.sign_up()
    key = {"apiKeyId": (await new_key(owner, "READ"))["apiKey"]["id"]}

    answers = await asyncio.gather(*(owner.mutate(REVOKE, **key) for _ in range(4)))

    assert {answer["__typename"] for answer in answers} == {"RevokeApiKeySuccess"}
    assert [event.type.value for event in await events()] == ["API_KEY_CREATED", "API_KEY_REVOKED"]


async def test_another_organizations_key_is_not_there(door: Door) -> None:
    owner, stranger = await door.sign_up(), await door.sign_up()
    key = (await new_key(owner, "READ"))["apiKey"]["id"]

    code = await stranger.code_of(REVOKE, input={"apiKeyId": key})

    assert code == "NOT_FOUND"
    assert (await ApiKey.get()).revoked_at is None


@pytest.mark.parametrize("secret", ["admit_", "admit_WRONG", "admit_" + "A" * 40])
async def test_a_wrong_secret_is_nobody(door: Door, secret: str) -> None:
    await new_key(await door.sign_up(), "READ")

    assert await door.with_token(secret).code_of(NAME) == "UNAUTHENTICATED"


async def test_the_last_use_is_noted_to_the_minute(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    program = door.with_token((await new_key(owner, "READ"))["secret"])
    seen = []

    for seconds in (0, 60, 1):
        clock.forward(seconds=seconds)
        await program.ask(NAME)
        seen.append((await owner.ask(KEYS))["organization"]["apiKeys"]["nodes"][0]["lastUsedAt"])

    assert seen == ["2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05+00:00", "2026-01-02T03:05:06+00:00"]


async def test_keys_are_listed_oldest_first_and_only_the_own(door: Door) -> None:
    owner, stranger = await door.sign_up(), await door.sign_up()
    await new_key(stranger, "READ")
    made = [(await new_key(owner, "READ"))["apiKey"]["id"] for _ in range(3)]

    keys = (await owner.ask(KEYS))["organization"]["apiKeys"]

    assert keys["totalCount"] == 3
    assert [key["id"] for key in keys["nodes"]] == made


async def test_members_are_listed_for_staff(door: Door) -> None:
    owner = await door.sign_up()
    await door.sign_up()
    viewer = await owner.colleague(Role.VIEWER)

    members = (await viewer.ask(MEMBERS))["organization"]["members"]

    assert members["totalCount"] == 2
    assert members["nodes"] == [
        {**owner.known["member"], "role": "OWNER"},
        {**viewer.known["member"], "role": "VIEWER"},
    ]


async def test_only_who_manages_the_organization_reads_the_redirect_secret(door: Door) -> None:
    document = "{ organization { settings { redirectSigningSecret } } }"
    owner = await door.sign_up()
    viewer = await owner.colleague(Role.VIEWER)

    shown = (await owner.ask(document))["organization"]["settings"]["redirectSigningSecret"]
    hidden = (await viewer.ask(document))["organization"]["settings"]["redirectSigningSecret"]

    assert len(bytes.fromhex(shown)) == 32
    assert hidden is None
