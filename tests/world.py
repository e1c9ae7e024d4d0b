"""What tests say often: a clock, a door, and the people who come through it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx

import models

_numbers = count(1)

SIGN_UP = """
mutation ($input: SignUpInput!) {
  signUp(input: $input) {
    __typename
    ... on SignUpSuccess { accessToken refreshToken member { id email } organization { id name } }
    ... on Refusal { message }
  }
}
"""

LOG_IN = """
mutation ($input: LogInInput!) {
  logIn(input: $input) {
    __typename
    ... on LogInSuccess { accessToken refreshToken member { id email role } organization { id name } }
    ... on Refusal { message }
  }
}
"""
PASSWORD = "correct horse battery"

CREATE_TEST = """
mutation ($input: CreateTestInput!) {
  createTest(input: $input) {
    __typename
    ... on CreateTestSuccess { test {
      id title description status version durationSeconds passRatio maxScore createdAt
      sections { title questions {
        id kind prompt points options { id text correct } correctBoolean correctNumber tolerance acceptedAnswers
      } }
    } }
    ... on Refusal { message }
    ... on InvalidQuestions { problems { index field message } }
    ... on InvalidInput { field }
    ... on TooManyRows { limit }
  }
}
"""

CREATE_TASK = """
mutation ($input: CreateTaskInput!) {
  createTask(input: $input) {
    __typename
    ... on CreateTaskSuccess { task { id name slug status link steps { id position } createdAt } }
    ... on Refusal { message }
    ... on InvalidSteps { problems { index field message } }
    ... on InvalidInput { field }
    ... on TooManyRows { limit }
  }
}
"""

OPEN_TASK = """
mutation ($input: TaskIdInput!) {
  openTask(input: $input) { __typename ... on OpenTaskSuccess { task { id status } } ... on Refusal { message } }
}
"""

ISSUE_TICKETS = """
mutation ($input: IssueTicketsInput!) {
  issueTickets(input: $input) {
    __typename
    ... on IssueTicketsSuccess {
      replayed
      tickets { id status invitationCode accessLink candidate { id fullName email externalId } }
    }
    ... on Refusal { message }
    ... on InvalidCandidates { problems { index field message } }
    ... on InvalidInput { field }
    ... on TooManyRows { limit }
  }
}
"""

QUESTIONS: list[dict[str, Any]] = [
    {
        "kind": "SINGLE_CHOICE",
        "prompt": "Which is a prime?",
        "options": [{"text": "four"}, {"text": "seven", "correct": True}],
    },
    {
        "kind": "MULTIPLE_CHOICE",
        "prompt": "Which are even?",
        "points": 2,
        "options": [{"text": "two", "correct": True}, {"text": "three"}, {"text": "four", "correct": True}],
    },
    {"kind": "TRUE_FALSE", "prompt": "Zero is even.", "correctBoolean": True},
    {"kind": "NUMERIC", "prompt": "Pi, to two places?", "correctNumber": 3.14, "tolerance": 0.005},
    {"kind": "SHORT_TEXT", "prompt": "The capital of France?", "acceptedAnswers": ["Paris"]},
    {"kind": "ESSAY", "prompt": "Why is that so?", "points": 4},
]


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **amount: float) -> datetime:
        """Let time pass: `forward(minutes=5)`."""
        self.time += timedelta(**amount)
        return self.time


@dataclass
class Door:
    """The GraphQL endpoint as one caller knocks at it; without a token, anonymously."""

    client: httpx.AsyncClient
    token: str | None = None
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """The server's address."""
        return str(self.client.base_url).rstrip("/")

    def with_token(self, token: str | None, **known: Any) -> Door:
        """The same door with another credential."""
        return Door(self.client, token, known)

    async def post(self, document: str, **variables: Any) -> httpx.Response:
        """The bare HTTP answer."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return await self.client.post("/graphql", json={"query": document, "variables": variables}, headers=headers)

    async def execute(self, document: str, **variables: Any) -> dict[str, Any]:
        """The answer as a dictionary with `data` and perhaps `errors`."""
        answer: dict[str, Any] = (await self.post(document, **variables)).json()
        return answer

    async def ask(self, document: str, **variables: Any) -> Any:
        """The data, of a document that must not fail."""
        answer = await self.execute(document, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def mutate(self, document: str, **input: Any) -> Any:
        """The answer of a document with one mutation whose variable is `$input`."""
        data = await self.ask(document, input=input)
        return next(iter(data.values()))

    async def code_of(self, document: str, **variables: Any) -> str | None:
        """The code of the first error, None without one."""
        answer = await self.execute(document, **variables)
        return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None

    async def sign_up(self, name: str = "Example University") -> Door:
        """A new organization's owner."""
        email = f"owner{next(_numbers)}@example.org"
        made = await self.mutate(SIGN_UP, organizationName=name, fullName="Olive Owner", email=email, password=PASSWORD)
        assert made["__typename"] == "SignUpSuccess", made
        return self.with_token(made["accessToken"], **made)

    async def colleague(self, role: models.Role) -> Door:
        """Another member of this owner's organization. There is no invitation yet: the row is made here."""
        owner = await models.Member.by_email(self.known["member"]["email"])
        assert owner is not None
        email = f"{role.lower()}{next(_numbers)}@example.org"
        await models.Member.create(
            organization_id=owner.organization_id,
            full_name="Cora Colleague",
            email=email,
            role=role,
            password_hash=owner.password_hash,
        )
        made = await self.with_token(None).mutate(LOG_IN, email=email, password=PASSWORD)
        return self.with_token(made["accessToken"], **made)

    async def make_test(self, **over: Any) -> Any:
        """A published test with one question of each kind (10 points), two of them in a section of their own."""
        wanted = {
            "title": "Arithmetic",
            "durationSeconds": 3600,
            "passRatio": 0.5,
            "sections": [{"title": "Choices", "questions": QUESTIONS[:2]}, {"questions": QUESTIONS[2:]}],
        }
        made = await self.mutate(CREATE_TEST, **{**wanted, **over})
        assert made["__typename"] == "CreateTestSuccess", made
        return made["test"]

    async def draft_task(self, **over: Any) -> Any:
        """A task, not yet open, with one step: a new test unless `steps` say otherwise."""
        if "steps" not in over:
            over["steps"] = [{"testId": (await self.make_test())["id"]}]
        made = await self.mutate(CREATE_TASK, **{"name": "Entrance exam", **over})
        assert made["__typename"] == "CreateTaskSuccess", made
        return made["task"]

    async def open_task(self, **over: Any) -> Any:
        """A task that lets candidates in: `{id slug link steps{id}}`."""
        task = await self.draft_task(**over)
        opened = await self.mutate(OPEN_TASK, taskId=task["id"])
        assert opened["__typename"] == "OpenTaskSuccess", opened
        return {**task, "status": "OPEN"}

    async def issue(self, task_id: str, n: int = 1, **over: Any) -> list[Any]:
        """Tickets for `n` candidates: `{id invitationCode accessLink candidate{id}}`."""
        people = [
            {"fullName": f"Candidate {at}", "email": f"candidate{at}@example.org", "externalId": f"S-{at}"}
            for at in range(1, n + 1)
        ]
        issued = await self.mutate(ISSUE_TICKETS, **{"taskId": task_id, "candidates": people, **over})
        assert issued["__typename"] == "IssueTicketsSuccess", issued
        tickets: list[Any] = issued["tickets"]
        return tickets


async def kinds(*without: models.EventType) -> list[str]:
    """The types of every event in the log, in order, but those of signing up and logging in and those named."""
    personal = {models.EventType.ORGANIZATION_CREATED, models.EventType.MEMBER_LOGGED_IN, *without}
    events = await models.Event.all().order_by("position")
    return [event.type.value for event in events if event.type not in personal]
