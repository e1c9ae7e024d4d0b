"""Tests, as staff write and read them."""

from __future__ import annotations

from datetime import datetime

import strawberry

import errors
import models
from schema.context import Info
from schema.enums import QuestionKind, TestStatus
from schema.node import Node, column, optional, view
from schema.refusals import result


@strawberry.type(description="One option of a choice, with whether it is right: for staff only.")
class Option:
    """View of models.Option."""

    id: strawberry.ID = column("What an answer names.")
    text: str = column("What it says.")
    correct: bool = column("Whether choosing it is right.")


@strawberry.type(description="One question with its key: for staff only.")
class Question:
    """View of models.Question."""

    id: strawberry.ID = column("What an answer names.")
    kind: QuestionKind = column("How it is answered.")
    prompt: str = column("What is asked.")
    points: float = column("What a right answer earns.")
    options: list[Option] = column("The options of a choice; empty for other kinds.")
    correct_boolean: bool | None = column("The right answer to a true-or-false question.")
    correct_number: float | None = column("The right answer to a numeric question.")
    tolerance: float = column("How far a number may lie from the right one.")
    accepted_answers: list[str] = column("The short texts that are right, compared without case and outer space.")


@strawberry.type(description="Questions under one heading, with their keys: for staff only.")
class Section:
    """View of models.Section."""

    title: str | None = column("The heading.")
    questions: list[Question] = column("The questions, in order.")


@view(models.Test, description="What is asked and how it is scored. A published version never changes.")
class Test(Node):
    """View of models.Test."""

    __test__ = False

    title: str = column("Its title.")
    description: str | None = column("What it is about, for staff.")
    status: TestStatus = column("Where it is in its life.")
    version: int = column("Which version of the test this is.")
    duration_seconds: int | None = column("The time limit; null for none.")
    pass_ratio: float | None = column("The share of the points that passes; null when nobody passes or fails.")
    max_score: float = column("The points of all questions together.")
    created_at: datetime = column("When it was written.")

    @strawberry.field(
        graphql_type=list[Section] | None,
        description="The questions with their keys: FORBIDDEN without `tests:write` or `results:write`.",
    )
    @staticmethod
    def sections(root: strawberry.Parent[models.Test], info: Info) -> tuple[models.Section, ...]:
        """For those who write or grade tests: it holds the right answers."""
        if not info.context.actor.may(models.Permission.GRADE):
            info.context.actor.must(models.Permission.AUTHOR_TESTS)
        return root.sections


@strawberry.input(description="One option of a choice.")
class OptionInput:
    """An option without its id."""

    text: str = column("What it says.")
    correct: bool | None = optional("Whether choosing it is right.", False)

    def to_model(self) -> models.Option:
        """The same in the models' words."""
        return models.Option("", self.text, bool(self.correct))


@strawberry.input(description="One question and its key: the fields of its kind, and no others.")
class QuestionInput:
    """A question without its id."""

    kind: QuestionKind = column("How it is answered.")
    prompt: str = column("What is asked, at most 10,000 characters.")
    points: float | None = optional("What a right answer earns.", 1.0)
    options: list[OptionInput] | None = optional("SINGLE_CHOICE: one is correct; MULTIPLE_CHOICE: at least one.")
    correct_boolean: bool | None = optional("TRUE_FALSE: the right answer.")
    correct_number: float | None = optional("NUMERIC: the right answer.")
    tolerance: float | None = optional("NUMERIC: how far a number may lie from the right one; 0 by default.")
    accepted_answers: list[str] | None = optional("SHORT_TEXT: what is right, compared without case and outer space.")

    def to_model(self) -> models.Question:
        """The same in the models' words."""
        return models.Question(
            id="",
            kind=models.QuestionKind(self.kind),
            prompt=self.prompt,
            points=1.0 if self.points is None else self.points,
            options=tuple(option.to_model() for option in self.options or ()),
            correct_boolean=self.correct_boolean,
            correct_number=self.correct_number,
            tolerance=self.tolerance or 0.0,
            accepted_answers=tuple(self.accepted_answers or ()),
        )


@strawberry.input(description="Questions under one heading.")
class SectionInput:
    """A section."""

    title: str | None = optional("The heading.")
    questions: list[QuestionInput] = column("The questions, in order.")

    def to_model(self) -> models.Section:
        """The same in the models' words."""
        return models.Section(self.title, tuple(question.to_model() for question in self.questions))


@strawberry.input(description="A new test.")
class CreateTestInput:
    """What createTest takes."""

    title: str = column("Its title.")
    description: str | None = optional("What it is about, for staff.")
    duration_seconds: int | None = optional("The time limit, at most a week; none by default.")
    pass_ratio: float | None = optional("The share of the points that passes, from 0 to 1.")
    sections: list[SectionInput] = column("The questions, at most 500 in all.")
    publish: bool | None = optional("Whether tasks may deliver it at once; a published test never changes.", True)


@strawberry.type(description="The test, with the ids of its questions.")
class CreateTestSuccess:
    """What createTest answers."""

    test: models.Test = strawberry.field(graphql_type=Test, description="The new test.")


CreateTestResult = result(
    "CreateTestResult", CreateTestSuccess, errors.InvalidQuestions, errors.InvalidInput, errors.TooManyRows
)


@strawberry.input(description="Which test.")
class TestIdInput:
    """What publishTest and retireTest take."""

    __test__ = False

    test_id: strawberry.ID = column("The test.")


@strawberry.type(description="The test, published.")
class PublishTestSuccess:
    """What publishTest answers."""

    test: models.Test = strawberry.field(graphql_type=Test, description="The test as it is now.")


@strawberry.type(description="The test, retired.")
class RetireTestSuccess:
    """What retireTest answers."""

    test: models.Test = strawberry.field(graphql_type=Test, description="The test as it is now.")


PublishTestResult = result("PublishTestResult", PublishTestSuccess, errors.MoveNotAllowed)
RetireTestResult = result("RetireTestResult", RetireTestSuccess, errors.MoveNotAllowed)
