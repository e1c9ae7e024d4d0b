"""Members sign in with their organization's own accounts, and nobody else does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from starlette.applications import Starlette

from models import Event, EventType, IdentityProvider, Login, Member, Role
from models.database import connection
from models.unit import transactional
from services import identity_providers, sign_in
from services.keys import Keys
from settings import Settings
from tests.conftest import POSTGRES, serving
from tests.elsewhere import arrive, configured, leave, signed_in_as, through
from tests.listening import PATIENCE
from tests.provider import CLIENT_ID, CLIENT_SECRET, STRANGERS_KEY, Provider, client_key, provider
from tests.world import LOG_IN, PASSWORD, Clock, Door

REMOVE = """
mutation ($input: RemoveSignInInput!) { removeSignIn(input: $input) { __typename } }
"""


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


@pytest.fixture
async def start(owner: Door, idp: Provider) -> str:
    """Where the organization's members begin."""
    return await configured(owner, idp)


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def with_query(url: str, **changed: str) -> str:
    return urlsplit(url)._replace(query=urlencode({**query_of(url), **changed})).geturl()


async def log_ins() -> int:
    return await Login.all().count()


async def test_a_member_goes_there_and_comes_back_signed_in(owner: Door, start: str, idp: Provider) -> None:
    page = await arrive(owner.client, start)

    assert page.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/dashboard">' in page.text
    assert "Olive Owner" in (await signed_in_as(owner.client) or "")
    events = await Event.filter(type=EventType.MEMBER_LOGGED_IN).order_by("position")
    assert [event.subject for event in events] == [owner.known["member"]["id"]] * 2
    member = await Member.get()
    assert (member.oidc_issuer, member.oidc_subject) == (idp.issuer, "248289761001")


async def test_the_way_there_carries_a_state_a_nonce_and_a_challenge_and_only_our_own_address(
    owner: Door, start: str, idp: Provider
) -> None:
    there = await leave(owner.client, start)

    asked = query_of(there)
    assert there.startswith(f"{idp.issuer}/authorize?")
    assert asked["redirect_uri"] == f"{start}/callback"
    assert (asked["client_id"], asked["response_type"]) == (CLIENT_ID, "code")
    assert (asked["scope"], asked["code_challenge_method"]) == ("openid email profile", "S256")
    assert min(len(asked[name]) for name in ("state", "nonce")) >= 20
    assert len(asked["code_challenge"]) == 43
    assert set(asked) == {
        "redirect_uri", "client_id", "response_type", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method",
    }  # fmt: skip


async def test_what_is_remembered_is_sealed_and_for_this_journey_alone(owner: Door, start: str) -> None:
    answer = await owner.client.get(start)

    cookie, *flags = answer.headers["set-cookie"].split(";")
    assert {flag.strip().lower() for flag in flags} == {
        "httponly", "secure", "samesite=lax", "max-age=600", f"path={urlsplit(start).path}",
    }  # fmt: skip
    asked = query_of(answer.headers["location"])
    assert not any(asked[name] in cookie for name in ("state", "nonce"))


async def test_the_host_of_the_request_is_not_where_people_come_back_to(owner: Door, start: str) -> None:
    answer = await owner.client.get(start, headers={"host": "evil.example", "x-forwarded-host": "evil.example"})

    assert "evil.example" not in answer.headers.get("location", "")


async def test_signing_in_leads_back_to_the_task_that_was_asked_for(owner: Door, start: str) -> None:
    task = "tsk_01890a5d-ac96-774b-bcce-b302099a8057"

    page = await arrive(owner.client, f"{start}?task={task}")

    assert f'content="0; url=/dashboard?task={task}"' in page.text


@pytest.mark.parametrize("task", ["//evil.example", "https://evil.example", 'x";url=//evil.example'])
async def test_signing_in_leads_nowhere_else(owner: Door, start: str, task: str) -> None:
    page = await arrive(owner.client, f"{start}?{urlencode({'task': task})}")

    assert 'content="0; url=/dashboard"' in page.text
    assert "evil.example" not in page.text


