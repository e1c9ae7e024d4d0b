"""A test as its candidate sees it: the questions and the answers given so far, and nothing of the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.grading import Answer
from models.test import Question, QuestionKind, Test


@dataclass(frozen=True)
class PaperOption:
    """One option of a choice."""

    id: str
    text: str


@dataclass(frozen=True)
class PaperQuestion:
    """One question and the candidate's answer with its sequence; None where there is none."""

    id: str
    kind: QuestionKind
    prompt: str
    points: float
    options: Sequence[PaperOption]
    answer: Any
    sequence: int | None


@dataclass(frozen=True)
class PaperSection:
    """Questions under one heading."""

    title: str | None
    questions: Sequence[PaperQuestion]


def paper(test: Test, answers: Mapping[str, Answer]) -> list[PaperSection]:
    """The test with these answers, by question id."""
    return [
        PaperSection(section.title, [_shown(question, answers.get(question.id)) for question in section.questions])
        for section in test.sections
    ]


def _shown(question: Question, answer: Answer | None) -> PaperQuestion:
    options = [PaperOption(option.id, option.text) for option in question.options]
    given = (answer.value, answer.sequence) if answer else (None, None)
    return PaperQuestion(question.id, question.kind, question.prompt, question.points, options, *given)
