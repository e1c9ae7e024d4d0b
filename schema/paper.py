"""A test as its candidate sees it."""

from __future__ import annotations

import strawberry
from strawberry.scalars import JSON

from schema.enums import QuestionKind
from schema.node import column


@strawberry.type(description="One option of a choice, without whether it is right.")
class PaperOption:
    """View of models.paper.PaperOption."""

    id: strawberry.ID = column("What an answer names.")
    text: str = column("What it says.")


@strawberry.type(description="One question with the candidate's answer, without the key.")
class PaperQuestion:
    """View of models.paper.PaperQuestion."""

    id: strawberry.ID = column("What an answer names.")
    kind: QuestionKind = column("How it is answered.")
    prompt: str = column("What is asked.")
    points: float = column("What it is worth.")
    options: list[PaperOption] = column("What can be chosen; empty unless it is a choice.")
    answer: JSON | None = column("The answer that is kept: option id, list of option ids, boolean, number or text.")
    sequence: int | None = column("The sequence that the answer came with; the next one must be higher.")


@strawberry.type(description="Questions under one heading.")
class PaperSection:
    """View of models.paper.PaperSection."""

    title: str | None = column("The heading.")
    questions: list[PaperQuestion] = column("The questions, in order.")