@pytest.mark.parametrize("signs", ["RS256", "ES256"])
async def test_either_kind_of_signature_counts(owner: Door, start: str, idp: Provider, signs: str) -> None:
    idp.signs = signs

    await arrive(owner.client, start)

    assert await signed_in_as(owner.client)


async def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(owner: Door, idp: Provider) -> None:
    idp.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]

    await arrive(owner.client, await configured(owner, idp))

    assert "client_secret" in idp.redeemed[0]
    assert await signed_in_as(owner.client)


async def test_an_email_address_that_is_not_in_the_token_is_asked_for(owner: Door, start: str, idp: Provider) -> None:
    idp.claims = {"email": None, "email_verified": None}
    idp.more = dict(idp.person)

    await arrive(owner.client, start)

    assert idp.looked_up[-1] == "/userinfo"
    assert await signed_in_as(owner.client)


async def test_what_is_told_about_another_subject_is_not_taken(owner: Door, start: str, idp: Provider) -> None:
    idp.claims = {"email": None, "email_verified": None}
    idp.more = {**idp.person, "sub": "another-subject"}

    refused = await arrive(owner.client, start)

    assert idp.looked_up[-1] == "/userinfo"
    assert refused.status_code == 403
    assert await signed_in_as(owner.client) is None


# ---- who it is


async def test_a_member_is_known_by_the_subject_from_then_on(owner: Door, start: str, idp: Provider) -> None:
    await arrive(owner.client, start)
    idp.person = {"sub": "248289761001", "email": "another@example.com", "email_verified": False}
    owner.client.cookies.clear()

    await arrive(owner.client, start)

    assert "Olive Owner" in (await signed_in_as(owner.client) or "")
    assert (await Member.get()).email == owner.known["member"]["email"]


async def test_an_email_address_that_the_provider_does_not_vouch_for_is_nobodys(
    owner: Door, start: str, idp: Provider
) -> None:
    for verified in (False, None, "true"):
        idp.person["email_verified"] = verified

        refused = await arrive(owner.client, start)

        assert refused.status_code == 403
        assert "You cannot come in yet" in refused.text
    assert await signed_in_as(owner.client) is None
    assert (await Member.get()).oidc_subject is None


async def test_a_member_whom_the_provider_knows_as_somebody_else_is_not_taken_over(
    owner: Door, start: str, idp: Provider
) -> None:
    await arrive(owner.client, start)
    owner.client.cookies.clear()
    idp.person["sub"] = "another-subject"

    refused = await arrive(owner.client, start)

    assert refused.status_code == 403
    assert await signed_in_as(owner.client) is None
    assert (await Member.get()).oidc_subject == "248289761001"


async def test_a_member_bound_at_a_provider_of_before_is_bound_anew(owner: Door, start: str, idp: Provider) -> None:
    await Member.filter().update(oidc_issuer="https://accounts.old.example", oidc_subject="an old name")

    await arrive(owner.client, start)

    assert await signed_in_as(owner.client)
    assert (await Member.get()).oidc_subject == "248289761001"


async def test_a_stranger_does_not_join_unless_that_is_configured(owner: Door, start: str, idp: Provider) -> None:
    idp.person["email"] = "nora@hill.example"

    refused = await arrive(owner.client, start)

    assert refused.status_code == 403
    assert await Member.all().count() == 1


async def test_whoever_has_an_address_of_an_allowed_domain_joins(owner: Door, idp: Provider) -> None:
    idp.person |= {"email": "Nora@Hill.Example", "name": "Nora New"}
    start = await configured(owner, idp, allowedDomains=["hill.example"], defaultRole="PROCTOR")

    await arrive(owner.client, start)

    nora = await Member.get(email="nora@hill.example")
    assert (nora.full_name, nora.role, nora.password_hash) == ("Nora New", Role.PROCTOR, None)
    assert "Nora New" in (await signed_in_as(owner.client) or "")
    joined = await Event.get(type=EventType.MEMBER_JOINED)
    assert (joined.subject, joined.payload) == (nora.gid, {"role": "PROCTOR"})


