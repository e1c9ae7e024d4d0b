"""Tests: what is asked and how it is scored."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Subquery
from tortoise.queryset import QuerySet

from models.actor import Actor
from models.event import EventType
from models.moves import Stateful
from models.prepared import Prepared


class TestStatus(StrEnum):
    """Where a test is in its life: a published version never changes."""

    __test__: ClassVar[bool] = False

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    RETIRED = "RETIRED"


class QuestionKind(StrEnum):
    """How a question is answered."""

    SINGLE_CHOICE = "SINGLE_CHOICE"
    MULTIPLE_CHOICE = "MULTIPLE_CHOICE"
    TRUE_FALSE = "TRUE_FALSE"
    NUMERIC = "NUMERIC"
    SHORT_TEXT = "SHORT_TEXT"
    ESSAY = "ESSAY"

    @property
    def is_choice(self) -> bool:
        """Whether the candidate picks among options."""
        return self in (QuestionKind.SINGLE_CHOICE, QuestionKind.MULTIPLE_CHOICE)

    @property
    def is_manual(self) -> bool:
        """Whether a person has to mark it."""
        return self is QuestionKind.ESSAY


@dataclass(frozen=True)
class Option:
    """One option of a choice."""

    id: str
    text: str
    correct: bool = False


@dataclass(frozen=True)
class Question:
    """One question and its key. `tolerance` is the absolute distance that still counts as right."""

    id: str
    kind: QuestionKind
    prompt: str
    points: float = 1.0
    options: tuple[Option, ...] = ()
    correct_boolean: bool | None = None
    correct_number: float | None = None
    tolerance: float = 0.0
    accepted_answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """Questions under one heading."""

    title: str | None
    questions: tuple[Question, ...] = field(default=())


class Test(Stateful):
    """A test version: `content` is its sections as a document, for it is only ever read and frozen whole."""

    __test__ = False
    prefix = "tst"
    moved = EventType.TEST_STATUS_CHANGED
    MOVES = {
        TestStatus.DRAFT: frozenset({TestStatus.PUBLISHED, TestStatus.RETIRED}),
        TestStatus.PUBLISHED: frozenset({TestStatus.RETIRED}),
        TestStatus.RETIRED: frozenset(),
    }

    title = fields.CharField(max_length=200)
    description: str | None = fields.TextField(null=True)
    version = fields.IntField(default=1)
    status = fields.CharEnumField(TestStatus, TestStatus.__doc__, max_length=16)
    duration_seconds: int | None = fields.IntField(null=True)
    pass_ratio: float | None = fields.FloatField(null=True)
    content: list[dict[str, Any]] = fields.JSONField()

    class Meta:
        table = "test"
        indexes = (("organization_id", "id"),)

    @classmethod
    def _of_candidate(cls, own: QuerySet[Test], actor: Actor) -> QuerySet[Test]:
        return cls._of_tasks(own, actor, [actor.task_id] if actor.task_id else [])

    @classmethod
    def _of_tasks(cls, own: QuerySet[Test], actor: Actor, task_ids: Collection[UUID]) -> QuerySet[Test]:
        from models.task import Step  # noqa: PLC0415  a step points at its test

        return own.filter(id__in=Subquery(Step.filter(task_id__in=list(task_ids)).values("test_id")))

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The content, typed."""
        return tuple(
            Section(section["title"], tuple(_question(row) for row in section["questions"])) for section in self.content
        )

    @property
    def questions(self) -> Iterator[Question]:
        """Every question, in order."""
        return (question for section in self.sections for question in section.questions)

    @property
    def question_count(self) -> int:
        """How many questions there are."""
        return sum(len(section["questions"]) for section in self.content)

    @classmethod
    async def count_questions(cls, key: UUID) -> int:
        """The same of a test that is a task's step: as its content never changes, it is read once."""
        known = _counts.get(key)
        if known is None:
            if len(_counts) >= _KEPT:
                _counts.clear()
            [test] = await _whole.all(key)
            known = _counts[key] = test.question_count
        return known

    @property
    def max_score(self) -> float:
        """The points of all questions together."""
        return sum(question.points for question in self.questions)


_KEPT = 5_000  # of those that were started lately
_counts: dict[UUID, int] = {}
_whole = Prepared(lambda key: Test.filter(id=key), UUID)


def document(sections: list[Section]) -> list[dict[str, Any]]:
    """The sections as they are stored."""
    return [asdict(section) for section in sections]


def _question(row: dict[str, Any]) -> Question:
    return Question(
        **{
            **row,
            "kind": QuestionKind(row["kind"]),
            "options": tuple(Option(**option) for option in row["options"]),
            "accepted_answers": tuple(row["accepted_answers"]),
        }
    )
