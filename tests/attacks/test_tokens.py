"""Forged, stale and borrowed tokens at every door that takes one: refused alike, and nothing of them in the log."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from models import AccessLink, Event
from services import staff
from services.accounts import ACCESS, REFRESH, SignedIn
from services.credentials import CANDIDATE
from services.site import Site
from settings import Settings
from tests.attacks.forge import Forge
from tests.conftest import serving
from tests.furnished import Furnished, furnish
from tests.listening import bare_socket
from tests.world import Clock, Door

NAME = "{ organization { name } }"
VIEWER = "{ viewer { __typename } }"
REFRESHING = "mutation ($input: RefreshAccessTokenInput!) { refreshAccessToken(input: $input) { __typename } }"
LEAVING = "mutation ($input: LogOutInput!) { logOut(input: $input) { __typename } }"
REDEEMING = "mutation ($input: RedeemAccessLinkInput!) { redeemAccessLink(input: $input) { __typename } }"


@dataclass(frozen=True)
class Place:
    """A running server, its secret, and what there is to steal."""

    door: Door
    site: Site
    secret: str
    things: Furnished

    def forge(self, audience: str) -> Forge:
        """Tokens about the owner's log-in, or about the candidate's assessment."""
        subject = str(self.things.assessment.id) if audience == CANDIDATE else self.login
        return Forge(self.secret, subject, audience)

    @property
    def login(self) -> str:
        """The owner's log-in."""
        return str(self.site.keys.verify(REFRESH, self.things.owner.known["refreshToken"], self.now)["sub"])

    @property
    def now(self) -> Any:
        """The clock's time."""
        return self.things.assessment.created_at

    @property
    def borrowed(self) -> dict[str, str]:
        """Good tokens, each of another purpose than to speak for somebody."""
        owner = self.things.owner.known
        signed_in = SignedIn(None, None, owner["accessToken"], owner["refreshToken"])  # type: ignore[arg-type]
        return {
            "a refresh token": owner["refreshToken"],
            "a staff cookie": staff.cookie_for(self.site, signed_in)[0],
            "a link": self.things.link_token,
            "a stamp": self.site.keys.stamp("csrf", "x"),
            "an invitation code": self.things.ticket.invitation_code,
            "a key's global id": self.things.api_key.gid,
            "a wrong secret": "admit_" + "A" * 40,
            "a key's fingerprint": "admit_" + self.things.api_key.hash,
        }


