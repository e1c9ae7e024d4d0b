"""Partner programs get access tokens by OAuth 2.0, as any client of any make does it."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.jwk import KeySet

import errors
from models import ApiKey, Event
from services.oauth_tokens import OAuthTokens
from settings import Settings
from tests.conftest import serving
from tests.listening import event_stream, socket
from tests.world import Clock, Door

CREATE = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { __typename ... on CreateApiKeySuccess { secret apiKey { id } } }
}
"""
REVOKE = "mutation ($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { __typename } }"
ROTATE = """
mutation ($input: RotateApiKeyInput!) {
  rotateApiKey(input: $input) { __typename ... on RotateApiKeySuccess { secret } }
}
"""
NAME = "{ organization { name } }"
STREAM = "subscription { testSessionStatusChanged { __typename } }"
ISSUER = "https://admit.test"


async def key(owner: Door, scopes: tuple[str, ...] = ("READ", "ISSUE_TICKETS"), **over: Any) -> tuple[str, str]:
    """A client: its id and its secret."""
    made = await owner.mutate(CREATE, name="Partner", scopes=list(scopes), **over)
    assert made["__typename"] == "CreateApiKeySuccess", made
    return made["apiKey"]["id"], made["secret"]


async def exchange(door: Door, client_id: str, secret: str, /, **fields: str) -> httpx.Response:
    """The bare answer of the token endpoint."""
    form = {"grant_type": "client_credentials", **fields}
    return await door.client.post("/oauth/token", data=form, auth=(client_id, secret))


async def token_of(door: Door, client_id: str, secret: str, **fields: str) -> str:
    """An access token."""
    answer = await exchange(door, client_id, secret, **fields)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


# ---- getting one


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_client_of_another_make_gets_a_token_and_uses_it(live: Door, method: str) -> None:
    client_id, secret = await key(await live.sign_up("Hill School"))
    async with AsyncOAuth2Client(client_id, secret, token_endpoint_auth_method=method, trust_env=False) as partner:
        told = (await live.client.get("/.well-known/oauth-authorization-server")).json()

        token = await partner.fetch_token(told["token_endpoint"], grant_type="client_credentials")
        answer = await partner.post(f"{live.base_url}/graphql", json={"query": NAME})

    assert (token["token_type"], token["expires_in"], token["scope"]) == ("Bearer", 900, "read tickets:write")
    assert answer.json() == {**answer.json(), "data": {"organization": {"name": "Hill School"}}}


async def test_the_answer_is_kept_by_nobody_and_carries_no_refresh_token(door: Door) -> None:
    answer = await exchange(door, *await key(await door.sign_up()))

    assert answer.status_code == 200
    assert (answer.headers["cache-control"], answer.headers["content-type"]) == ("no-store", "application/json")
    assert set(answer.json()) == {"access_token", "token_type", "expires_in", "scope"}


async def test_whoever_has_the_public_key_can_check_the_token(door: Door, clock: Clock) -> None:
    client_id, secret = await key(await door.sign_up())
    token = await token_of(door, client_id, secret)

    keys = KeySet.import_key_set((await door.client.get("/.well-known/jwks.json")).json())
    read = jwt.decode(token, keys, algorithms=["Ed25519"])

    now = int(clock().timestamp())
    assert read.header == {"typ": "at+jwt", "alg": "Ed25519", "kid": keys.keys[0].kid}
    assert {name: value for name, value in read.claims.items() if name != "jti"} == {
        "iss": ISSUER,
        "aud": f"{ISSUER}/graphql",
        "sub": client_id,
        "client_id": client_id,
        "scope": "read tickets:write",
        "iat": now,
        "exp": now + 900,
    }
    assert len(read.claims["jti"]) == 36


async def test_what_is_published_holds_no_private_key_and_may_be_kept_a_while(door: Door) -> None:
    answer = await door.client.get("/.well-known/jwks.json")

    assert [set(one) for one in answer.json()["keys"]] == [{"kty", "crv", "x", "kid", "use", "alg"}]
    assert answer.headers["cache-control"] == "public, max-age=300"


async def test_a_client_finds_everything_out_by_itself(door: Door) -> None:
    server = (await door.client.get("/.well-known/oauth-authorization-server")).json()
    resource = (await door.client.get("/.well-known/oauth-protected-resource/graphql")).json()

    assert server == {
        "issuer": ISSUER,
        "token_endpoint": f"{ISSUER}/oauth/token",
        "jwks_uri": f"{ISSUER}/.well-known/jwks.json",
        "scopes_supported": server["scopes_supported"],
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }
    assert "tickets:write" in server["scopes_supported"]
    assert (resource["resource"], resource["authorization_servers"]) == (f"{ISSUER}/graphql", [ISSUER])


