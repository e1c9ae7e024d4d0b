"""Staff sign in and out by a browser, and its scripts get access tokens."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette

from models import Event, EventType, Login, Role
from settings import Settings
from tests.conftest import serving
from tests.world import PASSWORD, Clock, Door

NAME = "{ organization { name } }"


@pytest.fixture
async def owner(door: Door) -> Door:
    """An organization's owner, whose browser is not signed in."""
    return await door.sign_up("Hill School")


async def form_token(door: Door) -> str:
    page = await door.client.get("/sign-in")
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


async def sign_in(door: Door, email: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    form = {"token": await form_token(door), "email": email, "password": password}
    return await door.client.post("/sign-in", data=form, headers=headers)


async def signed_in(owner: Door) -> str:
    """The browser signed in; answers the token by which the dashboard's requests prove themselves."""
    assert (await sign_in(owner, owner.known["member"]["email"])).status_code == 303
    found = re.search(r'data-csrf="([^"]+)"', (await owner.client.get("/dashboard")).text)
    assert found
    return found[1]


async def test_signing_in_leads_to_the_dashboard(owner: Door) -> None:
    answer = await sign_in(owner, owner.known["member"]["email"])

    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")
    page = await owner.client.get("/dashboard")
    assert page.status_code == 200
    assert "Hill School" in page.text
    assert "Olive Owner" in page.text


async def test_signing_in_leads_back_to_the_task_that_was_asked_for(owner: Door) -> None:
    task = "tsk_01890a5d-ac96-774b-bcce-b302099a8057"
    sent = await owner.client.get("/dashboard", params={"task": task})
    form = {"token": await form_token(owner), "email": owner.known["member"]["email"], "password": PASSWORD}

    answer = await owner.client.post("/sign-in", data={**form, "task": task})

    assert (sent.status_code, sent.headers["location"]) == (303, f"/sign-in?task={task}")
    assert f'name="task" value="{task}"' not in (await owner.client.get("/sign-in")).text
    assert (answer.status_code, answer.headers["location"]) == (303, f"/dashboard?task={task}")


@pytest.mark.parametrize("task", ["//evil.example", "tsk_x", "tsk_01890a5d-ac96-774b-bcce-b302099a8057&x=1", "https:"])
async def test_signing_in_leads_nowhere_else(owner: Door, task: str) -> None:
    form = {"token": await form_token(owner), "email": owner.known["member"]["email"], "password": PASSWORD}

    answer = await owner.client.post("/sign-in", data={**form, "task": task})

    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")


async def test_the_cookie_is_kept_from_scripts_and_from_other_sites(owner: Door) -> None:
    answer = await sign_in(owner, owner.known["member"]["email"])

    flags = {flag.strip().lower() for flag in answer.headers["set-cookie"].split(";")[1:]}
    assert flags == {"httponly", "secure", "samesite=strict", "path=/", f"max-age={30 * 86_400}"}
    assert answer.headers["set-cookie"].startswith("__Host-staff=")  # which no other host of the domain can set


async def test_the_cookie_works_without_https_on_a_developers_machine(settings: Settings, clock: Clock) -> None:
    async with serving(settings) as (base_url, _app), httpx.AsyncClient(base_url=base_url) as client:
        owner = await Door(client).sign_up()

        answer = await sign_in(owner, owner.known["member"]["email"])

    assert "secure" not in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    ("email", "password"), [(None, "not the password"), ("nobody@example.org", PASSWORD), ("", "")]
)
async def test_a_wrong_password_is_said_on_the_form_without_saying_what_was_wrong(
    owner: Door, email: str | None, password: str
) -> None:
    answer = await sign_in(owner, owner.known["member"]["email"] if email is None else email, password)

    assert answer.status_code == 403
    assert "The e-mail address or the password is wrong." in answer.text
    assert password == "" or password not in answer.text
    assert "set-cookie" not in answer.headers


async def test_the_form_keeps_the_email_address_escaped(owner: Door) -> None:
    answer = await sign_in(owner, '"><script>alert(1)</script>', "not the password")

    assert "<script>alert" not in answer.text
    assert 'value="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in answer.text


async def test_too_many_wrong_passwords_are_said_on_the_form_and_the_right_one_waits(owner: Door) -> None:
    email = owner.known["member"]["email"]
    for _ in range(3):
        assert (await sign_in(owner, email, "not the password")).status_code == 403

    answer = await sign_in(owner, email)

    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Too many attempts" in answer.text
    assert "set-cookie" not in answer.headers


