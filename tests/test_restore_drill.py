"""The restore drill: a backup is taken under load, the server is killed, and the backup is served somewhere else."""

from __future__ import annotations

import asyncio
import hashlib
import shlex
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from tests import process
from tests.conftest import POSTGRES, REDIS, SUFFIX
from tests.hall import ENTER, PAPER, SAVE, START, SUBMIT
from tests.listening import PATIENCE, Socket, socket, until
from tests.process import run
from tests.world import Door

WRITERS = 6
SCOPES = ["READ", "AUTHOR_TESTS", "MANAGE_TASKS", "ISSUE_TICKETS", "SHARE_LINKS", "EXPORT"]
HEAD = "{ events(first: 0) { head } }"
TOTAL = "{ events(first: 0) { totalCount } }"
CHANGES = "subscription ($after: Cursor) { testSessionStatusChanged(after: $after) { cursor previousStatus status } }"
TICKET = "query ($code: String!) { ticket(invitationCode: $code) { id status candidate { fullName } } }"
CREATE_KEY = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { __typename ... on CreateApiKeySuccess { secret } }
}
"""
SHARE = """
mutation ($input: CreateAccessLinksInput!) {
  createAccessLinks(input: $input) { __typename ... on CreateAccessLinksSuccess { accessLinks { id url } } }
}
"""
EXPORT = """
mutation ($input: ExportDirectLinksInput!) {
  exportDirectLinks(input: $input) { __typename ... on ExportSuccess { export { id } } }
}
"""
EXPORTED = "query ($id: ID!) { node(id: $id) { ... on Export { status rows sha256 downloadUrl } } }"
WORDS = "query ($id: ID!) { testSession(id: $id) { sections { questions { id answer } } } }"


@dataclass
class Installation:
    """A folder and a database, perhaps with a server on them."""

    folder: Path
    database_url: str
    port: int

    @property
    def environment(self) -> dict[str, str]:
        """What the server and the commands beside it are told."""
        return {"DATABASE_URL": self.database_url, "SECRET_KEY": process.SECRET, "EVENTS_URL": REDIS}

    @asynccontextmanager
    async def served(self) -> AsyncIterator[tuple[process.Running, Door]]:
        """The server, and its door with nobody signed in."""
        address = f"http://127.0.0.1:{self.port}"
        async with (
            process.running(self.folder, port=self.port, **self.environment) as server,
            httpx.AsyncClient(base_url=address, trust_env=False, timeout=PATIENCE) as client,
        ):
            yield server, Door(client)

    async def backed_up(self, to: Path) -> None:
        """A backup, taken as `server.py backup` does it or says that it is done."""
        status, printed, complained = await run(self.folder, "backup", str(to), **self.environment)
        if POSTGRES:
            assert (status, printed) == (2, "")
            await _shell(complained.splitlines()[-1])
        else:
            assert (status, complained) == (0, "")
            assert printed.startswith(f"{to} is whole: ")

    async def restored(self, backup: Path) -> None:
        """The backup put back here, as `server.py restore` does it or says that it is done."""
        status, printed, complained = await run(self.folder, "restore", str(backup), **self.environment)
        if POSTGRES:
            assert (status, printed) == (2, "")
            await _shell(complained.splitlines()[-1])
        else:
            assert (status, complained) == (0, "")
            assert printed.startswith(f"{self.folder}/admit.sqlite3 is {backup} now.\n")


@pytest.fixture
async def installations(tmp_path: Path, worker_id: str) -> AsyncIterator[tuple[Installation, Installation]]:
    """One to lose, and one to restore into; with the same address, as after a change in the DNS."""
    port = process.free_port()
    databases = {name: f"admit_drill_{name}_{worker_id}{SUFFIX}" for name in ("lost", "found")}
    made = []
    for name, database in databases.items():
        (tmp_path / name).mkdir()
        url = await _database(database) if POSTGRES else f"sqlite:{tmp_path}/{name}/admit.sqlite3"
        made.append(Installation(tmp_path / name, url, port))
    yield made[0], made[1]
    for database in databases.values() if POSTGRES else ():
        await _execute(f'DROP DATABASE "{database}" WITH (FORCE)')


@dataclass
class People:
    """People at work: some issue tickets, one sits a test; `codes` and `words` are what was acknowledged to them."""

    owner: Door
    sitter: Door
    task: Any
    session: Any
    essay: str
    link: str
    codes: list[str] = field(default_factory=list)
    words: int = 0

    async def issue(self) -> None:
        """Issue tickets, one at a time, until the server is gone."""
        with suppress(httpx.TransportError):
            while True:
                (ticket,) = await self.owner.issue(self.task["id"])
                self.codes.append(ticket["invitationCode"])

    async def sit(self) -> None:
        """Write an essay, word by word, until the server is gone."""
        with suppress(httpx.TransportError):
            while True:
                await self.write(self.words + 1)
                self.words += 1

    async def write(self, words: int) -> None:
        """Save the essay with so many words; it must be kept."""
        row = {"questionId": self.essay, "value": "word " * words, "sequence": words}
        saved = await self.sitter.mutate(SAVE, testSessionId=self.session["id"], answers=[row])
        assert saved["__typename"] == "SaveAnswersSuccess", saved

    async def written(self) -> int:
        """The words that the server has."""
        paper = (await self.sitter.ask(WORDS, id=self.session["id"]))["testSession"]
        (text,) = [one["answer"] for part in paper["sections"] for one in part["questions"] if one["id"] == self.essay]
        return len(text.split())

    async def head(self) -> str:
        """The cursor of the newest event."""
        cursor: str = (await self.owner.ask(HEAD))["events"]["head"]
        return cursor

    async def events(self) -> int:
        """How many there are."""
        total: int = (await self.owner.ask(TOTAL))["events"]["totalCount"]
        return total


@dataclass
class Drill:
    """After the restore: the people at the new server's door, and what is known from before."""

    people: People
    door: Door
    codes: list[str]  # acknowledged before the backup began
    words: int
    meanwhile: int  # tickets issued while it was taken
    began: str  # the cursor with which the load began
    lost: str  # the cursor of an event after the backup
    events: int  # how many there were then, at least