async def test_a_client_may_ask_for_less_than_it_has(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    answer = await exchange(door, *await key(owner), scope="read")
    program = door.with_token(answer.json()["access_token"])

    reads = await program.code_of(NAME)
    issues = await program.code_of(
        "mutation ($input: IssueTicketsInput!) { issueTickets(input: $input) { __typename } }",
        input={"taskId": task["id"], "candidates": [{"fullName": "Ann"}]},
    )

    assert answer.json()["scope"] == "read"
    assert (reads, issues) == (None, "FORBIDDEN")


# ---- not getting one


@pytest.mark.parametrize("scope", ["keys:write", "read keys:write", "everything", "READ", "read,tickets:write", " "])
async def test_nobody_gets_more_than_the_key_has(door: Door, scope: str) -> None:
    answer = await exchange(door, *await key(await door.sign_up()), scope=scope)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


async def test_every_wrong_client_gets_the_same_answer(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    client_id, secret = await key(owner)
    another, another_secret = await key(await door.sign_up())
    revoked, revoked_secret = await key(owner)
    await owner.mutate(REVOKE, apiKeyId=revoked)
    ended, ended_secret = await key(owner, expiresAt=(clock() + timedelta(minutes=1)).isoformat())
    clock.forward(minutes=1)
    wrong = [
        (client_id, "admit_wrong"),
        (client_id, another_secret),
        (another, secret),
        ("key_01890a5d-ac96-774b-bcce-b302099a8057", secret),
        ("nobody", secret),
        (revoked, revoked_secret),
        (ended, ended_secret),
        (client_id, "admit_ü\x00"),
    ]

    answers = [await exchange(door, *each) for each in wrong]

    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert answers[0].json()["error"] == "invalid_client"
    assert answers[0].headers["www-authenticate"].startswith("Basic ")
    assert answers[0].headers["cache-control"] == "no-store"
    assert secret not in answers[2].text


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "a"}, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type"),
        ({"grant_type": "<script>"}, "unsupported_grant_type"),
        ({"grant_type": ["client_credentials", "client_credentials"]}, "invalid_request"),
        ({"grant_type": "client_credentials", "scope": ["read", "read"]}, "invalid_request"),
        ({"grant_type": "client_credentials", "client_secret": "admit_x"}, "invalid_request"),
        ({"grant_type": "client_credentials", "client_id": "key_another"}, "invalid_request"),
    ],
)
async def test_what_is_no_such_request_is_refused(door: Door, form: dict[str, Any], error: str) -> None:
    client = await key(await door.sign_up())

    answer = await door.client.post("/oauth/token", data=form, auth=client)

    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert "<" not in answer.text


@pytest.mark.parametrize("more", [{"client_secret": ""}, {"client_id": ""}, {"client_id": "", "client_secret": ""}])
async def test_what_is_empty_in_the_form_counts_as_left_out(door: Door, more: dict[str, str]) -> None:
    answer = await exchange(door, *await key(await door.sign_up()), **more)

    assert answer.status_code == 200


async def test_a_form_may_name_the_client_of_the_header_again(door: Door) -> None:
    client_id, secret = await key(await door.sign_up())

    answer = await exchange(door, client_id, secret, client_id=client_id)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["Basic", "Basic !", "Basic " + base64.b64encode(b"\xff\xfe:x").decode(), "Basic a2V5", "Bearer admit_x", "x y z"],
)
async def test_a_header_that_cannot_be_read_is_a_wrong_client(door: Door, authorization: str) -> None:
    headers = {"authorization": authorization}

    answer = await door.client.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=headers)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_body_that_is_no_form_is_refused(door: Door) -> None:
    client_id, secret = await key(await door.sign_up())
    body = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}

    as_json = await door.client.post("/oauth/token", json=body)
    in_the_address = await door.client.post("/oauth/token", params=body)
    by_get = await door.client.get("/oauth/token", params=body)

    assert [answer.status_code for answer in (as_json, in_the_address, by_get)] == [400, 400, 405]
    assert as_json.json()["error"] == in_the_address.json()["error"] == "invalid_request"


async def test_too_many_wrong_secrets_have_to_wait_and_right_ones_are_not_counted(
    settings: Settings, clock: Clock
) -> None:
    async with (
        serving(replace(settings, log_ins_per_address=3)) as (base_url, _app),
        httpx.AsyncClient(base_url=base_url) as client,
    ):
        door = Door(client)
        client_id, secret = await key(await door.sign_up())
        right = [(await exchange(door, client_id, secret)).status_code for _ in range(5)]

        wrong = [await exchange(door, client_id, "admit_wrong") for _ in range(4)]
        late = await exchange(door, client_id, secret)

    assert right == [200] * 5
    assert [answer.status_code for answer in wrong] == [401, 401, 401, 429]
    assert (late.status_code, late.json()["error"]) == (429, "temporarily_unavailable")
    assert int(late.headers["retry-after"]) > 0


