"""The examples in docs/ run, against a real server, and what the pages show of them is what was run."""

from __future__ import annotations

import asyncio
import json
import re
import runpy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from models import Member
from settings import Settings
from tests.conftest import serving
from tests.hall import site_of
from tests.listening import bare_socket, changed, until
from tests.node import EXAMPLES, PACKAGES, SUITES, TARGET, Stage, node_for, run, set_the_stage
from tests.world import Clock, Door

PAGE = (EXAMPLES.parent / "single-page-apps.md").read_text()

SETTINGS = "{ organization { settings { redirectSigningSecret } } }"
ANSWERS = """
query ($id: ID!) {
  task(id: $id) {
    testSessions(first: 5) { nodes { id progress { answered total } sections { questions { answer } } } }
  }
}
"""
CREATE_KEY = """
mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { ... on CreateApiKeySuccess { secret } } }
"""
LISTENER = """
import WebSocket from "ws";
import { staff } from "./staff.mjs";
import { TRANSPORT } from "./stream.mjs";
const { ADMIT_URL, ADMIT_TOKEN, REFRESH, AFTER } = process.env;
const url = `${ADMIT_URL}/graphql`;
const stream = TRANSPORT(url, staff(url, ADMIT_TOKEN, REFRESH), { webSocketImpl: WebSocket });
const query = "subscription ($after: Cursor) { testSessionStatusChanged(after: $after) { cursor status } }";
const next = ({ data }) => { console.log(data.testSessionStatusChanged.status); stop(); };
const sink = { next, complete() {}, error(reason) { throw reason; } };
const stop = stream.subscribe({ query, variables: { after: AFTER } }, sink);
"""


@pytest.fixture
def node() -> str:
    """Node with the examples' packages."""
    return node_for(EXAMPLES)


@pytest.fixture
async def stage(node: str, live: Door) -> Stage:
    return await set_the_stage(node, live)


ISSUED = [
    {
        "refused": "InvalidCandidates",
        "problems": [{"index": 1, "field": "fullName"}, {"index": 1, "field": "email"}],
    },
    {"refused": "TooManyRows", "message": "Send between 1 and 10,000 rows in one call."},
    {"issued": 1},
]
CHANGES = [{"change": "null → ACTIVE", "who": "Candidate 1"}, {"change": "ACTIVE → SUBMITTED", "who": "Candidate 1"}]
NAMES = ["Candidate 1", "Candidate 2", "Candidate 3"]


@pytest.mark.node
async def test_apollo_client_queries_issues_and_resumes_the_stream(stage: Stage, clock: Clock) -> None:
    clock.forward(minutes=16)  # the access token has expired: it is refreshed on the way

    lines = await stage.run("apollo.mjs", ADMIT_REFRESH_TOKEN=stage.owner.known["refreshToken"])

    assert lines == [{"tickets": NAMES, "of": 3}, *ISSUED, *CHANGES]


@pytest.mark.node
@pytest.mark.parametrize("stream", ["ws", "sse"])
async def test_urql_queries_issues_and_resumes_the_stream(stage: Stage, stream: str) -> None:
    made = await stage.owner.mutate(CREATE_KEY, name="urql", scopes=["READ", "ISSUE_TICKETS"])

    lines = await stage.run("urql.mjs", ADMIT_TOKEN=made["secret"], ADMIT_STREAM=stream)

    assert lines == [{"tickets": NAMES}, *ISSUED, *CHANGES]


@pytest.mark.node
@pytest.mark.parametrize("transport", ["overWebSocket", "overSse"])
async def test_a_stream_whose_access_token_expires_goes_on_with_the_next(
    node: str, settings: Settings, clock: Clock, transport: str
) -> None:
    module = ("--input-type=module", "--eval", LISTENER.replace("TRANSPORT", transport))
    async with (
        serving(replace(settings, recheck_seconds=0.05)) as (base_url, app),
        httpx.AsyncClient(base_url=base_url, trust_env=False) as client,
    ):
        owner = await Door(client).sign_up()
        known = {"ADMIT_URL": base_url, "ADMIT_TOKEN": owner.token or "", "REFRESH": owner.known["refreshToken"]}
        head = (await owner.ask("{ events(first: 0) { head } }"))["events"]["head"]
        site = site_of(app)

        program = asyncio.create_task(run(node, *module, **known, AFTER=head))
        await until(lambda: site.pulse.followers == 1 or program.done())
        clock.forward(minutes=16)
        await until(lambda: site.pulse.followers == 0 or program.done())
        await changed((await Member.all().get()).actor, "PAUSED")

        assert (await program).split() == ["PAUSED"]


