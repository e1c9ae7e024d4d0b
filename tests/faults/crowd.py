"""A crowd that writes all the while, and remembers exactly what was acknowledged to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any

import httpx

from tests.faults.figures import Figures
from tests.faults.listener import Listener, feed
from tests.faults.stage import Stage
from tests.hall import ENTER, PAPER, SAVE, START
from tests.process import Running
from tests.world import ISSUE_TICKETS, Door

PATIENCE = 180.0  # seconds in which a script must see what it waits for
PAUSE = 0.2  # between two tries of one client
LATER = ("UNAVAILABLE", "RATE_LIMITED")
TICKETS = 3  # a batch
LONG_TEST = 8 * 3600


@dataclass
class Crowd:
    """Its members' doors lead to whichever of `addresses` answers."""

    addresses: list[str]
    owner: str = ""  # the token
    task: Any = None
    question: str = ""  # of the test: a short text
    codes: list[str] = field(default_factory=list)
    batches: dict[str, list[str]] = field(default_factory=dict)  # idempotency key → the tickets acknowledged
    sessions: dict[str, str] = field(default_factory=dict)  # invitation code → the session acknowledged
    answers: dict[str, int] = field(default_factory=dict)  # session → the last sequence acknowledged
    tokens: dict[str, str] = field(default_factory=dict)  # session → its candidate's
    acknowledged_at: list[float] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)  # of each that was acknowledged, in the order of that
    told_later: int = 0  # how often somebody was told to try again
    wrong: list[str] = field(default_factory=list)  # answers that nobody should ever get
    began_at: float = 0.0
    ended_at: float = 0.0
    stopping: bool = False
    listeners: list[Listener] = field(default_factory=list)

    @property
    def ends(self) -> set[int | str]:
        """How the listeners' streams have ended."""
        return {end for listener in self.listeners for end in listener.ends}

    @property
    def load(self) -> float:
        """Requests acknowledged in a second."""
        return len(self.acknowledged_at) / max(self.ended_at - self.began_at, 1e-6)

    async def acknowledge(self, more: int, since: float | None = None) -> float:
        """Wait until so many more requests, of those sent after the moment `since`, are acknowledged; when that was."""
        begun = now() if since is None else since
        async with asyncio.timeout(PATIENCE):
            while len(late := [at for at, sent in self._lately(begun) if sent > begun]) < more:
                await asyncio.sleep(0.005)
        return late[more - 1]

    def _lately(self, since: float) -> Iterator[tuple[float, float]]:
        """When each request that was acknowledged since that moment was, and when it was sent."""
        both = zip(self.acknowledged_at, self.sent_at, strict=True)
        return ((at, sent) for at, sent in both if at > since)

    def longest_silence(self, since: float) -> float:
        """How long nothing was acknowledged, at most, since that moment."""
        times = [since, *(at for at in self.acknowledged_at if at > since)]
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0)

    async def again(self, client: httpx.AsyncClient, token: str | None, document: str, **input: Any) -> Any:
        """Send the mutation until it is acknowledged; None when the crowd is told to stop before."""
        for turn in count():
            if self.stopping and turn:
                return None
            try:
                address = self.addresses[turn % len(self.addresses)]
                headers = {"authorization": f"Bearer {token}"} if token else {}
                body = {"query": document, "variables": {"input": input}}
                sent = now()
                answer = await client.post(f"{address}/graphql", json=body, headers=headers)
                if (made := self._made(answer)) is not None:
                    self.sent_at.append(sent)
                    self.acknowledged_at.append(now())
                    return made
            except httpx.TransportError:
                pass  # killed, restarted, or not there yet
            await asyncio.sleep(PAUSE)
        raise AssertionError("count() has no end")

    def _made(self, answer: httpx.Response) -> Any:
        content = answer.json()
        codes = [one["extensions"]["code"] for one in content.get("errors", ())]
        if not codes:
            made = next(iter(content["data"].values()))
            if not made["__typename"].endswith("Success"):
                self.wrong.append(f"{made['__typename']}: {made.get('message')}")
            return made
        self.told_later += 1
        if not set(codes) <= set(LATER):
            self.wrong.append(f"{answer.status_code} {content['errors']}")
        return None

    async def issue(self, number: int) -> None:
        """One member of staff, who issues tickets batch by batch."""
        async with client() as http:
            for turn in count():
                if self.stopping:
                    return
                key = f"batch-{number}-{turn}"
                if made := await self.again(http, self.owner, ISSUE_TICKETS, **self.batch(key)):
                    self.batches[key] = [ticket["id"] for ticket in made["tickets"]]

    def batch(self, key: str) -> dict[str, Any]:
        """The same call for the same key."""
        people = [{"fullName": f"{key} {at}", "email": f"{key}-{at}@example.org"} for at in range(TICKETS)]
        return {"taskId": self.task["id"], "candidates": people, "idempotencyKey": key}

    async def sit(self, code: str) -> None:
        """One candidate, who enters, starts and saves answers one after another."""
        async with client() as http:
            session = await self.start(http, code)
            while session and not self.stopping:
                sequence = self.answers.get(session, 0) + 1
                answer = {"questionId": self.question, "value": f"answer {sequence}", "sequence": sequence}
                if await self.again(http, self.tokens[session], SAVE, testSessionId=session, answers=[answer]):
                    self.answers[session] = sequence

    async def start(self, http: httpx.AsyncClient, code: str) -> str | None:
        """Come in and begin, or go on; the session."""
        entered = await self.again(http, None, ENTER, taskSlug=self.task["slug"], invitationCode=code)
        if entered is None:
            return None
        started = await self.again(http, entered["accessToken"], START, stepId=self.task["steps"][0]["id"])
        if started is None:
            return None
        session: str = started["testSession"]["id"]
        self.sessions.setdefault(code, session)
        if self.sessions[code] != session:
            self.wrong.append(f"{code} had {self.sessions[code]} and has {session}")
        self.tokens[session] = entered["accessToken"]
        return session

    async def lost(self) -> int:
        """How much of what was acknowledged is not there any more, when everybody asks for it again."""
        missing, self.stopping = 0, False
        async with client() as http:
            for key, tickets in self.batches.items():
                made = await self.again(http, self.owner, ISSUE_TICKETS, **self.batch(key))
                missing += not (made["replayed"] and [ticket["id"] for ticket in made["tickets"]] == tickets)
            for code, session in list(self.sessions.items()):
                missing += await self.start(http, code) != session
            for session, sequence in self.answers.items():
                door = Door(http, self.tokens[session])
                seen = await self._paper(door, session)
                missing += int(seen.get(self.question, "answer 0").removeprefix("answer ")) < sequence
        return missing

    async def _paper(self, door: Door, session: str) -> dict[str, str]:
        headers = {"authorization": f"Bearer {door.token}"}
        body = {"query": PAPER, "variables": {"id": session}}
        answer = (await door.client.post(f"{self.addresses[0]}/graphql", json=body, headers=headers)).json()
        sections = answer["data"]["testSession"]["sections"]
        return {one["id"]: one["answer"] for section in sections for one in section["questions"] if one["answer"]}


