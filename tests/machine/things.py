"""What the reference knows of each thing. Nothing here is taken from the code under test: statuses are words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from tests.machine.tables import RUNNING, UNFINISHED

GRACE = timedelta(seconds=5)
LOST = timedelta(seconds=60)


class No(Exception):
    """Refused: with this type or code. `noted` is the ticket on which staff will read why."""

    def __init__(self, outcome: str, noted: str | None = None) -> None:
        super().__init__(outcome)
        self.outcome, self.noted = outcome, noted


class Thing(Protocol):
    """Whatever has a global id, once it is known."""

    gid: str


@dataclass(eq=False)
class Test:
    """A published test: a true-or-false question, a number, and perhaps an essay. `questions` are ids by kind."""

    __test__ = False

    gid: str
    seconds: int | None
    questions: dict[str, str]

    @property
    def most(self) -> float:
        """The points there are."""
        return sum(POINTS[kind] for kind in self.questions)


POINTS: Mapping[str, float] = {"TRUE_FALSE": 1.0, "NUMERIC": 2.0, "ESSAY": 4.0}
NUMBER = 7.0  # the right one


@dataclass(eq=False)
class Step:
    """A test's place in a task."""

    gid: str
    test: Test
    required: bool
    limit: int | None
    seconds: int | None


@dataclass(eq=False)
class Task:
    """One process."""

    gid: str
    owner: str  # the organization
    slug: str
    steps: list[Step]
    opens: datetime | None
    closes: datetime | None
    proctored: bool
    stops: bool  # the clock, while its candidate is away
    automatic: bool  # release
    status: str = "DRAFT"

    def has_closed(self, now: datetime) -> bool:
        """Whether its window has passed."""
        return self.closes is not None and now >= self.closes


@dataclass(eq=False)
class Ticket:
    """A candidate's admission."""

    task: Task
    extra: int = 0  # percent
    begins: datetime | None = None
    ends: datetime | None = None
    allowed: int = 1
    gid: str = ""
    code: str = ""
    status: str = "ISSUED"
    refused: tuple[str, datetime] | None = None
    assessments: list[Assessment] = field(default_factory=list)

    def open(self) -> Assessment | None:
        """Its open assessment."""
        return next((one for one in self.assessments if one.is_open), None)

    def sessions(self) -> Iterator[Session]:
        """Of all its assessments."""
        return (session for assessment in self.assessments for session in assessment.sessions)

    def unfinished(self) -> list[Session]:
        """Its sessions that can still go on."""
        return [session for session in self.sessions() if session.status in UNFINISHED]


@dataclass(eq=False)
class Link:
    """A shared link to a ticket."""

    ticket: Ticket
    expires: datetime | None
    most: int | None
    gid: str = ""
    token: str = ""
    uses: int = 0
    opened: datetime | None = None
    revoked: datetime | None = None


@dataclass(eq=False)
class Assessment:
    """One entry of a ticket."""

    ticket: Ticket
    gid: str = ""
    status: str = "CREATED"
    ended: datetime | None = None
    sessions: list[Session] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether the candidate may go on."""
        return self.status in ("CREATED", "IN_PROGRESS")


@dataclass(eq=False)
class Version:
    """One version of a result, of the session's `ending` (the first, the second, after a reinstatement, …)."""

    marks: dict[str, float]
    ending: int
    released: datetime | None = None
    superseded: datetime | None = None


@dataclass(eq=False)
class Session:
    """One attempt at one step."""

    assessment: Assessment
    step: Step
    attempt: int
    status: str
    seen: datetime
    gid: str = ""
    grading: str = "NOT_READY"
    started: datetime | None = None
    base: int | None = None
    ledger: list[tuple[int, str]] = field(default_factory=list)
    stopped: datetime | None = None
    ended: datetime | None = None
    endings: int = 0
    answers: dict[str, tuple[Any, int, datetime]] = field(default_factory=dict)  # value, sequence, received
    reviews: dict[str, tuple[float, datetime]] = field(default_factory=dict)
    results: list[Version] = field(default_factory=list)

    @property
    def deadline(self) -> datetime | None:
        """The law of the ledger."""
        if self.started is None or self.base is None:
            return None
        return self.started + timedelta(seconds=self.base + sum(seconds for seconds, _ in self.ledger))

    @property
    def answered(self) -> int:
        """How many questions have an answer."""
        return sum(value is not None for value, _, _ in self.answers.values())

    @property
    def task(self) -> Task:
        """The process it belongs to."""
        return self.assessment.ticket.task

    @property
    def counts(self) -> bool:
        """Whether it is an attempt that was spent."""
        return self.started is not None and self.status != "CANCELLED"

    @property
    def ticks(self) -> bool:
        """Whether time passes for it."""
        return self.status in RUNNING and self.stopped is None


@dataclass(eq=False)
class World:
    """Everything that the reference believes, at one moment. `by` finds a thing by its global id."""

    now: datetime
    tasks: list[Task] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    batches: dict[tuple[str, str], tuple[Any, list[Ticket]]] = field(default_factory=dict)  # by organization and key
    by: dict[str, Any] = field(default_factory=dict)
    swept: int = 0  # by all sweeps so far

    def sessions(self) -> Iterator[Session]:
        """Everybody's."""
        return (session for ticket in self.tickets for session in ticket.sessions())
