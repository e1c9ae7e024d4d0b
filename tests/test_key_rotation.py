"""Changing the secret while people work: whatever one process made, every other opens, in each step of the change."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import pairwise

import httpx
import pytest
from starlette.applications import Starlette

from models import ApiKey, Export, Permission
from models import clock as models_clock
from server import create_app
from services import rotation
from services.credentials import by_secret, lapsed
from services.identity_providers import CLIENT_SECRET
from services.rotation import Pair, Step
from settings import Settings
from tests.furnished import Furnished, furnish, program
from tests.hall import site_of
from tests.world import Clock, Door

OLD = Pair("the-old-secret-of-at-least-forty-characters", "")
REFRESH = "mutation ($input: RefreshAccessTokenInput!) { refreshAccessToken(input: $input) { __typename } }"
WHO = "{ viewer { __typename } }"
CREATE_KEY = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { ... on CreateApiKeySuccess { secret apiKey { id } } }
}
"""
ROTATE_KEY = """
mutation ($input: RotateApiKeyInput!) { rotateApiKey(input: $input) { ... on RotateApiKeySuccess { secret } } }
"""
UNUSED = "1 API keys that were not used by their secret since; 1 never end"
BEFORE = "1 rotated API keys' secrets before; the last ends 2026-01-03 03:04 UTC"


@dataclass(frozen=True)
class Process:
    """One of several processes on one database, with the secrets that it was started with."""

    app: Starlette
    door: Door