@pytest.fixture
async def place(settings: Settings, clock: Clock) -> AsyncIterator[Place]:
    """A server that lets one guess as often as one likes, for here it is not guessing that is tried."""
    endless = replace(settings, export_workers=0, guesses_per_address=100_000, guesses_per_task=100_000)
    async with serving(endless) as (base_url, app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        door, site = Door(client), app.state.site
        things = await furnish(site, await door.sign_up())
        yield Place(door, site, endless.secret_key, things)


def latin(headers: dict[str, str]) -> httpx.Headers:
    """Headers that may hold more than ASCII."""
    return httpx.Headers(headers, encoding="latin-1")


async def by_http(door: Door, token: str, document: str = NAME) -> tuple[int, str | None, str | None]:
    """The status, the code and the challenge."""
    headers = latin({"authorization": f"Bearer {token}"})
    answer = await door.client.post("/graphql", json={"query": document}, headers=headers)
    failures = answer.json().get("errors") or [{"extensions": {"code": None}}]
    return answer.status_code, failures[0]["extensions"]["code"], answer.headers.get("www-authenticate")


async def by_websocket(door: Door, authorization: Any) -> int | str:
    """How the socket was closed, or what it was told instead."""
    async with bare_socket(door.base_url) as made:
        await made.send({"type": "connection_init", "payload": {"Authorization": authorization}})
        try:
            return str((await made.receive())["type"])
        except ConnectionClosed:
            return made.connection.close_code or 0


def nothing_was_logged(caplog: pytest.LogCaptureFixture, *tokens: str) -> bool:
    """Whether the log has no complaint, and no piece of a token that is long enough to be one."""
    complaints = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    pieces = {piece for token in tokens for piece in token.split(".") if len(piece) > 20}
    return complaints == [] and not any(piece in caplog.text for piece in pieces)


async def test_the_forge_makes_good_tokens_when_nothing_is_wrong(place: Place) -> None:
    member, candidate = place.forge(ACCESS).signed(), place.forge(CANDIDATE).signed()
    link = place.forge("link").sealed(json.dumps({"l": place.things.link.id.hex, "v": 1, "e": None}).encode())

    assert (await by_http(place.door, member))[:2] == (200, None)
    assert (await by_http(place.door, candidate, VIEWER))[:2] == (200, None)
    assert await by_websocket(place.door, f"Bearer {member}") == "connection_ack"
    assert (await place.door.mutate(REDEEMING, token=link))["__typename"] == "EnterTaskSuccess"
    refresh = place.forge(REFRESH).signed()
    assert (await place.door.mutate(REFRESHING, refreshToken=refresh))["__typename"] == "RefreshAccessTokenSuccess"


@pytest.mark.parametrize("audience", [ACCESS, CANDIDATE])
async def test_forged_tokens_speak_for_nobody_over_http(
    place: Place, audience: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    forged = {**place.forge(audience).bearers(), **place.borrowed}

    answers = {name: await by_http(place.door, token, VIEWER) for name, token in forged.items()}

    assert answers == dict.fromkeys(forged, (401, "UNAUTHENTICATED", "Bearer"))
    assert nothing_was_logged(caplog, *forged.values())


@pytest.mark.parametrize("audience", [ACCESS, CANDIDATE])
async def test_forged_tokens_speak_for_nobody_over_a_websocket(
    place: Place, audience: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    forged = {**place.forge(audience).bearers(), **place.borrowed}

    closed = {name: await by_websocket(place.door, f"Bearer {token}") for name, token in forged.items()}

    assert closed == dict.fromkeys(forged, 4403)
    assert nothing_was_logged(caplog, *forged.values())


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer ", "Basic b3duZXI6cGFzc3dvcmQ=", "Bearer a b c", "token", "Bearer \0", "é" * 9],
)
async def test_a_header_that_is_no_bearer_token_is_refused_on_a_websocket(place: Place, authorization: str) -> None:
    assert await by_websocket(place.door, authorization) == 4403


@pytest.mark.parametrize("document", [REFRESHING, LEAVING], ids=["refreshAccessToken", "logOut"])
async def test_forged_tokens_refresh_and_end_nothing(
    place: Place, document: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    others = {"an access token": place.things.owner.token or "", "a candidate's": place.things.sitter.token or ""}
    borrowed = {name: token for name, token in place.borrowed.items() if name != "a refresh token"}
    forged = {**place.forge(REFRESH).bearers(), **borrowed, **others, "empty": "", "a NUL": "\0.a.b"}
    before = await Event.all().count()

    codes = {name: await place.door.code_of(document, input={"refreshToken": bad}) for name, bad in forged.items()}

    assert codes == dict.fromkeys(forged, "UNAUTHENTICATED")
    assert await Event.all().count() == before
    assert nothing_was_logged(caplog, *forged.values())


async def test_forged_cookies_sign_nobody_in(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    others = {"an access token": place.things.owner.token or "", "a refresh token": place.borrowed["a refresh token"]}
    cookies = {**place.forge(staff.COOKIE).bearers(), **others}

    places = {}
    for name, value in cookies.items():
        headers = latin({"cookie": f"__Host-{staff.COOKIE}={value}"})
        answer = await place.door.client.get("/dashboard", headers=headers)
        places[name] = answer.status_code, answer.headers.get("location")

    assert places == dict.fromkeys(cookies, (303, "/sign-in"))
    assert nothing_was_logged(caplog, *cookies.values())


async def test_forged_cookies_open_no_assessment(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    others = {"an access token": place.things.owner.token or "", "a link": place.things.link_token}
    cookies = {**place.forge(CANDIDATE).bearers(), **others}

    statuses = {}
    for name, value in cookies.items():
        headers = latin({"cookie": f"candidate={value}"})
        page = await place.door.client.get(f"/assessments/{place.things.assessment.gid}", headers=headers)
        statuses[name] = page.status_code

    assert statuses == dict.fromkeys(cookies, 401)
    assert nothing_was_logged(caplog, *cookies.values())


async def test_forged_links_open_no_ticket(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    others = {"an access token": place.things.owner.token or "", "a candidate's": place.things.sitter.token or ""}
    forged = {**place.forge("link").links(), **others}
    before = await Event.all().count()

    pages = {name: await place.door.client.get(f"/a/{quote(token)}") for name, token in forged.items()}
    redeemed = {name: await place.door.mutate(REDEEMING, token=token) for name, token in forged.items()}

    assert {name: page.status_code for name, page in pages.items()} == dict.fromkeys(forged, 404)
    assert {page.text for page in pages.values()} == {pages["words"].text}
    assert "This link is not valid" in pages["words"].text
    assert not any("set-cookie" in page.headers for page in pages.values())
    assert {name: answer["__typename"] for name, answer in redeemed.items()} == dict.fromkeys(forged, "LinkInvalid")
    assert await Event.all().count() == before
    assert (await AccessLink.get()).last_opened_at is None
    assert not any(record.levelno >= logging.WARNING for record in caplog.records)
