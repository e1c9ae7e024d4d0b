"""What answers may be, and what they are worth."""

from __future__ import annotations

from typing import Any

import pytest

from models import Option, Question, QuestionKind
from services import scoring

K = QuestionKind
ONE = Question("q", K.SINGLE_CHOICE, "?", 2.0, options=(Option("a", "A", True), Option("b", "B")))
MANY = Question(
    "q", K.MULTIPLE_CHOICE, "?", 3.0, options=(Option("a", "A", True), Option("b", "B"), Option("c", "C", True))
)
TRUE = Question("q", K.TRUE_FALSE, "?", correct_boolean=True)
FALSE = Question("q", K.TRUE_FALSE, "?", correct_boolean=False)
NUMBER = Question("q", K.NUMERIC, "?", correct_number=3.1, tolerance=0.05)
EXACT = Question("q", K.NUMERIC, "?", correct_number=7.0)
SHORT = Question("q", K.SHORT_TEXT, "?", accepted_answers=("Straße", " Paris "))
ESSAY = Question("q", K.ESSAY, "?", 4.0)


@pytest.mark.parametrize(
    ("question", "value", "points"),
    [
        (ONE, "a", 2.0), (ONE, "b", 0.0), (ONE, None, 0.0),
        (MANY, ["a", "c"], 3.0), (MANY, ["c", "a"], 3.0),
        (MANY, ["a"], 0.0), (MANY, ["a", "b", "c"], 0.0), (MANY, None, 0.0),
        (TRUE, True, 1.0), (TRUE, False, 0.0), (TRUE, None, 0.0), (FALSE, False, 1.0), (FALSE, None, 0.0),
        (NUMBER, 3.1, 1.0), (NUMBER, 3.15, 1.0), (NUMBER, 3.05, 1.0),
        (NUMBER, 3.16, 0.0), (NUMBER, 3.0499, 0.0), (NUMBER, None, 0.0),
        (EXACT, 7, 1.0), (EXACT, 7.0, 1.0), (EXACT, 7.001, 0.0), (EXACT, 0, 0.0), (EXACT, 10**200, 0.0),
        (SHORT, "paris", 1.0), (SHORT, " PARIS\n", 1.0),
        (SHORT, "STRASSE", 1.0), (SHORT, "Pari s", 0.0), (SHORT, None, 0.0),
        (ESSAY, "Because.", None), (ESSAY, " \n", 0.0), (ESSAY, None, 0.0),
    ],
)  # fmt: skip
def test_an_answer_is_worth_all_or_nothing_or_a_persons_mark(
    question: Question, value: Any, points: float | None
) -> None:
    assert scoring.mark(question, value) == points


@pytest.mark.parametrize(
    ("question", "value", "fits"),
    [
        (ONE, "a", True), (ONE, "z", False), (ONE, ["a"], False), (ONE, {"a": 1}, False),
        (MANY, ["a"], True), (MANY, ["a", "a"], False),
        (MANY, ["z"], False), (MANY, "a", False), (MANY, [["a"]], False),
        (TRUE, False, True), (TRUE, 1, False), (TRUE, "true", False),
        (NUMBER, 1, True), (NUMBER, -1.5, True),
        (NUMBER, True, False), (NUMBER, "1", False), (NUMBER, float("nan"), False),
        (NUMBER, float("inf"), False), (NUMBER, 10**400, False),
        (SHORT, "x" * 1_000, True), (SHORT, "x" * 1_001, False),
        (SHORT, 5, False), (SHORT, "a\x00", False), (SHORT, "\ud800", False),
        (ESSAY, "x" * 50_000, True), (ESSAY, "x" * 50_001, False), (ESSAY, "a\nb\tc 💡", True),
    ],
)  # fmt: skip
def test_only_what_fits_the_question_is_an_answer(question: Question, value: Any, fits: bool) -> None:
    assert (scoring.problem_of(question, value) is None) == fits
    assert scoring.problem_of(question, None) is None


@pytest.mark.parametrize(("value", "kept"), [("", None), ([], None), (False, False), (0, 0), (" ", " "), (None, None)])
def test_an_empty_text_or_choice_is_no_answer(value: Any, kept: Any) -> None:
    assert scoring.cleaned(value) is kept or scoring.cleaned(value) == kept


def test_an_instructors_mark_overrules_the_key() -> None:
    other = Question("other", K.ESSAY, "?", 4.0)

    marks = scoring.marks([ONE, other], {"q": "a", "other": "Because."}, {"q": 0.5})

    assert marks == {"q": 0.5, "other": None}


@pytest.mark.parametrize(
    ("score", "ratio", "passed"),
    [(6.0, 0.6, True), (5.999, 0.6, False), (0.0, 0.0, True), (10.0, None, None), (0.7 * 3 + 4.9, 0.7, True)],
)
def test_the_pass_mark_is_a_share_of_all_points(score: float, ratio: float | None, passed: bool | None) -> None:
    assert scoring.passed(score, 10.0, ratio) is passed