@pytest.mark.parametrize("email", ["nora@evil.hill.example", "nora@hill.example.evil.test", "hill.example@evil.test"])
async def test_a_domain_is_allowed_to_the_letter(owner: Door, idp: Provider, email: str) -> None:
    idp.person["email"] = email
    start = await configured(owner, idp, allowedDomains=["hill.example"], defaultRole="PROCTOR")

    refused = await arrive(owner.client, start)

    assert refused.status_code == 403
    assert await Member.all().count() == 1


@pytest.mark.parametrize("name", [None, "", "a\u0000b", "x" * 300, 7])
async def test_whoever_has_no_name_that_can_be_kept_is_called_by_the_address(
    owner: Door, idp: Provider, name: object
) -> None:
    idp.person |= {"email": "nora@hill.example", "name": name}
    start = await configured(owner, idp, allowedDomains=["hill.example"], defaultRole="VIEWER")

    await arrive(owner.client, start)

    assert (await Member.get(email="nora@hill.example")).full_name == "nora"


async def test_two_first_visits_at_once_make_one_member(owner: Door, idp: Provider, app: Starlette) -> None:
    idp.person["email"] = "nora@hill.example"
    start = await configured(owner, idp, allowedDomains=["hill.example"], defaultRole="VIEWER")

    async def visit() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://admit.test") as browser:
            return await arrive(browser, start)

    pages = await asyncio.gather(*(visit() for _ in range(5)))

    assert [page.status_code for page in pages] == [200] * 5
    assert await Member.filter(email="nora@hill.example").count() == 1
    assert await Event.filter(type=EventType.MEMBER_JOINED).count() == 1


async def test_a_whole_office_that_leaves_at_once_comes_back(owner: Door, start: str, app: Starlette) -> None:
    async with AsyncExitStack() as stack:
        transport = httpx.ASGITransport(app)
        browsers = [
            await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="https://admit.test"))
            for _ in range(20)
        ]
        backs = [await through(await leave(browser, start)) for browser in browsers]

        pages = [await browser.get(back) for browser, back in zip(browsers, backs, strict=True)]

    assert [page.status_code for page in pages] == [200] * 20
    assert (await owner.client.get(start)).status_code == 302


@pytest.mark.parametrize("dest", ["image", "iframe", "empty"])
async def test_another_sites_page_sends_nobody_off(owner: Door, start: str, dest: str) -> None:
    refused = await owner.client.get(start, headers={"sec-fetch-site": "cross-site", "sec-fetch-dest": dest})
    followed = await owner.client.get(start, headers={"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"})

    assert (refused.status_code, refused.headers.get("set-cookie")) == (403, None)
    assert followed.status_code == 302


@pytest.mark.parametrize("subject", ["a\u0000b", "\ud800", "x" * 256, " "])
async def test_a_subject_that_cannot_be_kept_signs_nobody_in(
    owner: Door, start: str, idp: Provider, subject: str
) -> None:
    idp.person["sub"] = subject

    refused = await arrive(owner.client, start)

    assert refused.status_code == 403
    assert await signed_in_as(owner.client) is None
    assert (await Member.get()).oidc_subject is None


@pytest.mark.skipif(not POSTGRES, reason="SQLite has one writer")
async def test_whoever_arrives_while_the_provider_is_removed_is_not_signed_in(owner: Door, start: str) -> None:
    held, over = asyncio.Event(), asyncio.Event()
    member = await Member.get()

    @transactional
    async def hold_the_member() -> None:
        await Member.locked_by(member.actor, member.id)
        held.set()
        await over.wait()

    holding = asyncio.create_task(hold_the_member())
    await held.wait()
    arriving = asyncio.create_task(arrive(owner.client, start))
    async with asyncio.timeout(PATIENCE):
        while not await _somebody_waits():
            await asyncio.sleep(0)
    await owner.mutate(REMOVE, organizationId=owner.known["organization"]["id"])
    before = await log_ins()
    over.set()
    await holding

    assert (await arriving).status_code == 403
    assert await log_ins() == before