@asynccontextmanager
async def crowd(
    stage: Stage, servers: Sequence[Running], figures: Figures, *, issuers: int = 3, sitters: int = 8
) -> AsyncIterator[Crowd]:
    """A crowd at work while the block lasts. Afterwards the figures say what it was told, and what of that is lost."""
    made = Crowd([server.base_url for server in servers])
    async with client(base_url=made.addresses[0]) as http:
        owner = await Door(http).sign_up()
        made.owner = owner.token or ""
        test = await owner.make_test(durationSeconds=LONG_TEST)
        questions = [question for section in test["sections"] for question in section["questions"]]
        made.question = next(question["id"] for question in questions if question["kind"] == "SHORT_TEXT")
        made.task = await owner.open_task(steps=[{"testId": test["id"]}])
        made.codes = [ticket["invitationCode"] for ticket in await owner.issue(made.task["id"], sitters)]
        (head,) = await feed(http, made.addresses[0], made.owner, None)
    for transport in ("ws", "sse"):
        made.listeners.append(Listener(made.addresses, made.owner, made.task["id"], transport, head))
    listening = [asyncio.create_task(listener.run()) for listener in made.listeners]
    made.began_at = now()
    members = [made.issue(number) for number in range(issuers)] + [made.sit(code) for code in made.codes]
    working = [asyncio.create_task(member) for member in members]
    try:
        yield made
        made.ended_at = now()
    finally:
        made.stopping = True
        _, late = await asyncio.wait(working, timeout=PATIENCE)
        for task in late:
            task.cancel()
    figures.load, figures.acknowledged = made.load, len(made.acknowledged_at)
    figures.must("every client was answered", not late)
    for task in working:
        task.result()
    figures.lost = await made.lost()
    figures.must("nothing acknowledged is lost", not figures.lost)
    figures.must(f"only answers to try again on: {made.wrong[:3]}", not made.wrong)
    await _heard_all(made, head, figures)
    for task in listening:
        task.cancel()
    for failed in await asyncio.gather(*listening, return_exceptions=True):
        figures.must(f"listening went on: {failed!r}", isinstance(failed, asyncio.CancelledError))


async def _heard_all(made: Crowd, head: str, figures: Figures) -> None:
    """Whether every listener was told of every event once, in the order of the log."""
    async with client() as http:
        log = await feed(http, made.addresses[0], made.owner, head)
    for listener in made.listeners:
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                while listener.last != log[-1]:
                    await asyncio.sleep(0.01)
        figures.must(f"the log of {len(log)} over {listener.transport}, not {len(listener.seen)}", listener.seen == log)


def client(**more: Any) -> httpx.AsyncClient:
    """An HTTP client of a person's patience."""
    return httpx.AsyncClient(**{"timeout": 30.0, "trust_env": False, **more})


def now() -> float:
    """Seconds that only go forward."""
    return asyncio.get_running_loop().time()
