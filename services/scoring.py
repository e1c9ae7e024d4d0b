"""What an answer may be and what it is worth: pure functions of a question, an answer and an instructor's mark."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from models import Question, QuestionKind

SHORT_TEXT_LIMIT = 1_000
ESSAY_LIMIT = 50_000
_NUMBER_LIMIT = 1e300
_NOT_TEXT = re.compile(r"[\x00\ud800-\udfff]")  # PostgreSQL and UTF-8 cannot keep these


def cleaned(value: Any) -> Any:
    """The value as it is kept: an empty text or choice is no answer."""
    return None if value in ("", []) else value


def problem_of(question: Question, value: Any) -> str | None:
    """What is wrong with the value as an answer to the question; None if nothing is. None clears the answer."""
    if value is None:
        return None
    match question.kind:
        case QuestionKind.SINGLE_CHOICE:
            fits = isinstance(value, str) and value in {option.id for option in question.options}
            return None if fits else "Give the id of one of its options."
        case QuestionKind.MULTIPLE_CHOICE:
            return None if _are_options(question, value) else "Give a list of ids of its options, each once."
        case QuestionKind.TRUE_FALSE:
            return None if isinstance(value, bool) else "Give true or false."
        case QuestionKind.NUMERIC:
            return None if _is_number(value) else "Give a number."
        case QuestionKind.SHORT_TEXT:
            return _problem_of_text(value, SHORT_TEXT_LIMIT)
        case QuestionKind.ESSAY:
            return _problem_of_text(value, ESSAY_LIMIT)


def mark(question: Question, value: Any) -> float | None:
    """The points that the answer is worth; None when a person has to say."""
    if question.kind.is_manual:
        return None if isinstance(value, str) and value.strip() else 0.0
    return question.points if value is not None and _is_right(question, value) else 0.0


def marks(
    questions: Iterable[Question], values: Mapping[str, Any], given: Mapping[str, float]
) -> dict[str, float | None]:
    """The points of every question by its id: what an instructor gave, or else what the answer is worth."""
    return {
        question.id: given[question.id] if question.id in given else mark(question, values.get(question.id))
        for question in questions
    }


def passed(score: float, max_score: float, pass_ratio: float | None) -> bool | None:
    """Whether the score reaches the pass mark; None where there is none."""
    if pass_ratio is None:
        return None
    needed = max_score * pass_ratio
    return score >= needed or math.isclose(score, needed)


def _is_right(question: Question, value: Any) -> bool:
    match question.kind:
        case QuestionKind.SINGLE_CHOICE:
            return bool(value in _correct(question))
        case QuestionKind.MULTIPLE_CHOICE:
            return set(value) == _correct(question)
        case QuestionKind.TRUE_FALSE:
            return value is question.correct_boolean
        case QuestionKind.NUMERIC:
            return _is_near(value, question.correct_number or 0.0, question.tolerance)
        case QuestionKind.SHORT_TEXT:
            return _plain(value) in {_plain(accepted) for accepted in question.accepted_answers}
        case QuestionKind.ESSAY:
            return False


def _correct(question: Question) -> set[str]:
    return {option.id for option in question.options if option.correct}


def _is_near(value: float, correct: float, tolerance: float) -> bool:
    """At the edge, what differs by no more than binary fractions do is near: 3.15 is within 0.05 of 3.1."""
    distance = abs(value - correct)
    return distance <= tolerance or math.isclose(
        distance, tolerance, rel_tol=1e-9, abs_tol=1e-12 * max(1.0, abs(correct))
    )


def _plain(text: str) -> str:
    return text.strip().casefold()


def _are_options(question: Question, value: Any) -> bool:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return False
    return len(set(value)) == len(value) and {option.id for option in question.options}.issuperset(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _NUMBER_LIMIT


def _problem_of_text(value: Any, limit: int) -> str | None:
    if not isinstance(value, str):
        return "Give text."
    if len(value) > limit:
        return f"This is longer than {limit:,} characters."
    return "Control characters cannot be kept." if _NOT_TEXT.search(value) else None