async def _somebody_waits() -> bool:
    """Whether a transaction waits for another one's lock."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool((await connection().execute_query(waiting))[0])


async def test_a_secret_sealed_anew_meanwhile_is_the_same_secret(
    owner: Door, start: str, idp: Provider, app: Starlette
) -> None:
    site = app.state.site
    used = await IdentityProvider.get()
    sealed = site.keys.seal(identity_providers.CLIENT_SECRET, CLIENT_SECRET)
    await IdentityProvider.note(used, client_secret=sealed)

    same = await identity_providers.is_same(site, used)
    await IdentityProvider.filter().update(
        client_secret=site.keys.seal(identity_providers.CLIENT_SECRET, "another secret")
    )
    other = await identity_providers.is_same(site, used)

    assert sealed != used.client_secret
    assert (same, other) == (True, False)


async def test_an_owner_proves_the_provider_though_its_secret_is_sealed_anew_meanwhile(
    owner: Door, start: str, idp: Provider, app: Starlette
) -> None:
    site = app.state.site
    used = await IdentityProvider.get()
    sealed = site.keys.seal(identity_providers.CLIENT_SECRET, CLIENT_SECRET)
    await IdentityProvider.filter().update(client_secret=sealed)
    email = owner.known["member"]["email"]

    await sign_in.arrive(site, "192.0.2.1", used, sign_in.Person("a subject", email, is_email_verified=True, name=None))

    after = await IdentityProvider.get()
    assert (after.proved_at is not None, after.client_secret) == (True, sealed)


@pytest.mark.parametrize("subject", ["auth0|5f7c8ec7c33c6c004bbafe82", "https://id.example/u/7?x=1#y", "a:b@c", "Zoë"])
async def test_a_subject_may_be_written_as_its_provider_likes(
    owner: Door, start: str, idp: Provider, subject: str
) -> None:
    idp.person["sub"] = subject

    await arrive(owner.client, start)

    assert await signed_in_as(owner.client)
    assert (await Member.get()).oidc_subject == subject


async def test_configuring_again_what_is_so_leaves_the_secret_as_it_is_sealed(owner: Door, idp: Provider) -> None:
    await configured(owner, idp)
    before = await IdentityProvider.get()

    await configured(owner, idp, allowedDomains=["hill.example"], defaultRole="VIEWER")

    after = await IdentityProvider.get()
    assert (after.client_secret, after.default_role) == (before.client_secret, Role.VIEWER)


async def test_a_member_of_another_organization_does_not_join(owner: Door, idp: Provider) -> None:
    other = await owner.with_token(None).sign_up("Dale School")
    idp.person["email"] = other.known["member"]["email"]
    start = await configured(owner, idp, allowedDomains=["example.org"], defaultRole="VIEWER")

    refused = await arrive(owner.client, start)

    assert refused.status_code == 409
    assert "Your e-mail address belongs to a member of another organization." in refused.text
    assert await signed_in_as(owner.client) is None
    assert [member.oidc_subject for member in await Member.all()] == [None, None]


# ---- what is refused


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://accounts.evil.example"},
        {"aud": "another-client"},
        {"aud": "another-client", "azp": CLIENT_ID},
        {"aud": ["another-client"], "azp": CLIENT_ID},
        {"aud": [CLIENT_ID, "another-client"], "azp": "another-client"},
        {"aud": [CLIENT_ID, "another-client"], "azp": CLIENT_ID},
        {"nonce": "another-nonce"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"iat": 4_102_444_800},
        {"nbf": 4_102_444_800},
        {"at_hash": "another-hash"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"iss": None},
        {"aud": None},
    ],
)
async def test_an_id_token_that_says_something_else_is_refused(
    owner: Door, start: str, idp: Provider, wrong: dict[str, Any]
) -> None:
    idp.claims = wrong
    before = await log_ins()

    refused = await arrive(owner.client, start)

    assert refused.status_code == 403
    assert "Signing in did not work" in refused.text
    assert await signed_in_as(owner.client) is None
    assert await log_ins() == before
    assert (await Member.get()).oidc_subject is None


async def test_an_id_token_may_name_us_in_a_list_of_one(owner: Door, start: str, idp: Provider) -> None:
    idp.claims = {"aud": [CLIENT_ID]}

    await arrive(owner.client, start)

    assert await signed_in_as(owner.client)


async def test_an_id_token_counts_until_its_end_and_a_minute(
    owner: Door, start: str, idp: Provider, clock: Clock
) -> None:
    now = int(clock().timestamp())
    idp.claims = {"exp": now - 59}
    late = await arrive(owner.client, start)
    owner.client.cookies.clear()
    idp.claims = {"exp": now - 60}

    too_late = await arrive(owner.client, start)

    assert (late.status_code, too_late.status_code) == (200, 403)


@pytest.mark.filterwarnings("default::joserfc.errors.SecurityWarning")  # or the warning would be what refuses
@pytest.mark.parametrize("signs", ["none", "HS256", "RS256"])
async def test_an_id_token_that_the_provider_did_not_sign_is_refused(
    owner: Door, start: str, idp: Provider, signs: str
) -> None:
    idp.signs, idp.key = signs, {"none": None, "HS256": client_key(), "RS256": STRANGERS_KEY}[signs]
    idp.claims = {"at_hash": None}

    refused = await arrive(owner.client, start)

    assert refused.status_code == 403
    assert await signed_in_as(owner.client) is None


@pytest.mark.parametrize(
    "answer",
    [
        {"id_token": None},
        {"id_token": "x.y.z"},
        {"id_token": 7},
        {"id_token": []},
        {"error": "invalid_grant"},
        {"access_token": None, "id_token": None},
    ],
)
async def test_an_answer_without_an_id_token_signs_nobody_in(
    owner: Door, start: str, idp: Provider, answer: dict[str, Any]
) -> None:
    idp.answer = answer

    refused = await arrive(owner.client, start)

    assert refused.status_code == 403
    assert await signed_in_as(owner.client) is None


async def test_a_state_that_is_not_this_browsers_is_refused_and_no_code_is_redeemed(
    owner: Door, start: str, idp: Provider
) -> None:
    back = await through(await leave(owner.client, start))

    for forged in (with_query(back, state="another"), with_query(back, state=""), back.partition("&state")[0]):
        refused = await owner.client.get(forged)
        assert refused.status_code == 403
    assert idp.redeemed == []
    assert await signed_in_as(owner.client) is None


async def test_nobody_is_signed_in_by_a_link_that_somebody_else_brought_back(
    owner: Door, start: str, idp: Provider, app: Starlette
) -> None:
    back = await through(await leave(owner.client, start))  # the attacker stops here, and sends the link on

    looked = len(idp.looked_up)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://admit.test") as victim:
        refused = await victim.get(back)
        signed_in = await signed_in_as(victim)

    assert refused.status_code == 403
    assert len(idp.looked_up) == looked
    assert signed_in is None
    assert idp.redeemed == []


async def test_coming_back_a_second_time_signs_nobody_in(owner: Door, start: str, idp: Provider) -> None:
    back = await through(await leave(owner.client, start))
    first = await owner.client.get(back)
    owner.client.cookies.delete("__Host-staff")

    second = await owner.client.get(back)

    assert (first.status_code, second.status_code) == (200, 403)
    assert len(idp.redeemed) == 1
    assert await signed_in_as(owner.client) is None


async def test_a_code_is_good_once_even_for_whoever_kept_the_cookie(owner: Door, start: str, idp: Provider) -> None:
    there = await leave(owner.client, start)
    kept = dict(owner.client.cookies)
    back = await through(there)
    await owner.client.get(back)
    owner.client.cookies.clear()

    again = await owner.client.get(back, headers={"cookie": f"sign-in={kept['sign-in']}"})

    assert again.status_code == 403
    assert len(idp.redeemed) == 2
    assert await signed_in_as(owner.client) is None


async def test_coming_back_too_late_signs_nobody_in(owner: Door, start: str, idp: Provider, clock: Clock) -> None:
    back = await through(await leave(owner.client, start))
    clock.forward(minutes=10)

    refused = await owner.client.get(back)

    assert refused.status_code == 403
    assert idp.redeemed == []


async def test_another_organizations_way_back_is_another(owner: Door, start: str, idp: Provider) -> None:
    other = await owner.with_token(None).sign_up("Dale School")
    elsewhere = await configured(other, idp)
    there = await leave(owner.client, start)
    kept = owner.client.cookies["sign-in"]
    back = (await through(there)).replace(start, elsewhere)

    refused = await owner.client.get(back, headers={"cookie": f"sign-in={kept}"})

    assert refused.status_code == 403
    assert idp.redeemed == []


async def test_an_answer_of_another_issuer_is_not_taken_for_this_ones(owner: Door, start: str, idp: Provider) -> None:
    back = await through(await leave(owner.client, start))

    refused = await owner.client.get(f"{back}&iss=https%3A%2F%2Faccounts.evil.example")

    assert refused.status_code == 403
    assert idp.redeemed == []


async def test_a_provider_configured_anew_on_the_way_is_not_the_one_that_was_left_for(
    owner: Door, start: str, idp: Provider
) -> None:
    back = await through(await leave(owner.client, start))
    await configured(owner, idp, clientId="another-client", clientSecret="another secret")

    refused = await owner.client.get(back)

    assert refused.status_code == 403
    assert await signed_in_as(owner.client) is None


async def test_what_the_provider_refuses_is_told_in_our_own_words(owner: Door, start: str) -> None:
    there = await leave(owner.client, start)
    said = {"state": query_of(there)["state"], "error": "access_denied", "error_description": "<b>Call 555-1234</b>"}

    refused = await owner.client.get(f"{start}/callback?{urlencode(said)}")

    assert refused.status_code == 403
    assert "555-1234" not in refused.text
    assert '<a class="button' in refused.text or 'href="/sign-in"' in refused.text


@pytest.mark.parametrize("path", ["org_x", "tsk_01890a5d-ac96-774b-bcce-b302099a8057", "nobody"])
async def test_there_is_nothing_at_an_address_of_no_organization(door: Door, path: str) -> None:
    answer = await door.client.get(f"/sign-in/{path}")

    assert answer.status_code == 404


async def test_there_is_nothing_where_no_provider_is_configured(door: Door) -> None:
    organization = (await door.sign_up()).known["organization"]["id"]

    pages = [await door.client.get(f"/sign-in/{organization}{more}") for more in ("", "/callback?code=a&state=b")]

    assert [page.status_code for page in pages] == [404, 403]


async def test_a_browser_that_only_looks_ahead_does_not_leave(owner: Door, start: str, idp: Provider) -> None:
    looked = len(idp.looked_up)

    early = await owner.client.get(start, headers={"sec-purpose": "prefetch"})
    head = await owner.client.head(start)

    assert (early.status_code, head.status_code) == (204, 200)
    assert len(idp.looked_up) == looked


async def test_leaving_without_coming_back_is_counted_and_coming_back_is_not(
    settings: Settings, clock: Clock, idp: Provider
) -> None:
    async with (
        serving(replace(settings, log_ins_per_address=3)) as (base_url, _app),
        httpx.AsyncClient(base_url=base_url) as browser,
    ):
        owner = await Door(browser).sign_up()
        idp.person["email"] = owner.known["member"]["email"]
        start = await configured(owner, idp)
        whole = [(await arrive(browser, start)).status_code for _ in range(5)]

        left = [(await browser.get(start)).status_code for _ in range(4)]

    assert whole == [200] * 5
    assert left == [302, 302, 302, 429]


# ---- what a hostile provider says about itself


@pytest.mark.parametrize(
    "metadata",
    [
        {"token_endpoint": "http://10.0.0.1/token"},
        {"token_endpoint": "https://169.254.169.254/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "https://10.0.0.1/keys"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://accounts.example/authorize"},
        {"authorization_endpoint": "https://user@accounts.example/"},
        {"authorization_endpoint": "https://accounts.example/\r\nset-cookie: a=b"},
        {"issuer": "https://accounts.evil.example"},
    ],
)
async def test_a_provider_that_leads_inside_or_astray_is_not_followed(
    owner: Door, start: str, idp: Provider, metadata: dict[str, Any]
) -> None:
    idp.metadata = metadata

    answer = await owner.client.get(start)
    if answer.status_code == 302:  # the addresses that only we would ask, and do not
        answer = await owner.client.get(await through(answer.headers["location"]))

    assert answer.status_code in (403, 409, 502)
    assert "/keys" not in idp.looked_up
    assert await signed_in_as(owner.client) is None


async def test_a_provider_cannot_configure_our_client(owner: Door, start: str, idp: Provider) -> None:
    """Authlib hands all of a provider's metadata to its HTTP client, whose settings have names, too."""
    idp.metadata = {
        "follow_redirects": True,
        "verify": False,
        "transport": None,
        "proxy": "http://127.0.0.1:1",
        "base_url": "http://127.0.0.1:1",
        "scope": "everything",
        "code_challenge_method": "plain",
        "token_endpoint": f"{idp.issuer}/elsewhere",
    }

    refused = await arrive(owner.client, start)

    assert refused.status_code == 403
    assert "/elsewhere" in idp.looked_up
    assert idp.redeemed == []  # it would have followed the redirect there, with the code and the secret
    assert (idp.asked[0]["scope"], idp.asked[0]["code_challenge_method"]) == ("openid email profile", "S256")


