"""Configuring where members sign in, when it is not here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from models import Event, EventType, IdentityProvider, Role
from services.discovery import discover
from services.outbound import Outbound
from settings import Settings
from tests.conftest import serving
from tests.elsewhere import CONFIGURE, arrive, configure, configured
from tests.provider import CLIENT_ID, CLIENT_SECRET, Provider, provider
from tests.world import LOG_IN, PASSWORD, Clock, Door

REMOVE = """
mutation ($input: RemoveSignInInput!) {
  removeSignIn(input: $input) { __typename ... on RemoveSignInSuccess { settings { signIn { issuer } } } }
}
"""
SHOWN = """{ organization { settings { signIn {
  issuer clientId allowedDomains defaultRole enforced startUrl callbackUrl
} } } }"""
CREATE_KEY = (
    "mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { ... on CreateApiKeySuccess { secret } } }"
)


@pytest.fixture
async def idp() -> AsyncIterator[Provider]:
    """The organization's own accounts."""
    async with provider() as made:
        yield made


@pytest.fixture
async def owner(door: Door, idp: Provider) -> Door:
    """The owner, whom the provider knows by the same e-mail address."""
    signed_up = await door.sign_up("Hill School")
    idp.person["email"] = signed_up.known["member"]["email"]
    return signed_up


async def configurations() -> list[dict[str, Any]]:
    """What the log says of it."""
    return [event.payload for event in await Event.filter(type=EventType.SIGN_IN_CONFIGURED).order_by("position")]


async def test_what_is_configured_is_shown_without_the_secret(owner: Door, idp: Provider) -> None:
    over = {"allowedDomains": ["Hill.Example", " dale.example", "hill.example"], "defaultRole": "INSTRUCTOR"}

    made = await configure(owner, idp, **over)

    start = f"https://admit.test/sign-in/{owner.known['organization']['id']}"
    shown = {
        "issuer": idp.issuer,
        "clientId": CLIENT_ID,
        "allowedDomains": ["hill.example", "dale.example"],
        "defaultRole": "INSTRUCTOR",
        "enforced": False,
        "startUrl": start,
        "callbackUrl": f"{start}/callback",
    }
    assert made == {"__typename": "ConfigureSignInSuccess", "settings": {"signIn": shown}}
    assert await owner.ask(SHOWN) == {"organization": {"settings": {"signIn": shown}}}
    assert await configurations() == [{"removed": False, "role": "INSTRUCTOR", "domains": 2, "enforced": False}]
    assert CLIENT_SECRET not in str(await IdentityProvider.all().values())


async def test_another_organization_has_its_own(owner: Door, idp: Provider) -> None:
    other = await owner.with_token(None).sign_up("Dale School")
    await configured(owner, idp)

    before = await other.ask(SHOWN)
    await configured(other, idp)

    assert before == {"organization": {"settings": {"signIn": None}}}
    assert await IdentityProvider.all().count() == 2


async def test_it_is_changed_in_place_and_keeps_its_secret(owner: Door, idp: Provider) -> None:
    await configured(owner, idp)

    await configured(owner, idp, clientSecret=None, allowedDomains=["hill.example"])
    await arrive(owner.client, f"/sign-in/{owner.known['organization']['id']}")

    assert await IdentityProvider.all().count() == 1
    assert len(idp.redeemed) == 1


@pytest.mark.parametrize("changed", ["issuer", "clientId"])
async def test_a_secret_is_never_sent_to_another_client_or_provider(owner: Door, idp: Provider, changed: str) -> None:
    await configured(owner, idp)
    async with provider() as another:
        over = {"issuer": another.issuer} if changed == "issuer" else {"clientId": "another"}

        refused = await configure(owner, idp, clientSecret=None, **over)

    assert (refused["__typename"], refused["field"]) == ("InvalidInput", "clientSecret")
    assert (await IdentityProvider.get()).issuer == idp.issuer


async def test_removing_it_is_done_once(owner: Door, idp: Provider) -> None:
    await configured(owner, idp)
    organization = owner.known["organization"]["id"]

    answers = [await owner.mutate(REMOVE, organizationId=organization) for _ in range(2)]

    assert answers == [{"__typename": "RemoveSignInSuccess", "settings": {"signIn": None}}] * 2
    assert (await configurations())[1:] == [{"removed": True}]
    assert (await owner.client.get(f"/sign-in/{organization}")).status_code == 404


# ---- what is refused