class Processes:
    """Starts them."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._stack = stack

    async def start(self, pair: Pair) -> Process:
        """A process with these secrets. The first one opens the database for all of them."""
        app = create_app(replace(self._settings, secret_key=pair.makes, secret_key_previous=pair.opens))
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://admit.test")
        return Process(app, Door(await self._stack.enter_async_context(client)))


@pytest.fixture
async def processes(app: Starlette, settings: Settings) -> AsyncIterator[Processes]:
    """Beside one that keeps the database open."""
    async with AsyncExitStack() as stack:
        # without Redis, whose connections the end of a lifespan closes
        yield Processes(replace(settings, events_url="", limits_url=""), stack)


@dataclass
class Kept:
    """What people and programs have from one process."""

    things: Furnished
    access: str
    api_key: str
    oauth: str
    sealed: str
    link: str
    download: str
    welcome: str
    form: str
    page: str
    csrf: str

    async def opened_at(self, process: Process) -> dict[str, bool]:
        """What of it another process lets in."""
        client, door = process.door.client, process.door
        assessment = f"/assessments/{self.things.assessment.gid}"
        cookie = {"cookie": f"candidate={self.things.sitter.token}"}
        heartbeat = await client.post(f"{self.page}/heartbeat", headers={**cookie, "x-csrf-token": self.csrf})
        entered = await client.post(self.welcome, data={"form_token": self.form, "code": self.things.ticket.code})
        refreshed = await door.execute(REFRESH, input={"refreshToken": next(self.things.refresh_tokens)})
        return {
            "access token": await _counts(door, self.access),
            "refresh token": "errors" not in refreshed,
            "API key": await _counts(door, self.api_key),
            "OAuth access token": await _counts(door, self.oauth),
            "candidate's token": await _counts(door, str(self.things.sitter.token)),
            "candidate's cookie": (await client.get(assessment, headers=cookie)).status_code == 200,
            "page's CSRF token": heartbeat.status_code < 400,
            "access link": (await client.get(self.link)).status_code == 303,
            "download address": (await client.get(self.download)).status_code == 200,
            "form of the Welcome page": entered.status_code == 303,
            "identity provider's secret": site_of(process.app).keys.unseal(CLIENT_SECRET, self.sealed) == "hush",
        }


async def made_at(process: Process) -> Kept:
    """One of each thing that a secret is behind, fresh from this process."""
    site = site_of(process.app)
    owner = await process.door.sign_up()
    things = await furnish(site, owner)
    robot = await program(site, things, [Permission.READ])
    export = things.export
    await Export.filter(id=export.id).update(ready_at=models_clock.now())
    site.export_dir.mkdir(parents=True, exist_ok=True)
    (site.export_dir / f"{export.gid}.xlsx").write_bytes(b"rows")
    welcome = f"/t/{things.task.slug}"
    page = f"/assessments/{things.assessment.gid}/sessions/{things.session.gid}"
    shown = await process.door.client.get(page, headers={"cookie": f"candidate={things.sitter.token}"})
    form = (await process.door.client.get(welcome)).text
    key = await ApiKey.by_hashes(site.keys.fingerprints(str(robot.token)))
    assert key is not None
    granted = await process.door.client.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=(key.gid, str(robot.token))
    )
    return Kept(
        things,
        access=str(owner.token),
        api_key=str(robot.token),
        oauth=granted.json()["access_token"],
        sealed=site.keys.seal(CLIENT_SECRET, "hush"),
        link=f"/a/{things.link_token}",
        download=site.urls.download(export).removeprefix("https://admit.test"),
        welcome=welcome,
        form=re.findall(r'name="form_token" value="([^"]+)"', form)[0],
        page=page,
        csrf=re.findall(r'name="csrf" value="([^"]+)"', shown.text)[0],
    )


async def _counts(door: Door, token: str) -> bool:
    answer = await door.with_token(token).execute(WHO)
    return "errors" not in answer


def pairs(*steps: Step) -> list[Pair]:
    """The secrets before the steps, and after each."""
    known = [OLD]
    for step in steps:
        known.append(known[-1].after(step))
    return known


async def test_each_of_two_processes_opens_what_the_other_made_while_they_are_restarted_one_by_one(
    processes: Processes,
) -> None:
    for before, after in pairwise(pairs(Step.PREPARE, Step.SWITCH)):
        restarted, waiting = await processes.start(after), await processes.start(before)
        new, old = await made_at(restarted), await made_at(waiting)

        refused = {
            (at, name)
            for at, opened in {"new": await new.opened_at(waiting), "old": await old.opened_at(restarted)}.items()
            for name, is_open in opened.items()
            if not is_open
        }

        assert refused == set()


async def test_without_preparing_people_would_be_locked_out_of_the_process_that_waits(
    processes: Processes,
) -> None:
    restarted, waiting = await processes.start(OLD.after(Step.AT_ONCE)), await processes.start(OLD)

    opened = await (await made_at(restarted)).opened_at(waiting)

    assert set(opened.values()) == {False}


async def test_what_was_made_yesterday_still_opens_after_the_change_at_once(processes: Processes, clock: Clock) -> None:
    kept = await made_at(await processes.start(OLD))
    clock.forward(hours=23)
    changed = await processes.start(OLD.after(Step.AT_ONCE))

    opened = await kept.opened_at(changed)

    short_lived = {"access token", "OAuth access token", "download address", "form of the Welcome page"}
    assert {name for name, is_open in opened.items() if not is_open} == short_lived  # by their age, as any other day


async def test_after_the_finish_what_the_dropped_secret_made_opens_nothing(processes: Processes) -> None:
    *_, last = pairs(Step.PREPARE, Step.SWITCH, Step.FINISH)
    kept = await made_at(await processes.start(OLD))

    opened = await kept.opened_at(await processes.start(last))

    assert last.opens == ""
    assert set(opened.values()) == {False}


async def test_after_the_finish_what_the_new_secret_made_since_the_switch_still_opens(processes: Processes) -> None:
    *_, switched, last = pairs(Step.PREPARE, Step.SWITCH, Step.FINISH)
    kept = await made_at(await processes.start(switched))

    opened = await kept.opened_at(await processes.start(last))

    assert set(opened.values()) == {True}


async def test_an_api_key_that_is_used_after_the_switch_outlives_the_old_secret(processes: Processes) -> None:
    _, _, switched, last = pairs(Step.PREPARE, Step.SWITCH, Step.FINISH)
    kept = await made_at(await processes.start(OLD))

    await kept.opened_at(await processes.start(switched))

    assert await _counts((await processes.start(last)).door, kept.api_key)


async def test_partners_find_both_public_keys_while_two_secrets_are_live(processes: Processes) -> None:
    known = pairs(Step.PREPARE, Step.SWITCH, Step.FINISH)

    published = []
    for pair in known:
        client = (await processes.start(pair)).door.client
        published.append([key["kid"] for key in (await client.get("/.well-known/jwks.json")).json()["keys"]])

    old, new = published[0][0], published[-1][0]
    assert published == [[old], [old, new], [new, old], [new]]
    assert old != new


# ---- what the command that drops the old secret says of API keys ---------------------------------------------------


@dataclass(frozen=True)
class Switched:
    """An API key and the processes on both sides of the switch: one restarted, one that waits for it."""

    restarted: Process
    waiting: Process
    owner: Door
    key: str
    secret: str

    async def needed(self) -> list[str]:
        """The API keys that would go with the old secret."""
        told = await rotation.still_needed(site_of(self.restarted.app), models_clock.now())
        return [line for line in told if "API key" in line]


@pytest.fixture
async def switched(processes: Processes, clock: Clock) -> Switched:
    """With a key of before."""
    _, before, after = pairs(Step.PREPARE, Step.SWITCH)
    waiting, restarted = await processes.start(before), await processes.start(after)
    owner = await waiting.door.sign_up()
    made = await owner.mutate(CREATE_KEY, name="Robot", scopes=["READ"])
    return Switched(restarted, waiting, owner, made["apiKey"]["id"], made["secret"])


async def test_a_key_needs_the_old_secret_until_it_is_used_by_its_own(switched: Switched) -> None:
    before = await switched.needed()

    await _counts(switched.restarted.door, switched.secret)

    assert (before, await switched.needed()) == ([UNUSED], [])


async def test_a_key_that_was_used_where_the_old_secret_still_makes_needs_it_again(switched: Switched) -> None:
    await _counts(switched.restarted.door, switched.secret)

    await _counts(switched.waiting.door, switched.secret)

    assert await switched.needed() == [UNUSED]


async def test_a_rotated_key_needs_the_old_secret_until_both_of_its_own_were_used(switched: Switched) -> None:
    new = (await switched.owner.mutate(ROTATE_KEY, apiKeyId=switched.key))["secret"]
    told = [await switched.needed()]

    for secret in (switched.secret, new):
        await _counts(switched.restarted.door, secret)
        told.append(await switched.needed())

    assert told == [[UNUSED, BEFORE], [UNUSED], []]


async def test_a_key_that_is_rotated_after_the_switch_needs_the_old_secret_for_its_overlap(
    switched: Switched, clock: Clock
) -> None:
    owner = switched.restarted.door.with_token(str(switched.owner.token))

    await owner.mutate(ROTATE_KEY, apiKeyId=switched.key)
    during = await switched.needed()
    clock.forward(days=1)

    assert (during, await switched.needed()) == ([BEFORE], [])


async def test_a_use_by_an_oauth_token_or_a_stream_leaves_a_key_under_the_old_secret(
    switched: Switched, clock: Clock
) -> None:
    granted = await switched.waiting.door.client.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=(switched.key, switched.secret)
    )
    streaming = await by_secret(site_of(switched.waiting.app), switched.secret)
    clock.forward(minutes=5)

    used = [await _counts(switched.restarted.door, granted.json()["access_token"])]
    clock.forward(minutes=5)
    used.append(not await lapsed({streaming}))

    assert used == [True, True]
    assert (await ApiKey.get()).last_used_at == models_clock.now()
    assert await switched.needed() == [UNUSED]


async def test_a_key_of_before_it_was_known_which_secret_made_it_counts_until_its_use(switched: Switched) -> None:
    await _counts(switched.restarted.door, switched.secret)
    await ApiKey.filter().update(printed_with=None)
    before = await switched.needed()

    await _counts(switched.restarted.door, switched.secret)

    assert (before, await switched.needed()) == ([UNUSED], [])