async def test_a_provider_that_is_away_is_said_to_be(owner: Door, start: str, idp: Provider) -> None:
    idp.status = 503

    answer = await owner.client.get(start)

    assert answer.status_code == 502
    assert "Signing in is not possible now" in answer.text


# ---- enforced


async def enforced(owner: Door, idp: Provider) -> str:
    """Only there: proved by the owner first."""
    start = await configured(owner, idp)
    await arrive(owner.client, start)
    return await configured(owner, idp, clientSecret=None, enforced=True)


async def test_the_right_password_leads_to_the_provider_and_a_wrong_one_nowhere(owner: Door, idp: Provider) -> None:
    start = await enforced(owner, idp)
    email, before = owner.known["member"]["email"], await log_ins()

    right = await owner.with_token(None).mutate(
        LOG_IN.replace("... on Refusal", "... on SingleSignOnRequired { startUrl } ... on Refusal"),
        email=email, password=PASSWORD,
    )  # fmt: skip
    wrong = await owner.with_token(None).mutate(LOG_IN, email=email, password="not the password")

    assert (right["__typename"], right["startUrl"]) == ("SingleSignOnRequired", start)
    assert wrong["__typename"] == "CredentialsWrong"
    assert await log_ins() == before


async def test_enforcing_it_ends_every_log_in_but_the_one_that_did_it(owner: Door, idp: Provider) -> None:
    colleague = await owner.colleague(Role.ADMIN)
    other = await owner.with_token(None).sign_up("Dale School")

    await enforced(owner, idp)

    asked = "{ viewer { __typename } organization { name } }"
    assert [await each.code_of(asked) for each in (owner, colleague, other)] == [None, "UNAUTHENTICATED", None]
    ended = await Event.filter(type=EventType.MEMBER_LOGGED_OUT).order_by("position")
    assert {event.subject for event in ended} == {each.known["member"]["id"] for each in (owner, colleague)}
    assert {event.actor for event in ended} == {owner.known["member"]["id"]}


