"""What tests of sitting a test say often: coming in, starting, answering, and what the proctor does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.applications import Starlette

from models import Event, EventType, Member, Permission, TestSession, TimeAdjustment
from services import api_keys
from services.site import Site
from tests.world import Door

SESSION = """
fragment S on TestSession {
  id status grading attempt startedAt deadlineAt endedAt remainingSeconds progress { answered total }
  score maxScore passed allowedActions timeLedger { seconds cause reason actor }
}
"""

ENTER = """
mutation ($input: EnterTaskInput!) {
  enterTask(input: $input) {
    __typename
    ... on EnterTaskSuccess {
      accessToken
      assessment { id status ticket { id status } steps { canStart reason step { id } testSession { id } } }
    }
    ... on Refusal { message }
  }
}
"""

REDEEM = """
mutation ($input: RedeemAccessLinkInput!) {
  redeemAccessLink(input: $input) {
    __typename
    ... on EnterTaskSuccess { accessToken assessment { id status } }
    ... on Refusal { message }
  }
}
"""

START = (
    """
mutation ($input: StartTestInput!) {
  startTest(input: $input) { __typename ... on StartTestSuccess { testSession { ...S } } ... on Refusal { message } }
}
"""
    + SESSION
)

SAVE = (
    """
mutation ($input: SaveAnswersInput!) {
  saveAnswers(input: $input) {
    __typename
    ... on SaveAnswersSuccess { savedAt testSession { ...S } }
    ... on InvalidAnswers { problems { index field message } }
    ... on Refusal { message }
  }
}
"""
    + SESSION
)

SUBMIT = (
    """
mutation ($input: TestSessionIdInput!) {
  submitTestSession(input: $input) {
    __typename ... on SubmitTestSessionSuccess { finishUrl testSession { ...S } } ... on Refusal { message }
  }
}
"""
    + SESSION
)

PAPER = """
query ($id: ID!) {
  testSession(id: $id) {
    status finishUrl sections { title questions { id kind prompt points options { id text } answer } }
  }
}
"""

LOOK = "query ($id: ID!) { testSession(id: $id) { ...S result { version score marks releasedAt } } }" + SESSION


def changing(mutation: str) -> str:
    """The document of a mutation that answers one session."""
    name = mutation[0].upper() + mutation[1:]
    argument = "TestSessionId" if mutation in ("sendHeartbeat", "admitTestSession", "resumeTestSession") else name
    return (
        f"mutation ($input: {argument}Input!) {{ {mutation}(input: $input) {{ __typename "
        f"... on {name}Success {{ testSession {{ ...S }} }} ... on Refusal {{ message }} }} }}" + SESSION
    )


def changing_many(mutation: str) -> str:
    """The document of a mutation that answers several sessions."""
    name = mutation[0].upper() + mutation[1:]
    return (
        f"mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{ __typename "
        f"... on {name}Success {{ testSessions {{ ...S }} }} ... on Refusal {{ message }} }} }}" + SESSION
    )


@dataclass(frozen=True)
class Hall:
    """An organization with an open task, one ticket, and its candidate, who has entered."""

    site: Site
    owner: Door
    task: Any
    ticket: Any
    sitter: Door

    @property
    def step_id(self) -> str:
        """The first step."""
        return str(self.task["steps"][0]["id"])

    async def enter(self) -> Any:
        """Come in again, by the code."""
        return await self.sitter.with_token(None).mutate(
            ENTER, taskSlug=self.task["slug"], invitationCode=self.ticket["invitationCode"]
        )

    async def start(self, step: int = 0) -> Any:
        """Start a step; it must succeed."""
        answer = await self.sitter.mutate(START, stepId=self.task["steps"][step]["id"])
        assert answer["__typename"] == "StartTestSuccess", answer
        return answer["testSession"]

    async def paper(self, session: Any) -> Any:
        """The questions as the candidate reads them, in one list."""
        seen = await self.sitter.ask(PAPER, id=session["id"])
        return [question for section in seen["testSession"]["sections"] for question in section["questions"]]

    async def save(self, session: Any, *answers: tuple[str, Any, int]) -> Any:
        """Save answers `(question id, value, sequence)`; the answer is whatever it is."""
        rows = [{"questionId": question, "value": value, "sequence": sequence} for question, value, sequence in answers]
        return await self.sitter.mutate(SAVE, testSessionId=session["id"], answers=rows)

    async def submit(self, session: Any) -> Any:
        """Hand in; the answer is whatever it is."""
        return await self.sitter.mutate(SUBMIT, testSessionId=session["id"])

    async def look(self, session: Any, door: Door | None = None) -> Any:
        """The session as the owner, or whoever, sees it."""
        return (await (door or self.owner).ask(LOOK, id=session["id"]))["testSession"]

    async def proctor(self, mutation: str, session: Any, **more: Any) -> Any:
        """The owner does something to the session; the answer is whatever it is."""
        return await self.owner.mutate(changing(mutation), testSessionId=session["id"], **more)


def site_of(app: Starlette) -> Site:
    """The installation's collaborators."""
    site: Site = app.state.site
    return site


async def open_hall(
    app: Starlette,
    door: Door,
    *,
    ticket: dict[str, Any] | None = None,
    steps: list[dict[str, Any]] | None = None,
    **task: Any,
) -> Hall:
    """A hall whose task and ticket are made with these inputs; steps without a test share a new one."""
    owner = await lasting(app, await door.sign_up())
    if steps is not None:
        test = await owner.make_test()
        task["steps"] = [{"testId": test["id"], **step} for step in steps]
    made = await owner.open_task(**task)
    issued = (await owner.issue(made["id"], **(ticket or {})))[0]
    entered = await door.mutate(ENTER, taskSlug=made["slug"], invitationCode=issued["invitationCode"])
    assert entered["__typename"] == "EnterTaskSuccess", entered
    return Hall(site_of(app), owner, made, issued, door.with_token(entered["accessToken"], **entered))


async def lasting(app: Starlette, owner: Door) -> Door:
    """The owner with an API key for everything: the tests' clock runs past the end of an access token."""
    member = await Member.get(id=key(owner.known["member"]["id"]))
    made = await api_keys.create(site_of(app), member.actor, "Tests", list(Permission), None)
    return owner.with_token(made.secret, **owner.known)


def key(gid: str) -> UUID:
    """The key in a global id."""
    return UUID(gid.partition("_")[2])


async def row(session: Any) -> TestSession:
    """The session's row."""
    return await TestSession.get(id=key(session["id"]))


async def ledger_is_exact(session: Any) -> bool:
    """Whether start + base + the sum of the ledger is the deadline, to the microsecond."""
    kept = await row(session)
    assert kept.started_at
    assert kept.deadline_at
    assert kept.base_seconds is not None
    entries = await TimeAdjustment.filter(session_id=kept.id)
    summed = kept.base_seconds + sum(entry.seconds for entry in entries)
    return (kept.deadline_at - kept.started_at).total_seconds() == summed


async def statuses() -> list[tuple[str | None, str]]:
    """Every move of every session, in the log's order."""
    moves = await Event.filter(type=EventType.TEST_SESSION_STATUS_CHANGED).order_by("position")
    return [(event.payload["from"], event.payload["to"]) for event in moves]


async def events() -> int:
    """How many events there are: a refusal adds none."""
    return await Event.all().count()