@pytest.mark.parametrize(
    "issuer",
    [
        "", "accounts.example", "http://accounts.example", "ftp://accounts.example", "https://", "https:///x",
        "https://user@accounts.example", "https://user:pw@accounts.example", "https://accounts.example?x=1",
        "https://accounts.example#x", "https://accounts.example\\x", "https://accounts .example", "javascript:alert(1)",
        "https://accounts.example:0", "https://accounts.example:port", "https://[::1", "https://аccounts.example",
        "https://accounts.example/" + "x" * 500, "https://accounts.example/\n",
    ],
)  # fmt: skip
async def test_an_issuer_is_a_plain_https_address(owner: Door, idp: Provider, issuer: str) -> None:
    refused = await configure(owner, idp, issuer=issuer)

    assert (refused["__typename"], refused["field"]) == ("InvalidInput", "issuer")
    assert await IdentityProvider.all().count() == 0


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"clientId": ""}, "clientId"),
        ({"clientId": "x" * 256}, "clientId"),
        ({"clientId": "a\nb"}, "clientId"),
        ({"clientSecret": ""}, "clientSecret"),
        ({"clientSecret": "x" * 1_001}, "clientSecret"),
        ({"clientSecret": "ü"}, "clientSecret"),
        ({"clientSecret": None}, "clientSecret"),
        ({"defaultRole": "OWNER", "allowedDomains": ["hill.example"]}, "defaultRole"),
        ({"defaultRole": "VIEWER"}, "allowedDomains"),
        ({"defaultRole": "VIEWER", "allowedDomains": ["not a domain"]}, "allowedDomains"),
        ({"allowedDomains": ["a@hill.example"]}, "allowedDomains"),
        ({"allowedDomains": [""]}, "allowedDomains"),
        ({"allowedDomains": ["hill"]}, "allowedDomains"),
    ],
)
async def test_what_cannot_work_is_refused(owner: Door, idp: Provider, over: dict[str, Any], field: str) -> None:
    refused = await configure(owner, idp, **over)

    assert (refused["__typename"], refused["field"]) == ("InvalidInput", field)
    assert await IdentityProvider.all().count() == 0


async def test_there_are_at_most_a_hundred_domains(owner: Door, idp: Provider) -> None:
    refused = await configure(owner, idp, allowedDomains=[f"d{at}.example" for at in range(101)])

    assert (refused["__typename"], refused["limit"]) == ("TooManyRows", 100)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://accounts.evil.example"},
        {"issuer": None},
        {"authorization_endpoint": None},
        {"token_endpoint": "http://accounts.example/token"},
        {"jwks_uri": 7},
    ],
)
async def test_a_provider_that_says_something_else_is_none(
    owner: Door, idp: Provider, metadata: dict[str, Any]
) -> None:
    idp.metadata = metadata

    refused = await configure(owner, idp)

    assert refused["__typename"] == "IdentityProviderUnreachable"
    assert await IdentityProvider.all().count() == 0


@pytest.mark.parametrize("status", [302, 404, 500, 201])
async def test_a_provider_that_does_not_answer_as_asked_is_none(owner: Door, idp: Provider, status: int) -> None:
    idp.status = status

    refused = await configure(owner, idp)

    assert refused["__typename"] == "IdentityProviderUnreachable"


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[fd00::1]", "2130706433"])
async def test_a_provider_inside_the_network_is_none(owner: Door, idp: Provider, host: str) -> None:
    refused = await configure(owner, idp, issuer=f"https://{host}")

    assert refused["__typename"] == "IdentityProviderUnreachable"
    assert await IdentityProvider.all().count() == 0


async def test_in_production_this_very_machine_is_none_either(settings: Settings, clock: Clock, idp: Provider) -> None:
    async with (
        serving(replace(settings, environment="production")) as (base_url, _app),
        httpx.AsyncClient(base_url=base_url) as client,
    ):
        owner = await Door(client).sign_up()

        plain = await configure(owner, idp)
        tls = await configure(owner, idp, issuer=idp.issuer.replace("http:", "https:"))

    assert (plain["__typename"], plain["field"]) == ("InvalidInput", "issuer")
    assert tls["__typename"] == "IdentityProviderUnreachable"
    assert idp.looked_up == []