async def test_a_foreign_client_understands_the_refusal(live: Door) -> None:
    client_id, _secret = await key(await live.sign_up())

    async with AsyncOAuth2Client(client_id, "admit_wrong", trust_env=False) as partner:
        with pytest.raises(OAuthError) as refused:
            await partner.fetch_token(f"{live.base_url}/oauth/token", grant_type="client_credentials")

    assert refused.value.error == "invalid_client"


# ---- how long it counts


async def test_a_token_ends_by_itself(door: Door, clock: Clock) -> None:
    program = door.with_token(await token_of(door, *await key(await door.sign_up())))
    before = await program.code_of(NAME)

    clock.forward(minutes=15)

    assert (before, await program.code_of(NAME)) == (None, "UNAUTHENTICATED")


async def test_a_token_ends_with_its_key(door: Door) -> None:
    owner = await door.sign_up()
    client_id, secret = await key(owner)
    program = door.with_token(await token_of(door, client_id, secret))
    before = await program.code_of(NAME)

    await owner.mutate(REVOKE, apiKeyId=client_id)

    assert (before, await program.code_of(NAME)) == (None, "UNAUTHENTICATED")


async def test_a_token_is_never_longer_good_than_its_key(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    client = await key(owner, expiresAt=(clock() + timedelta(minutes=5)).isoformat())

    answer = await exchange(door, *client)
    program = door.with_token(answer.json()["access_token"])
    before = await program.code_of(NAME)
    clock.forward(minutes=5)

    assert answer.json()["expires_in"] == 300
    assert (before, await program.code_of(NAME)) == (None, "UNAUTHENTICATED")


async def test_a_replaced_secret_still_gets_tokens_while_it_counts_and_none_that_outlive_it(
    door: Door, clock: Clock
) -> None:
    owner = await door.sign_up()
    client_id, old = await key(owner)
    new = (await owner.mutate(ROTATE, apiKeyId=client_id, overlapSeconds=60))["secret"]

    answers = [await exchange(door, client_id, secret) for secret in (old, new)]
    clock.forward(seconds=60)
    late = await exchange(door, client_id, old)

    assert [answer.json()["expires_in"] for answer in answers] == [60, 900]
    assert late.status_code == 401


async def test_a_token_of_a_narrowed_key_is_as_narrow(door: Door) -> None:
    owner = await door.sign_up()
    inside, outside = await owner.open_task(), await owner.open_task()
    client = await key(owner, scopes=("READ",), taskIds=[inside["id"]])
    program = door.with_token(await token_of(door, *client))

    task = "query ($id: ID!) { task(id: $id) { id } }"
    seen = [await program.code_of(task, id=one["id"]) for one in (inside, outside)]

    assert seen == [None, "NOT_FOUND"]


async def test_a_stream_ends_when_its_token_does(settings: Settings, clock: Clock) -> None:
    async with (
        serving(replace(settings, recheck_seconds=0.01)) as (base_url, _app),
        httpx.AsyncClient(base_url=base_url) as client,
    ):
        door = Door(client)
        program = door.with_token(await token_of(door, *await key(await door.sign_up())))
        async with socket(program) as ours:
            await ours.subscribe(STREAM)
            clock.forward(minutes=15)
            code = await ours.close_code()

    assert code == 4403


async def test_a_stream_ends_when_its_tokens_key_does(settings: Settings, clock: Clock) -> None:
    async with (
        serving(replace(settings, recheck_seconds=0.01)) as (base_url, _app),
        httpx.AsyncClient(base_url=base_url) as client,
    ):
        door = Door(client)
        owner = await door.sign_up()
        client_id, secret = await key(owner)
        program = door.with_token(await token_of(door, client_id, secret))
        async with event_stream(program, STREAM) as events:
            await owner.mutate(REVOKE, apiKeyId=client_id)
            ended = [name async for name, _data in events]

    assert ended[-1] == "complete"


async def test_the_log_names_the_key_whatever_it_came_with(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    client_id, secret = await key(owner)
    program = door.with_token(await token_of(door, client_id, secret))

    await program.issue(task["id"])

    assert (await Event.all().order_by("-position").first()).actor == client_id  # type: ignore[union-attr]
    assert (await ApiKey.get()).last_used_at is not None


async def test_a_token_outlives_the_secret_that_signed_it_being_replaced(settings: Settings, clock: Clock) -> None:
    newest = "the secret after that one, of forty letters"
    both = replace(settings, secret_key=newest, secret_key_previous=settings.secret_key)
    async with (
        serving(settings) as (base_url, _app),
        httpx.AsyncClient(base_url=base_url) as client,
    ):
        door = Door(client)
        token = await token_of(door, *await key(await door.sign_up()))
        issuer, before = base_url, (await client.get("/.well-known/jwks.json")).json()["keys"]

    during = OAuthTokens(both.secrets, issuer)

    assert during.read(token, clock()).scopes == {"read", "tickets:write"}
    assert [one["kid"] for one in during.jwks()["keys"]][1:] == [one["kid"] for one in before]
    with pytest.raises(errors.Unauthenticated):
        OAuthTokens([newest], issuer).read(token, clock())
