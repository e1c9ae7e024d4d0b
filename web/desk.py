"""What lies on a candidate's desk: the questions of a session, numbered, each with the answer given so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from models import Actor, Answer, Question, QuestionKind, Test, TestSession, clock
from services import answers, scoring


@dataclass(frozen=True)
class Item:
    """One question as it is shown; `sequence` is its newest answer's."""

    number: int
    question: Question
    value: Any
    sequence: int

    @property
    def answered(self) -> bool:
        """Whether something was given; false and zero are answers."""
        return self.value not in (None, "", [])

    @property
    def choices(self) -> list[tuple[str, str]]:
        """What can be picked: the form's value and the text beside it."""
        if self.question.kind is QuestionKind.TRUE_FALSE:
            return [("true", "True"), ("false", "False")]
        return [(option.id, option.text) for option in self.question.options]

    @property
    def chosen(self) -> list[str]:
        """The form's values that are picked."""
        match self.value:
            case None:
                return []
            case bool():
                return ["true" if self.value else "false"]
            case list():
                return [str(option) for option in self.value]
        return [str(self.value)]

    @property
    def text(self) -> str:
        """What stands in the field."""
        return "" if self.value is None else f"{self.value:g}" if isinstance(self.value, float) else str(self.value)

    @property
    def points(self) -> str:
        """What it is worth, for people."""
        return f"{self.question.points:g} point{'' if self.question.points == 1 else 's'}"


@dataclass(frozen=True)
class Part:
    """The questions under one heading."""

    title: str | None
    items: Sequence[Item]


@dataclass(frozen=True)
class Desk:
    """A session and everything on its test page."""

    session: TestSession
    test: Test
    parts: Sequence[Part]
    short_text_limit = scoring.SHORT_TEXT_LIMIT
    essay_limit = scoring.ESSAY_LIMIT

    @cached_property
    def items(self) -> list[Item]:
        """Every question, in order."""
        return [item for part in self.parts for item in part.items]

    @property
    def blanks(self) -> list[Item]:
        """The questions without an answer."""
        return [item for item in self.items if not item.answered]

    @property
    def sequence(self) -> int:
        """Where this page's answers begin to count: after every answer's, and after those of pages opened before it.

        Tenths of a second since the test began, so that it fits GraphQL's Int.
        """
        begun = self.session.started_at
        tenths = int((clock.now() - begun).total_seconds() * 10) if begun else 0
        return max(tenths, *(item.sequence for item in self.items), 0)


async def of(actor: Actor, session: TestSession) -> Desk:
    """The desk of a session that this candidate may see."""
    test = await Test.seen_by(actor, session.test_id)
    return Desk(session, test, _parts(test, await answers.of_session(actor, session)))


def _parts(test: Test, given: Mapping[str, Answer]) -> list[Part]:
    parts, number = [], 0
    for section in test.sections:
        items = []
        for question in section.questions:
            number += 1
            answer = given.get(question.id)
            items.append(Item(number, question, answer.value if answer else None, answer.sequence if answer else 0))
        parts.append(Part(section.title, items))
    return parts
