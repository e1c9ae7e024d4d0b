"""A head that comes again is not parsed again, and is answered as if it were."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import orjson
import pytest

from models import ApiKey
from planner.front import Front
from settings import Settings
from tests.at_once import Ways, posted, told, waits, wire_to
from tests.attacks.raw import Raw, raw, statuses
from tests.attacks.wire import Answer, Wire
from tests.conftest import serving
from tests.furnished import furnish
from tests.resolvers.test_api_keys import new_key
from tests.world import Clock, Door
from web.http_again import HttpAgain

TICKET = "query($code: String!) { ticket(invitationCode: $code) { id status task { name } } }"
OTHER = TICKET.replace("id", "id again: id")  # nobody has asked for it before
NAME = "{ organization { name } }"
HIDDEN = "{ organization { name apiKeys { totalCount } } }"
REFUSED = 'mutation { revokeApiKey(input: {apiKeyId: "key_01890a5d-ac96-774b-bcce-b302099a8057"}) { __typename } }'
CAPACITY = 1_000


@pytest.fixture
async def served(settings: Settings, clock: Clock) -> AsyncIterator[tuple[Door, Any]]:
    """A real server whose buckets hold something."""
    settings = replace(settings, cost_capacity=CAPACITY, cost_per_second=1)
    async with serving(settings) as (base_url, app), httpx.AsyncClient(base_url=base_url) as client:
        yield Door(client), app.state.site


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Ways:
    """How requests are answered from now on."""
    return Ways(monkeypatch)


def asked(query: str, secret: str, more: Mapping[str, str] | None = None, **variables: Any) -> bytes:
    """A whole request."""
    headers = {"Content-Type": "application/json", **(more or {}), "Authorization": f"Bearer {secret}"}
    return posted({"query": query, "variables": variables}, headers)


def at_once(ways: Ways) -> list[bool]:
    """Of each request whose head was known, whether it was answered at once."""
    return [led for way, led in ways.tried if way == "at once"]


def left(answer: Answer) -> int:
    """What is in the bucket after it."""
    return int(orjson.loads(answer.body)["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"])


class Program(NamedTuple):
    """An API key that has been used a moment ago, so that there is nothing to note; with a connection of its own."""

    owner: Door
    secret: str
    wire: Wire


@pytest.fixture
async def program(served: tuple[Door, Any]) -> AsyncIterator[Program]:
    """The key of a new organization."""
    owner = await served[0].sign_up()
    secret: str = (await new_key(owner, "READ"))["secret"]
    await owner.with_token(secret).ask(NAME)
    wire = wire_to(owner)
    yield Program(owner, secret, wire)
    wire.close()


async def status(client: Raw) -> int:
    """The status of the next answer, which is read to its end."""
    head = await client.head()
    await client.reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
    return statuses(head)[0]


async def test_what_comes_again_is_answered_the_same_and_charged_the_same(
    served: tuple[Door, Any], program: Program, settings: Settings, ways: Ways
) -> None:
    owner, secret, wire = program
    mine = await furnish(served[1], owner)
    request = asked(TICKET, secret, code=mine.ticket.code)

    answers = [await wire.send(request) for _ in range(5)]  # the first in Strawberry, and as the head is not known

    assert at_once(ways) == [not waits(settings)] * 4
    assert [told(one) for one in answers] == [told(answers[0])] * 5
    costs = [left(one) - left(after) for one, after in itertools.pairwise(answers)]
    assert costs == [costs[0]] * 4
    assert costs[0] > 0


async def test_bodies_of_other_lengths_and_documents_share_a_head(
    served: tuple[Door, Any], program: Program, settings: Settings, ways: Ways
) -> None:
    owner, secret, wire = program
    mine = await furnish(served[1], owner)
    first, second, none = (
        asked(NAME, secret), asked(OTHER, secret, code=mine.ticket.code), asked(OTHER, secret, code="NOTHINGATALL")
    )  # fmt: skip

    answers = [await wire.send(one) for one in (first, second, second, none, first, second)]

    here = not waits(settings)
    assert at_once(ways) == [False, here, False, here, here]  # first a new document, then a code that is none
    assert [told(one)[:2] for one in answers[2:]] == [told(answers[at])[:2] for at in (1, 3, 0, 1)]
    assert orjson.loads(answers[3].body)["data"] == {"ticket": None}


@pytest.mark.parametrize("query", [NAME, REFUSED], ids=["at once", "waited for"])
@pytest.mark.parametrize("ends", ["revoked", "expired", "replaced"])
async def test_a_key_that_ends_between_two_requests_is_refused(
    program: Program, settings: Settings, clock: Clock, ways: Ways, ends: str, query: str
) -> None:
    _, secret, wire = program
    before = [(await wire.send(asked(query, secret))).status for _ in range(3)]
    change: dict[str, dict[str, Any]] = {
        "revoked": {"revoked_at": clock.time}, "expired": {"expires_at": clock.time - timedelta(seconds=1)},
        "replaced": {"hash": "another"},
    }  # fmt: skip

    await ApiKey.filter().update(**change[ends])
    after = await wire.send(asked(query, secret))

    assert (before, after.status) == ([200, 200, 200], 401)
    assert orjson.loads(after.body)["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert at_once(ways) == [query is NAME and not waits(settings)] * 2 + [False]


async def test_that_a_key_is_used_is_noted(program: Program, clock: Clock) -> None:
    _, secret, wire = program
    for _ in range(3):
        await wire.send(asked(NAME, secret))

    clock.time += timedelta(minutes=2)
    await wire.send(asked(NAME, secret))

    [key] = await ApiKey.all()
    assert key.last_used_at == clock.time


async def test_what_is_not_plain_success_goes_on_and_is_charged_once(
    program: Program, settings: Settings, ways: Ways
) -> None:
    _, secret, wire = program

    answers = [await wire.send(asked(HIDDEN, secret)) for _ in range(4)]

    assert at_once(ways) == [False] * 3
    assert [told(one) for one in answers] == [told(answers[0])] * 4
    assert "errors" in orjson.loads(answers[0].body)
    assert len({left(one) - left(after) for one, after in itertools.pairwise(answers)}) == 1


async def test_an_empty_bucket_is_told_in_the_same_words(program: Program) -> None:
    _, secret, wire = program

    answers = [await wire.send(asked(NAME, secret)) for _ in range(CAPACITY + 2)]

    refused = [one for one in answers if one.status != 200]
    assert {one.status for one in refused} == {429}
    assert all(orjson.loads(one.body)["errors"][0]["extensions"]["code"] == "RATE_LIMITED" for one in refused)
    assert answers[-1].headers["retry-after"]


async def test_a_bug_at_once_is_logged_and_the_long_way_answers(
    program: Program, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, secret, wire = program
    before = await wire.send(asked(NAME, secret))
    monkeypatch.setattr(Front, "at_once", _broken)

    after = await wire.send(asked(NAME, secret))

    assert told(after) == told(before)
    assert "a secret of ours" in caplog.text


async def test_what_differs_from_the_head_before_is_read_as_ever(program: Program, ways: Ways) -> None:
    owner, secret, _ = program
    whole = asked(NAME, secret)
    end = whole.index(b"\r\n\r\n") + 4
    length = len(whole) - end
    longer = whole.replace(b"Length: %d" % length, b"Length: %d" % (length + 1))
    others = {
        "another head": (asked(NAME, secret, {"X-Other": "1"}), [200]),
        "another caller": (asked(NAME, "admit_wrong"), [401]),
        "a second Host": (asked(NAME, secret, {"host": "127.0.0.1"}), [400]),
        "a signed length": (whole.replace(b"Length: ", b"Length: +"), [400]),
        "a second request behind it": (whole + whole, [200, 200]),
        "nonsense behind it": (whole + b"nonsense\r\n\r\n", [200]),
        "one byte more": (longer + b" ", [200]),
        "a request in its body": (
            whole[:end].replace(b"Length: %d" % length, b"Length: %d" % len(whole)) + whole,
            [400],
        ),
    }
    known = []
    for what, (request, expected) in others.items():
        async with raw(owner.base_url) as client:
            await client.send(whole)
            assert await status(client) == 200
            ways.tried.clear()
            await client.send(request)
            assert [await status(client) for _ in expected] == expected, what
            known += [what] * len(at_once(ways))
    assert known == ["another caller", "one byte more", "a request in its body"]


async def test_many_clients_share_a_head(program: Program, ways: Ways, settings: Settings) -> None:
    owner, secret, _ = program
    other = (await new_key(owner, "READ"))["secret"]
    await owner.with_token(other).ask(NAME)
    wires = [wire_to(owner) for _ in range(3)]
    ways.tried.clear()

    answers = [await wire.send(asked(NAME, token)) for wire, token in zip(wires, (secret, other, "eve"), strict=True)]
    for wire in wires:
        wire.close()

    here = not waits(settings)
    assert at_once(ways) == [here, False]  # of the second and the third client
    assert [told(one) for one in answers[:2]] == [told(answers[0])] * 2
    assert answers[2].status == 401


async def test_a_request_in_two_pieces_is_read_as_ever(program: Program, ways: Ways) -> None:
    owner, secret, _ = program
    whole = asked(NAME, secret)
    async with raw(owner.base_url) as client:
        for cut in (1, 20, len(whole) - 30, len(whole) - 1):
            await client.send(whole[:cut])
            await asyncio.sleep(0)
            await client.send(whole[cut:])
            assert await status(client) == 200


class _Loop:
    """A loop whose time stands still, and that notes what is to be called later."""

    def __init__(self) -> None:
        self.now, self.later = 100.0, list[tuple[float, Any]]()

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Any) -> None:
        self.later.append((seconds, call))


class _Transport(asyncio.Transport):
    is_closed = False

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


async def test_a_connection_is_idle_from_its_last_answer_on() -> None:
    wire: Any = HttpAgain.__new__(HttpAgain)
    wire.loop, wire.transport, wire.timeout_keep_alive, wire._answered_at = _Loop(), _Transport(), 5, 98.0

    wire.timeout_keep_alive_handler()
    assert (wire.loop.later, wire.transport.is_closed) == ([(3.0, wire.timeout_keep_alive_handler)], False)

    wire.loop.now = 103.0
    wire.timeout_keep_alive_handler()
    assert wire.transport.is_closed


def _broken(*_: Any) -> None:
    raise RuntimeError("a secret of ours")