async def test_only_signatures_that_prove_something_are_taken(idp: Provider) -> None:
    idp.metadata["id_token_signing_alg_values_supported"] = ["none", "HS256", "ES256", "RS256", 7]
    listed = await discover(Outbound(loopback=True), idp.issuer)
    idp.metadata["id_token_signing_alg_values_supported"] = ["none", "HS256"]

    unlisted = await discover(Outbound(loopback=True), idp.issuer)

    assert listed.id_token_signing_alg_values_supported == ("RS256", "ES256")
    assert unlisted.id_token_signing_alg_values_supported == ("RS256",)


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.PROCTOR, Role.VIEWER])
async def test_who_may_not_manage_the_organization_may_not(owner: Door, idp: Provider, role: Role) -> None:
    colleague = await owner.colleague(role)

    code = await colleague.code_of(CONFIGURE, input={"issuer": idp.issuer, "clientId": "a", "clientSecret": "b"})

    assert code == "FORBIDDEN"
    assert idp.looked_up == []
    assert await IdentityProvider.all().count() == 0


async def test_a_program_may_not_say_how_people_sign_in(owner: Door, idp: Provider) -> None:
    made = await owner.mutate(CREATE_KEY, name="Robot", scopes=["MANAGE_ORGANIZATION", "MANAGE_KEYS", "READ"])
    program = owner.with_token(made["secret"])

    code = await program.code_of(CONFIGURE, input={"issuer": idp.issuer, "clientId": "a", "clientSecret": "b"})

    assert code == "FORBIDDEN"
    assert idp.looked_up == []


# ---- enforcing


async def test_what_no_owner_came_in_by_cannot_be_enforced(owner: Door, idp: Provider) -> None:
    first = await configure(owner, idp, enforced=True)
    await configured(owner, idp)

    second = await configure(owner, idp, clientSecret=None, enforced=True)

    assert [first["__typename"], second["__typename"]] == ["SignInUnproved"] * 2
    assert (await IdentityProvider.get()).is_enforced is False
    again = await owner.with_token(None).mutate(LOG_IN, email=owner.known["member"]["email"], password=PASSWORD)
    assert again["__typename"] == "LogInSuccess"


async def test_somebody_else_coming_in_proves_nothing(owner: Door, idp: Provider) -> None:
    idp.person["email"] = (await owner.colleague(Role.ADMIN)).known["member"]["email"]
    await arrive(owner.client, await configured(owner, idp))

    refused = await configure(owner, idp, clientSecret=None, enforced=True)

    assert refused["__typename"] == "SignInUnproved"


async def test_it_can_be_enforced_once_an_owner_came_in_and_taken_back(owner: Door, idp: Provider) -> None:
    await arrive(owner.client, await configured(owner, idp))
    email = owner.known["member"]["email"]

    await configured(owner, idp, clientSecret=None, enforced=True)
    during = await owner.with_token(None).mutate(LOG_IN, email=email, password=PASSWORD)
    idp.status = 503  # even when the provider has gone away
    await configured(owner, idp, clientSecret=None, enforced=False)
    after = await owner.with_token(None).mutate(LOG_IN, email=email, password=PASSWORD)

    assert (during["__typename"], after["__typename"]) == ("SingleSignOnRequired", "LogInSuccess")


@pytest.mark.parametrize("over", [{"clientId": "another", "clientSecret": "b"}, {"clientSecret": "another secret"}])
async def test_another_client_or_secret_has_to_be_proved_again(
    owner: Door, idp: Provider, over: dict[str, str]
) -> None:
    await arrive(owner.client, await configured(owner, idp))

    refused = await configure(owner, idp, **over, enforced=True)
    same = await configure(owner, idp, enforced=True)

    assert refused["__typename"] == "SignInUnproved"
    assert same["__typename"] == "ConfigureSignInSuccess"


async def test_signing_up_is_not_concerned(owner: Door, idp: Provider) -> None:
    await arrive(owner.client, await configured(owner, idp))
    await configured(owner, idp, clientSecret=None, enforced=True)

    other = await owner.with_token(None).sign_up("Dale School")

    assert await other.code_of("{ organization { name } }") is None


async def test_an_enforced_organizations_colleague_cannot_log_in_by_password_either(owner: Door, idp: Provider) -> None:
    colleague = await owner.colleague(Role.VIEWER)
    await arrive(owner.client, await configured(owner, idp))
    await configured(owner, idp, clientSecret=None, enforced=True)

    refused = await owner.with_token(None).mutate(LOG_IN, email=colleague.known["member"]["email"], password=PASSWORD)

    assert refused["__typename"] == "SingleSignOnRequired"
