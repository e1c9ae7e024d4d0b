"""Writing tests: every question can be asked, answered and scored, or nothing is kept; publishing and retiring them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import UUID

import errors
from errors import Problem
from models import (
    Actor,
    EventType,
    Option,
    Permission,
    Question,
    QuestionKind,
    Section,
    Test,
    TestStatus,
    chance,
    moves,
)
from models.event import record
from models.test import document
from models.unit import transactional
from services import texts

QUESTIONS = 500
OPTIONS = 100
FEWEST = 2  # one option is no choice
PROMPT = 10_000
OPTION = 2_000
ANSWER = 500
POINTS = 1_000_000.0
DESCRIPTION = 10_000
LONGEST = 7 * 86_400


async def create(  # noqa: PLR0913  all that a test is
    actor: Actor,
    title: str,
    sections: Sequence[Section],
    *,
    description: str | None = None,
    duration_seconds: int | None = None,
    pass_ratio: float | None = None,
    publish: bool = True,
) -> Test:
    """Keep a test; published, it never changes. Questions come without ids and are given theirs.

    Raises InvalidInput, TooManyRows for no question or more than 500, InvalidQuestions naming every bad one.
    """
    actor.must(Permission.AUTHOR_TESTS)
    questions = [question for section in sections for question in section.questions]
    if not 1 <= len(questions) <= QUESTIONS or len(sections) > QUESTIONS:
        raise errors.TooManyRows(QUESTIONS)
    check_duration("durationSeconds", duration_seconds)
    if pass_ratio is not None and not 0 <= pass_ratio <= 1:
        raise errors.InvalidInput("passRatio", "Give a share between 0 and 1.")
    headings = [texts.optional_line(f"sections.{at}.title", section.title) for at, section in enumerate(sections)]
    if problems := [problem for at, question in enumerate(questions) for problem in _problems(at, question)]:
        raise errors.InvalidQuestions(problems)
    test = Test(
        organization_id=actor.organization,
        title=texts.line("title", title),
        description=texts.optional_body("description", description, DESCRIPTION),
        status=TestStatus.PUBLISHED if publish else TestStatus.DRAFT,
        duration_seconds=duration_seconds,
        pass_ratio=pass_ratio,
        content=document([_numbered(heading, section) for heading, section in zip(headings, sections, strict=True)]),
    )
    return await _keep(actor, test, len(questions))


@transactional
async def _keep(actor: Actor, test: Test, questions: int) -> Test:
    await test.save()
    record(EventType.TEST_CREATED, test.gid, actor, questions=questions)
    moves.begin(test, actor)
    return test


@transactional
async def publish(actor: Actor, test_id: UUID) -> Test:
    """Let tasks deliver a draft, which never changes from now on; a published test stays. Raises MoveNotAllowed."""
    return await _move(actor, test_id, TestStatus.PUBLISHED)


@transactional
async def retire(actor: Actor, test_id: UUID) -> Test:
    """Let no new task deliver the test; those that do go on. A retired test stays. Raises MoveNotAllowed."""
    return await _move(actor, test_id, TestStatus.RETIRED)


async def _move(actor: Actor, test_id: UUID, to: TestStatus) -> Test:
    test = await Test.locked_by(actor, test_id)
    actor.must(Permission.AUTHOR_TESTS)
    if test.status is not to:
        await moves.move(test, to, actor)
    return test


def check_duration(field: str, seconds: int | None) -> None:
    """Raises InvalidInput unless the time limit is none, or between a second and a week."""
    if problem := problem_of_duration(seconds):
        raise errors.InvalidInput(field, problem)


def problem_of_duration(seconds: int | None) -> str | None:
    """What is wrong with a time limit; None if nothing is."""
    fits = seconds is None or 1 <= seconds <= LONGEST
    return None if fits else f"Give between 1 and {LONGEST:,} seconds."


def _numbered(heading: str | None, section: Section) -> Section:
    return Section(
        heading,
        tuple(
            replace(
                question,
                id=f"qst_{chance.new_id()}",
                options=tuple(replace(option, id=f"opt_{chance.new_id()}") for option in question.options),
            )
            for question in section.questions
        ),
    )


def _problems(index: int, question: Question) -> Iterator[Problem]:
    """Everything that is wrong with one question; `index` counts through all sections."""
    if wrong := texts.problem_of_body(question.prompt, PROMPT):
        yield Problem(index, "prompt", wrong)
    if not (math.isfinite(question.points) and 0 <= question.points <= POINTS):
        yield Problem(index, "points", f"Give between 0 and {POINTS:,.0f} points.")
    if question.kind.is_choice:
        yield from _of_options(index, question.kind, question.options)
    elif question.options:
        yield Problem(index, "options", "Only the two kinds of choice have options.")
    yield from _of_key(index, question)


def _of_options(index: int, kind: QuestionKind, options: Sequence[Option]) -> Iterator[Problem]:
    if not FEWEST <= len(options) <= OPTIONS:
        yield Problem(index, "options", f"Give between {FEWEST} and {OPTIONS} options.")
    for at, option in enumerate(options):
        if wrong := texts.problem_of_body(option.text, OPTION):
            yield Problem(index, f"options.{at}.text", wrong)
    correct = sum(option.correct for option in options)
    if kind is QuestionKind.SINGLE_CHOICE and correct != 1:
        yield Problem(index, "options", "Exactly one option must be correct.")
    if kind is QuestionKind.MULTIPLE_CHOICE and not correct:
        yield Problem(index, "options", "At least one option must be correct.")


def _of_key(index: int, question: Question) -> Iterator[Problem]:
    kind, number = question.kind, question.correct_number
    if (question.correct_boolean is None) == (kind is QuestionKind.TRUE_FALSE):
        yield Problem(index, "correctBoolean", "A true-or-false question needs it, and no other has it.")
    if (number is None) == (kind is QuestionKind.NUMERIC) or not math.isfinite(number or 0):
        yield Problem(index, "correctNumber", "A numeric question needs a finite number, and no other has one.")
    if not (math.isfinite(question.tolerance) and question.tolerance >= 0):
        yield Problem(index, "tolerance", "A tolerance is 0 or more.")
    if kind is not QuestionKind.SHORT_TEXT:
        if question.accepted_answers:
            yield Problem(index, "acceptedAnswers", "Only a short text has accepted answers.")
    elif not 1 <= len(question.accepted_answers) <= OPTIONS:
        yield Problem(index, "acceptedAnswers", f"Give between 1 and {OPTIONS} accepted answers.")
    elif any(texts.problem_of_line(answer, ANSWER) for answer in question.accepted_answers):
        yield Problem(index, "acceptedAnswers", f"Each is one line of at most {ANSWER} characters, and not blank.")