async def test_the_providers_secret_is_sealed_and_outlives_ours(
    settings: Settings, clock: Clock, idp: Provider
) -> None:
    newest = "the secret after that one, of forty letters"
    both = replace(settings, secret_key=newest, secret_key_previous=settings.secret_key)
    async with serving(settings) as (base_url, _app), httpx.AsyncClient(base_url=base_url) as browser:
        owner = await Door(browser).sign_up()
        await configured(owner, idp)
        before = (await IdentityProvider.get()).client_secret
    idp.person["email"] = owner.known["member"]["email"]

    async with serving(both) as (base_url, _app), httpx.AsyncClient(base_url=base_url) as browser:
        page = await arrive(browser, f"/sign-in/{owner.known['organization']['id']}")
        after = (await IdentityProvider.get()).client_secret

    assert page.status_code == 200
    assert CLIENT_SECRET not in before
    assert Keys([newest]).unseal(identity_providers.CLIENT_SECRET, before) is None
    assert Keys([newest]).unseal(identity_providers.CLIENT_SECRET, after) == CLIENT_SECRET


async def test_a_secret_that_can_no_longer_be_read_is_asked_for_again(
    settings: Settings, clock: Clock, idp: Provider
) -> None:
    async with serving(settings) as (base_url, _app), httpx.AsyncClient(base_url=base_url) as browser:
        owner = await Door(browser).sign_up()
        await configured(owner, idp)
    other = replace(settings, secret_key="another installation's own secret of forty")

    async with serving(other) as (base_url, _app), httpx.AsyncClient(base_url=base_url) as browser:
        page = await browser.get(f"/sign-in/{owner.known['organization']['id']}")

    assert page.status_code == 502
    assert "The organization must give its client secret again." in page.text