@pytest.mark.node
async def test_a_candidate_sits_every_test_and_goes_where_the_organization_chose(stage: Stage) -> None:
    owner = stage.owner
    tests = [await owner.make_test(title=title) for title in ("First", "Second")]
    task = await owner.open_task(steps=[{"testId": tests[0]["id"], "attemptLimit": 2}, {"testId": tests[1]["id"]}])
    [ticket] = await owner.issue(task["id"])
    secret = (await owner.ask(SETTINGS))["organization"]["settings"]["redirectSigningSecret"]

    *lines, last = await replace(stage, task=task, tickets=[ticket]).run("candidate.mjs")

    sessions = (await owner.ask(ANSWERS, id=task["id"]))["task"]["testSessions"]["nodes"]
    answers = [part["answer"] for one in sessions for part in one["sections"][1]["questions"]]
    assert lines == [
        {"refused": "CodeUnknown", "message": "This code is not right: check it and try again."},
        {"started": sessions[0]["id"], "test": "First", "remainingSeconds": 3600},
        {"started": sessions[1]["id"], "test": "Second", "remainingSeconds": 3600},
    ]
    assert answers == [True, 3.14, "Paris", "Because it follows from the definition."] * 2
    assert [one["progress"] for one in sessions] == [{"answered": 6, "total": 6}] * 2
    address, _, query = last["finishUrl"].partition("&")
    assert (last["assessment"], address) == ("COMPLETED", TARGET)
    for verified in (in_python, partial(in_node, stage.node)):
        said = await verified(last["finishUrl"].partition("?")[2], secret)
        assert said.pop("session") in [one["id"] for one in sessions]  # both ended in the same moment
        assert said == {"ticket": ticket["id"], "status": "SUBMITTED", "time": "2026-01-02T03:04:05Z"}
        assert await verified(query.replace("SUBMITTED", "TIMED_OUT"), secret) is None
        assert await verified(query.partition("&signature")[0], secret) is None
        assert await verified(query, "00" * 32) is None


async def in_python(query: str, secret: str) -> Any:
    """What verify.py makes of it."""
    return runpy.run_path(str(EXAMPLES / "verify.py"))["verified"](query, secret)


async def in_node(node: str, query: str, secret: str) -> Any:
    """What verify.mjs makes of it."""
    program = 'import { verified } from "./verify.mjs"; console.log(JSON.stringify(verified(...process.argv.slice(1))))'
    return json.loads(await run(node, "--input-type=module", "--eval", program, query, secret))


async def test_a_single_page_app_of_an_allowed_origin_may_ask_and_another_may_not(settings: Settings) -> None:
    preflight = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }

    async with (
        serving(replace(settings, allowed_origins="https://app.example.edu")) as (base_url, _),
        httpx.AsyncClient(base_url=base_url, trust_env=False) as client,
    ):
        ours = await client.options("/graphql", headers={**preflight, "origin": "https://app.example.edu"})
        another = await client.options("/graphql", headers={**preflight, "origin": "https://evil.example"})
        async with bare_socket(base_url, origin="https://app.example.edu") as socket:
            await socket.send({"type": "connection_init"})
            acknowledged = await socket.receive()
        with pytest.raises(InvalidStatus) as refused:
            async with bare_socket(base_url, origin="https://evil.example"):
                pass

    assert (ours.status_code, ours.headers["access-control-allow-origin"]) == (200, "https://app.example.edu")
    assert (another.status_code, "access-control-allow-origin" in another.headers) == (400, False)
    assert acknowledged == {"type": "connection_ack"}
    assert refused.value.response.status_code == 403


def test_every_program_shown_on_the_page_is_a_part_of_an_example() -> None:
    shown = re.findall(r"^```(js|python)(?: (\S+))?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

    strange = [code for _, name, code in shown if not name or code not in (EXAMPLES / name).read_text()]
    assert {name for _, name, _ in shown} == {path.name for path in EXAMPLES.glob("*.mjs")} | {"verify.py"}
    assert strange == []


@pytest.mark.parametrize("folder", [EXAMPLES, SUITES, PACKAGES], ids=lambda folder: folder.name)
def test_the_lock_file_pins_every_package_and_names_no_registry(folder: Path) -> None:
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    lock = (folder / "package-lock.json").read_text()

    packages = {name: package for name, package in json.loads(lock)["packages"].items() if name}
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert all("integrity" in package and "resolved" not in package for package in packages.values())
    assert "registry" not in lock
