"""Tokens, codes and links are never in the log: not by us, not by a library, not inside an exception."""

from __future__ import annotations

import io
import logging
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from models import chance
from services.keys import Keys
from tests.attacks.raw import said
from tests.listening import socket
from tests.log_watch import LogWatch, watching
from tests.process import running
from tests.world import Door
from web import log_lines
from web.log_lines import GONE, Scrubbed, scrub

NOW = datetime(2026, 1, 2, tzinfo=UTC)
KEYS = Keys(["a-secret-for-this-test-alone-of-many-characters"])
CODE = "ABCDEFGHJKMNP"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("GET /t/exam-abc/ABCD-EFGHJ-KMNP HTTP/1.1", f"GET /t/exam-abc/{GONE} HTTP/1.1"),
        ("https://admit.test/t/exam-abc/lower-case?x=1", f"https://admit.test/t/exam-abc/{GONE}?x=1"),
        ("POST /t/exam-abc 403", "POST /t/exam-abc 403"),
        ("<https://admit.test/a/abc.def-ghi_j>", f"<https://admit.test/a/{GONE}"),
        (f"no ticket with {CODE}.", f"no ticket with {GONE}."),
        ("no ticket with ABCD-EFGHJ-KMNP.", f"no ticket with {GONE}."),
        ("Authorization: Bearer admit_ABCDEFGH2345", f"Authorization: Bearer {GONE}"),
        ("{'authorization': 'bearer abc.def'}", f"{{'authorization': 'bearer {GONE}'}}"),
        ("the key admit_ABCDEFGH2345 again", f"the key admit_{GONE} again"),
        ("GET /x?code=abc&state=def&a=b", f"GET /x?code={GONE}&state={GONE}&a=b"),
        ("GET /x?access_token=abc", f"GET /x?access_token={GONE}"),
        ("GET /exports/exp_1.xlsx?until=1&signature=abc", f"GET /exports/exp_1.xlsx?until=1&signature={GONE}"),
        ("postgres://admit:pass%20word@db:5432/admit", f"postgres://{GONE}@db:5432/admit"),
        ("redis://:password@cache:6379/0", f"redis://{GONE}@cache:6379/0"),
        ("DETAIL:  Key (email)=(a@example.org) already exists.", f"DETAIL:  Key (email)=({GONE}) already exists."),
        ("DETAIL:  Failing row contains (1, a@example.org, x).", f"DETAIL:  Failing row contains ({GONE})"),
        ("invalid input for query argument $2: 'secret' (str)", f"invalid input for query argument $2: {GONE}"),
        ("incident ABCDEFGH in org_0190d3e4-1111-7000-8000-000000000000", None),
    ],
)  # fmt: skip
def test_what_opens_something_is_taken_out_of_a_line(line: str, shown: str | None) -> None:
    assert scrub(line) == (line if shown is None else shown)


def test_every_kind_of_token_is_taken_out() -> None:
    tokens = [
        KEYS.sign("access", {"sub": "x"}, NOW),
        KEYS.seal_link(chance.new_id(), 1, None),
        "admit_" + chance.readable(40),
        *chance.invitation_codes(3),
    ]

    line = scrub(" and ".join(tokens))

    assert not [token for token in tokens if token in line]


def test_the_text_of_an_exception_and_its_causes_is_scrubbed_too() -> None:
    written = Written()
    token = KEYS.sign("access", {"sub": "x"}, NOW)

    try:
        try:
            raise ValueError(f"https://admit.test/t/exam/{CODE}")
        except ValueError as cause:
            raise RuntimeError(f"Bearer {token}") from cause
    except RuntimeError:
        written.log.exception("at %s", f"/a/{token}")

    assert "RuntimeError" in written.text
    assert "ValueError" in written.text
    assert token not in written.text
    assert CODE not in written.text


@pytest.mark.parametrize(
    ("message", "kept"),
    [('%s - "WebSocket %s" [accepted]', False), ("Invalid HTTP request received.", False), ("x", True)],
)
def test_the_servers_own_access_log_is_left_out(message: str, kept: bool) -> None:
    record = logging.LogRecord("uvicorn.error", logging.INFO, "", 1, message, None, None)

    assert log_lines.is_worth_it(record) is kept


class Written:
    """A logger of its own that writes as the server's do."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        handler = logging.StreamHandler(self._stream)
        handler.setFormatter(Scrubbed(log_lines.CONFIG["formatters"]["scrubbed"]["format"]))
        self.log = logging.Logger("apart")
        self.log.addHandler(handler)

    @property
    def text(self) -> str:
        """What it wrote."""
        return self._stream.getvalue()


async def test_the_real_servers_log_has_nothing_that_opens_anything(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        async with httpx.AsyncClient(base_url=server.base_url, trust_env=False) as client:
            owner = await Door(client).sign_up()
            task = await owner.open_task()
            ticket = (await owner.issue(task["id"]))[0]
            code, slug = ticket["invitationCode"], task["slug"]
            entered = await client.get(f"/t/{slug}/{code}")
            assert entered.status_code == 303
            await client.get(f"/t/{slug}/{code}X")
            await client.get("/a/eyJhbGciOiJkaXIifQ.x.y.z.w")
            await client.get(f"/nothing?access_token={owner.token}")
            await owner.with_token(f"{owner.token}x").post("{ __typename }")
            async with socket(owner):
                pass
            elsewhere = httpx.URL(server.base_url).copy_with(scheme="ws")
            for path in (f"/t/{slug}/{code}", f"/graphql?token={owner.token}"):
                with pytest.raises(InvalidStatus):
                    async with connect(f"{elsewhere}{path}", origin=Origin("https://x.test"), proxy=None):
                        pass
            await said(server.base_url, f"GET /t/{slug}/{code} HTTP/9.9\r\n\r\n".encode())
        await server.stop()

    written = server.log.read_text()
    secrets = [code, code.replace("-", ""), owner.token, owner.known["refreshToken"], entered.cookies["candidate"]]
    assert "Uvicorn running on" in written
    assert [one for one in secrets if one in written] == []
    assert [name for name in ("/t/", "/a/", "GET ", "WebSocket", "?token") if name in written] == []


def test_the_watch_over_the_suite_notes_whatever_is_minted() -> None:
    with watching() as watch:
        made = {
            KEYS.sign("access", {"sub": "x"}, NOW),
            KEYS.seal_link(chance.new_id(), 1, None),
            KEYS.stamp("form", "x"),
            chance.readable(40),
            *chance.invitation_codes(2),
        }

    assert made <= watch.secrets


def test_the_watch_over_the_suite_finds_what_leaks_once() -> None:
    watch, log = LogWatch(), logging.Logger("apart")
    log.addHandler(watch)
    watch.note([CODE, "a-long-random-secret"])

    log.info("entered by %s", CODE)
    log.info("ABCD-EFGHJ-KMNP")
    log.info("nothing of interest")
    try:
        raise RuntimeError("a-long-random-secret")
    except RuntimeError:
        log.exception("a bug")

    assert [line.splitlines()[0] for line in watch.leaks()] == [
        f"apart entered by {CODE}",
        "apart ABCD-EFGHJ-KMNP",
        "apart a bug",
    ]
    assert watch.leaks() == []