@pytest.fixture
async def drill(installations: tuple[Installation, Installation], tmp_path: Path) -> AsyncIterator[Drill]:
    """Load, backup, kill -9, restore, start."""
    lost, found = installations
    async with lost.served() as (server, door):
        people = await _at_work(door)
        began = await people.head()
        working = [asyncio.create_task(people.issue()) for _ in range(WRITERS)]
        working.append(asyncio.create_task(people.sit()))
        await until(lambda: len(people.codes) >= 50 and people.words >= 5)
        codes, words = list(people.codes), people.words
        await lost.backed_up(tmp_path / "backup")
        meanwhile = len(people.codes) - len(codes)
        await until(lambda: len(people.codes) > len(codes) + meanwhile)
        cursor, events = await people.head(), await people.events()
        await server.stop(signal.SIGKILL)
        await asyncio.gather(*working)
    await found.restored(tmp_path / "backup")
    async with found.served() as (_server, door):
        people.owner, people.sitter = door.with_token(people.owner.token), door.with_token(people.sitter.token)
        yield Drill(people, door, codes, words, meanwhile, began, cursor, events)


async def test_all_that_was_acknowledged_before_the_backup_is_there(drill: Drill) -> None:
    tickets = [(await drill.people.owner.ask(TICKET, code=code))["ticket"] for code in drill.codes]
    words = await drill.people.written()

    assert [ticket["status"] for ticket in tickets] == ["ISSUED"] * len(drill.codes)
    assert words >= drill.words
    assert drill.meanwhile > 0  # nobody waited for the backup


async def test_people_go_on_where_they_were_with_the_links_and_keys_they_have(drill: Drill) -> None:
    people = drill.people

    await people.write(people.words + 1)
    submitted = await people.sitter.mutate(SUBMIT, testSessionId=people.session["id"])
    followed = await drill.door.client.get(urlsplit(people.link).path)
    file = await _exported(people)

    assert submitted["testSession"]["status"] == "SUBMITTED"
    assert (followed.status_code, followed.headers["location"][:17]) == (303, "/assessments/asm_")
    assert file["rows"] >= len(drill.codes)
    downloaded = await drill.door.client.get(file["downloadUrl"])
    assert hashlib.sha256(downloaded.content).hexdigest() == file["sha256"]


async def test_streams_go_on_from_what_is_in_the_backup_and_are_told_when_theirs_is_not(drill: Drill) -> None:
    people = drill.people
    await people.sitter.mutate(SUBMIT, testSessionId=people.session["id"])

    async with socket(people.owner) as listener:
        await listener.subscribe(CHANGES, after=drill.began)
        missed = await listener.next()
        refused = [await _refusal(listener, drill.lost)]
        while await people.events() <= drill.events:
            await people.owner.issue(people.task["id"])
        refused.append(await _refusal(listener, drill.lost))  # also when as many events have happened since

    assert missed["status"] == "SUBMITTED"
    assert refused == ["BAD_REQUEST"] * 2


async def _at_work(door: Door) -> People:
    member = await door.sign_up()
    key = await member.mutate(CREATE_KEY, name="Drill", scopes=SCOPES)
    owner = member.with_token(key["secret"])
    task = await owner.open_task()
    first, second = await owner.issue(task["id"], 2)
    shared = await owner.mutate(SHARE, ticketIds=[second["id"]])
    entered = await door.mutate(ENTER, taskSlug=task["slug"], invitationCode=first["invitationCode"])
    sitter = door.with_token(entered["accessToken"])
    session = (await sitter.mutate(START, stepId=task["steps"][0]["id"]))["testSession"]
    paper = (await sitter.ask(PAPER, id=session["id"]))["testSession"]
    (essay,) = [one["id"] for part in paper["sections"] for one in part["questions"] if one["kind"] == "ESSAY"]
    return People(owner, sitter, task, session, essay, shared["accessLinks"][0]["url"])


async def _exported(people: People) -> Any:
    asked = await people.owner.mutate(EXPORT, taskId=people.task["id"])
    async with asyncio.timeout(PATIENCE):
        while True:
            export = (await people.owner.ask(EXPORTED, id=asked["export"]["id"]))["node"]
            if export["status"] == "READY":
                return export


async def _refusal(listener: Socket, after: str) -> str:
    await listener.subscribe(CHANGES, id="refused", after=after)
    while (message := await listener.receive())["id"] != "refused":
        pass
    assert message["type"] == "error", message
    code: str = message["payload"][0]["extensions"]["code"]
    return code


async def _database(name: str) -> str:
    await _execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await _execute(f'CREATE DATABASE "{name}"')
    return urlsplit(POSTGRES)._replace(path=f"/{name}").geturl()


async def _execute(statement: str) -> None:
    server = await asyncpg.connect(POSTGRES)
    try:
        await server.execute(statement)
    finally:
        await server.close()


async def _shell(line: str) -> None:
    made = await asyncio.create_subprocess_exec(*shlex.split(line))
    assert await made.wait() == 0, line
