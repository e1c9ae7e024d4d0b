"""Changing the secret as an operator does it: what is written where, and what keeps an old secret alive."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

import errors
from models import AccessLink, ApiKey, IdentityProvider, Login
from services import rotation
from services.identity_providers import CLIENT_SECRET
from services.rotation import Pair, Step
from tests import process
from tests.furnished import furnish
from tests.hall import site_of
from tests.process import run
from tests.world import Clock, Door

NEW = "a-new-secret-of-more-than-forty-characters"
SHARE = """
mutation ($input: CreateAccessLinksInput!) {
  createAccessLinks(input: $input) { __typename ... on CreateAccessLinksSuccess { accessLinks { url } } }
}
"""
OLD = "an-old-secret-of-more-than-forty-characters"


def test_the_three_steps_let_every_process_open_with_a_secret_before_one_makes_with_it() -> None:
    before = Pair(OLD, "")

    prepared = before.after(Step.PREPARE)
    switched = prepared.after(Step.SWITCH)
    finished = switched.after(Step.FINISH)

    new = prepared.opens
    assert (prepared, switched, finished) == ((OLD, new), (new, OLD), (new, ""))
    assert (len(new), new.isascii()) == (64, True)
    assert before.after(Step.PREPARE).opens != new


def test_one_process_changes_at_once() -> None:
    changed = Pair(OLD, "").after(Step.AT_ONCE)

    assert changed.opens == OLD
    assert changed.makes != OLD


def test_a_switch_needs_a_second_secret() -> None:
    with pytest.raises(errors.NotPossible) as refused:
        Pair(OLD, "").after(Step.SWITCH)

    assert str(refused.value) == "There is no second secret to switch to: server.py rotate-secret prepare"


def test_a_switch_can_be_undone_by_another() -> None:
    pair = Pair(OLD, NEW)

    assert pair.after(Step.SWITCH).after(Step.SWITCH) == pair


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"SECRET_KEY={OLD}\n", f"SECRET_KEY={NEW}\nSECRET_KEY_PREVIOUS={OLD}\n"),
        (f"SECRET_KEY={OLD}", f"SECRET_KEY={NEW}\nSECRET_KEY_PREVIOUS={OLD}\n"),
        (
            f"# all of it\nPORT=1\nexport SECRET_KEY='{OLD}'\nSECRET_KEY_PREVIOUS=\nHOST=::1\n",
            f"# all of it\nPORT=1\nexport SECRET_KEY={NEW}\nSECRET_KEY_PREVIOUS={OLD}\nHOST=::1\n",
        ),
        (
            f'SECRET_KEY_PREVIOUS=""\n#SECRET_KEY=example\nSECRET_KEY="{OLD}"\n',
            f"SECRET_KEY_PREVIOUS={OLD}\n#SECRET_KEY=example\nSECRET_KEY={NEW}\n",
        ),
    ],
)
def test_an_env_file_keeps_everything_but_the_secrets(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "env"
    file.write_text(before)

    rotation.in_env_file(file, Pair(OLD, ""), Pair(NEW, OLD))

    assert file.read_text() == after
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["env"]


def test_an_env_file_behind_a_link_is_written_where_it_is(tmp_path: Path) -> None:
    file, link = tmp_path / "env", tmp_path / "link"
    file.write_text(f"SECRET_KEY={OLD}\n")
    link.symlink_to(file)

    rotation.in_env_file(link, Pair(OLD, ""), Pair(NEW, OLD))

    assert link.is_symlink()
    assert file.read_text().startswith(f"SECRET_KEY={NEW}\n")


@pytest.mark.parametrize(
    "text",
    ["", "PORT=1\n", "SECRET_KEY=x\n", f"SECRET_KEY={OLD}\nSECRET_KEY_PREVIOUS={NEW}\n", f"SECRET_KEY={OLD}\n" * 2],
)
def test_an_env_file_that_is_not_the_one_in_use_is_left_alone(tmp_path: Path, text: str) -> None:
    file = tmp_path / "env"
    file.write_text(text)

    with pytest.raises(errors.NotPossible, match="differ in SECRET_KEY"):
        rotation.in_env_file(file, Pair(OLD, ""), Pair(NEW, OLD))

    assert file.read_text() == text


async def test_says_what_depends_on_the_old_secret_and_until_when(app: Starlette, door: Door, clock: Clock) -> None:
    site = site_of(app)
    things = await furnish(site, await door.sign_up())
    await AccessLink.create(
        organization_id=things.member.organization_id,
        ticket_id=things.ticket.id,
        expires_at=clock() + timedelta(days=3),
    )
    await IdentityProvider.filter().update(client_secret="sealed by whoever was before")
    switched = clock.forward(minutes=1)

    needed = await rotation.still_needed(site, switched)

    assert needed == [
        f"{await Login.all().count()} log-ins, at most; the last ends 2026-02-01 03:04 UTC",
        "2 access links; the last ends 2026-01-05 03:04 UTC, 1 never end",
        "1 API keys that were not used by their secret since; 1 never end",
        "1 identity providers that nobody signed in with since",
        "what candidates hold who came in before; the last ends 2026-01-03 03:05 UTC",
    ]


async def test_nothing_depends_on_it_any_more_when_all_has_ended_or_was_made_anew(
    app: Starlette, door: Door, clock: Clock
) -> None:
    site = site_of(app)
    things = await furnish(site, await door.sign_up())
    await IdentityProvider.filter().update(client_secret=site.keys.seal(CLIENT_SECRET, "hush"))
    switched = clock.forward(days=1)
    await AccessLink.filter(id=things.link.id).update(revoked_at=switched)
    await ApiKey.filter(id=things.api_key.id).update(printed_with=site.keys.printed_with)
    clock.forward(days=30)

    assert await rotation.still_needed(site, switched) == []


# ---- the command ---------------------------------------------------------------------------------------------------


async def test_without_a_file_the_two_lines_are_printed(tmp_path: Path) -> None:
    status, printed, _ = await run(tmp_path, "rotate-secret", "prepare", SECRET_KEY=OLD)

    old, new, then = printed.splitlines()
    assert (status, old, new[:20]) == (0, f"SECRET_KEY={OLD}", "SECRET_KEY_PREVIOUS=")
    assert len(new) == 20 + 64
    assert then == "Restart every process, one after another. Then: server.py rotate-secret switch"


async def test_a_developer_has_the_secrets_kept_for_them(tmp_path: Path) -> None:
    kept = tmp_path / "var" / "secret-key"
    await run(tmp_path, "migrate")
    first = kept.read_text()

    changed = await run(tmp_path, "rotate-secret")
    secrets = kept.read_text().split()
    refused = await run(tmp_path, "rotate-secret", "finish")
    forced = await run(tmp_path, "rotate-secret", "finish", "--force")

    assert (changed[0], secrets[1], kept.stat().st_mode & 0o777) == (0, first, 0o600)
    assert secrets[0] not in changed[1] + refused[2]
    assert refused[:2] == (2, "")
    assert refused[2].startswith("SECRET_KEY_PREVIOUS is still needed by\n  what candidates hold")
    assert (forced[0], kept.read_text().split()) == (0, secrets[:1])


async def test_a_secret_that_nothing_depends_on_is_dropped_without_force(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(f"SECRET_KEY={NEW}\nSECRET_KEY_PREVIOUS={OLD}\n")
    given = {"SECRET_KEY": NEW, "SECRET_KEY_PREVIOUS": OLD}
    await run(tmp_path, "migrate", **given)

    soon = await run(tmp_path, "rotate-secret", "finish", "--env-file", "env", **given)
    later = await run(tmp_path, "rotate-secret", "finish", "--env-file", "env", "--since", "2026-01-01", **given)

    assert (soon[0], later[0]) == (2, 0)
    assert file.read_text() == f"SECRET_KEY={NEW}\nSECRET_KEY_PREVIOUS=\n"


async def test_what_was_made_in_the_hour_after_the_file_was_written_may_still_be_of_the_old_secret(
    tmp_path: Path,
) -> None:
    file = tmp_path / "env"
    file.write_text(f"SECRET_KEY={NEW}\nSECRET_KEY_PREVIOUS={OLD}\n")
    async with _served(tmp_path, process.free_port(), SECRET_KEY=OLD, SECRET_KEY_PREVIOUS=NEW) as not_yet_restarted:
        await not_yet_restarted.sign_up()

    given = {**_in(file), "DATABASE_URL": f"sqlite:{tmp_path}/admit.sqlite3"}
    soon = await run(tmp_path, "rotate-secret", "finish", "--env-file", "env", **given)
    os.utime(file, (file.stat().st_mtime - 2 * 3600,) * 2)
    later = await run(tmp_path, "rotate-secret", "finish", "--env-file", "env", **given)

    assert [(status, "1 log-ins, at most" in told) for status, _, told in (soon, later)] == [(2, True), (2, False)]


async def test_yesterdays_link_opens_at_a_server_that_was_restarted_with_the_new_secret(tmp_path: Path) -> None:
    port, file = process.free_port(), tmp_path / "env"
    file.write_text(f"SECRET_KEY={OLD}\n")
    async with _served(tmp_path, port, SECRET_KEY=OLD) as door:
        owner = await door.sign_up()
        (ticket,) = await owner.issue((await owner.open_task())["id"])
        link = (await owner.mutate(SHARE, ticketIds=[ticket["id"]]))["accessLinks"][0]["url"]

    changed = await run(tmp_path, "rotate-secret", "--env-file", "env", **_in(file))
    async with _served(tmp_path, port, **_in(file)) as door:
        with_two = (await door.client.get(link)).status_code
    finished = await run(tmp_path, "rotate-secret", "finish", "--force", "--env-file", "env", **_in(file))
    async with _served(tmp_path, port, **_in(file)) as door:
        with_one = (await door.client.get(link)).status_code

    assert (changed[0], finished[0]) == (0, 0)
    assert (with_two, with_one) == (303, 404)


@asynccontextmanager
async def _served(folder: Path, port: int, **secrets: str) -> AsyncIterator[Door]:
    async with (
        process.running(folder, port=port, **secrets) as server,
        httpx.AsyncClient(base_url=server.base_url, trust_env=False) as client,
    ):
        yield Door(client)


def _in(file: Path) -> dict[str, str]:
    return dict(line.split("=") for line in file.read_text().splitlines())