async def test_a_form_that_another_site_sends_signs_nobody_in(owner: Door) -> None:
    answer = await sign_in(owner, owner.known["member"]["email"], **{"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_a_form_that_is_not_ours_signs_nobody_in(owner: Door) -> None:
    form = {"token": "1.forged", "email": owner.known["member"]["email"], "password": PASSWORD}

    answer = await owner.client.post("/sign-in", data=form)

    assert answer.status_code == 400
    assert "This page was open for too long." in answer.text
    assert "set-cookie" not in answer.headers


async def test_whoever_is_signed_in_is_not_asked_again(owner: Door) -> None:
    await signed_in(owner)

    answer = await owner.client.get("/sign-in")

    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")


async def test_the_dashboard_sends_strangers_to_the_sign_in_page_and_nowhere_else(owner: Door) -> None:
    answer = await owner.client.get("/dashboard?next=https://evil.example")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


async def test_the_pages_are_not_kept_by_anyone_and_run_no_foreign_script(owner: Door) -> None:
    await signed_in(owner)

    page = await owner.client.get("/dashboard")

    assert page.headers["cache-control"] == "no-store"
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert " style=" not in page.text
    assert not re.search(r"<script(?![^>]* src=)", page.text)


async def test_a_tab_gets_an_access_token_as_often_as_it_needs_one(owner: Door, clock: Clock) -> None:
    csrf = await signed_in(owner)

    answers = [(await owner.client.post("/dashboard/token", headers={"x-csrf-token": csrf})).json() for _ in range(2)]

    assert [(answer["expiresAt"], answer["expiresIn"]) for answer in answers] == [
        ("2026-01-02T03:19:05+00:00", 900)
    ] * 2
    for answer in answers:
        assert await owner.with_token(answer["accessToken"]).ask(NAME) == {"organization": {"name": "Hill School"}}


async def test_a_token_needs_the_proof_that_our_page_asks(owner: Door) -> None:
    csrf = await signed_in(owner)
    headers = [{}, {"x-csrf-token": csrf[:-1]}, {"x-csrf-token": csrf, "sec-fetch-site": "cross-site"}]

    statuses = [(await owner.client.post("/dashboard/token", headers=header)).status_code for header in headers]

    assert statuses == [403, 403, 403]


async def test_the_proof_of_one_log_in_is_none_for_another(owner: Door) -> None:
    first = await signed_in(owner)
    owner.client.cookies.clear()
    await signed_in(owner)

    answer = await owner.client.post("/dashboard/token", headers={"x-csrf-token": first})

    assert answer.status_code == 403


async def test_without_a_log_in_there_is_no_token(owner: Door) -> None:
    headers = {"accept": "application/json", "x-csrf-token": "anything"}

    answer = await owner.client.post("/dashboard/token", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "Unauthenticated")


async def test_signing_out_ends_the_log_in_and_every_token_of_it(owner: Door) -> None:
    csrf = await signed_in(owner)
    kept = owner.client.cookies["__Host-staff"]
    access = (await owner.client.post("/dashboard/token", headers={"x-csrf-token": csrf})).json()["accessToken"]

    answer = await owner.client.post("/sign-out", data={"csrf": csrf})

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "__Host-staff" not in owner.client.cookies
    assert await owner.with_token(access).code_of(NAME) == "UNAUTHENTICATED"
    owner.client.cookies.set("__Host-staff", kept)
    assert (await owner.client.get("/dashboard")).headers["location"] == "/sign-in"
    assert (await owner.client.post("/dashboard/token", headers={"x-csrf-token": csrf})).status_code == 401
    assert await Event.filter(type=EventType.MEMBER_LOGGED_OUT).count() == 1


async def test_signing_out_needs_the_proof_that_our_page_asks(owner: Door) -> None:
    await signed_in(owner)

    answer = await owner.client.post("/sign-out", data={"csrf": "guessed"})

    assert answer.status_code == 403
    assert (await owner.client.get("/dashboard")).status_code == 200


async def test_signing_out_twice_ends_at_the_sign_in_page(owner: Door) -> None:
    csrf = await signed_in(owner)
    await owner.client.post("/sign-out", data={"csrf": csrf})

    answer = await owner.client.post("/sign-out", data={"csrf": csrf})

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


async def test_signing_out_everywhere_ends_every_log_in_of_the_member_and_of_nobody_else(owner: Door) -> None:
    colleague = await owner.colleague(Role.VIEWER)
    csrf = await signed_in(owner)
    page = (await owner.client.get("/dashboard")).text

    answer = await owner.client.post("/sign-out/everywhere", data={"csrf": csrf})

    assert 'formaction="/sign-out/everywhere"' in page
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "__Host-staff" not in owner.client.cookies
    assert await owner.code_of(NAME) == "UNAUTHENTICATED"
    assert await colleague.code_of(NAME) is None
    [event] = await Event.filter(type=EventType.MEMBER_LOGGED_OUT)
    assert event.payload == {"reason": "everywhere", "log_ins": 2}


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}])
async def test_signing_out_everywhere_needs_the_proof_that_our_page_asks(owner: Door, headers: dict[str, str]) -> None:
    csrf = await signed_in(owner)
    form = {"csrf": csrf if headers else "guessed"}

    answers = [
        await owner.client.post("/sign-out/everywhere", data=form, headers=headers),
        await owner.client.get("/sign-out/everywhere", headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [403, 405]
    assert await Login.filter(revoked_at=None).count() == 2
    assert await owner.code_of(NAME) is None


async def test_a_log_in_that_was_revoked_elsewhere_is_over_here(owner: Door, clock: Clock) -> None:
    await signed_in(owner)
    for login in await Login.all():
        await Login.revoke(login.id, clock())

    answer = await owner.client.get("/dashboard")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


async def test_the_cookie_lasts_as_long_as_the_log_in(owner: Door, clock: Clock) -> None:
    await signed_in(owner)

    clock.forward(days=30)

    assert (await owner.client.get("/dashboard")).headers["location"] == "/sign-in"


async def test_the_cookie_is_no_access_token_and_an_access_token_is_no_cookie(owner: Door, app: Starlette) -> None:
    await signed_in(owner)
    cookie = owner.client.cookies["__Host-staff"]

    as_token = await replace(owner, token=cookie).code_of(NAME)
    owner.client.cookies.clear()
    owner.client.cookies.set("__Host-staff", owner.token or "")
    as_cookie = await owner.client.get("/dashboard")

    assert as_token == "UNAUTHENTICATED"
    assert as_cookie.headers["location"] == "/sign-in"