async def test_the_right_password_on_the_page_shows_the_way_there(owner: Door, idp: Provider) -> None:
    start = await enforced(owner, idp)
    owner.client.cookies.clear()
    found = re.search(r'name="token" value="([^"]+)"', (await owner.client.get("/sign-in")).text)
    assert found
    form = {"token": found[1], "email": owner.known["member"]["email"], "task": ""}

    right = await owner.client.post("/sign-in", data={**form, "password": PASSWORD})
    wrong = await owner.client.post("/sign-in", data={**form, "password": "not the password"})

    assert (right.status_code, f'href="{start}"' in right.text) == (403, True)
    assert "Your organization signs in with its own accounts: begin there." in right.text
    assert (wrong.status_code, start in wrong.text) == (403, False)
    assert "__Host-staff" not in owner.client.cookies


@pytest.mark.parametrize("typed", ["{}", "  {} ", "https://admit.test/sign-in/{}?task=x"])
async def test_whoever_knows_the_organizations_link_finds_the_way_there(door: Door, typed: str) -> None:
    organization = "org_01890a5d-ac96-774b-bcce-b302099a8057"
    task = "tsk_01890a5d-ac96-774b-bcce-b302099a8057"

    page = await door.client.get("/sign-in", params={"organization": typed.format(organization), "task": task})

    assert page.status_code == 200
    assert f'href="/sign-in/{organization}?task={task}"' in page.text


@pytest.mark.parametrize("typed", ["//evil.example", "org_x", "javascript:alert(1)", "https://evil.example/sign-in"])
async def test_what_is_no_organizations_link_leads_nowhere(door: Door, typed: str) -> None:
    page = await door.client.get("/sign-in", params={"organization": typed})

    assert page.status_code == 400
    assert "That is not the sign-in link of an organization." in page.text
    assert "evil.example" not in page.text
