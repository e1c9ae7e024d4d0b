"""Refusals as GraphQL types: one for each class of errors.Refused, made from it, and the unions they appear in."""

from __future__ import annotations

from typing import Annotated, Any, Union

import strawberry

import errors
from schema.scalars import URL


@strawberry.interface(
    description="A rule said no. Clients end a selection with `... on Refusal { __typename message }`."
)
class Refusal:
    """What every refusal can say."""

    message: str = strawberry.field(description="One sentence for a person.")


@strawberry.type(description="What is wrong with one row of a list that was sent.")
class Problem:
    """One row, one field, one sentence."""

    index: int = strawberry.field(description="The row, counted from 0.")
    field: str = strawberry.field(description="The field's name.")
    message: str = strawberry.field(description="One sentence for a person.")


# What a refusal carries besides its sentence: the attribute of the exception, its GraphQL type and description.
_EXTRAS: dict[type[errors.Refused], tuple[str, Any, str]] = {
    errors.InvalidCandidates: ("problems", list[Problem], "Every bad row."),
    errors.InvalidQuestions: ("problems", list[Problem], "Every bad question."),
    errors.InvalidSteps: ("problems", list[Problem], "Every bad step."),
    errors.InvalidAnswers: ("problems", list[Problem], "Every bad answer."),
    errors.SingleSignOnRequired: ("start_url", URL, "Where signing in begins."),
    errors.InvalidInput: ("field", str, "The path of the bad value."),
    errors.TooManyRows: ("limit", int, "How many rows one call may carry."),
    errors.MoveNotAllowed: ("status", str, "What the thing is now."),
}


def _type_of(refused: type[errors.Refused]) -> type:
    members: dict[str, Any] = {"__annotations__": {}, "__module__": __name__, "__doc__": refused.__doc__}
    if refused in _EXTRAS:
        name, type_, description = _EXTRAS[refused]
        members["__annotations__"][name] = type_
        members[name] = strawberry.field(description=description)
    made = type(refused.__name__, (Refusal,), members)
    return strawberry.type(made, description=refused.__doc__)


def _handler_of(refused: type[errors.Refused], shown: type) -> Any:
    extra = _EXTRAS.get(refused)

    class Handler:
        exception_type = refused
        error_type = shown

        def handle(self, exception: errors.Refused, *, field: Any, info: Any) -> Any:
            more = {extra[0]: getattr(exception, extra[0])} if extra else {}
            return shown(message=exception.text, **more)

    return Handler()


TYPES: dict[type[errors.Refused], type] = {
    refused: _type_of(refused) for refused in sorted(errors.Refused.__subclasses__(), key=lambda one: one.__name__)
}
HANDLERS = [_handler_of(refused, shown) for refused, shown in TYPES.items()]


def result(name: str, success: type, *refused: type[errors.Refused]) -> Any:
    """The union that a mutation returns: its success, and the refusals it can meet.

    It always has a refusal, for `... on Refusal` is an invalid document where nothing can be one.
    """
    members = (success, *(TYPES[one] for one in refused or (errors.InvalidInput,)))
    described = strawberry.union(name, description=f"What {name[0].lower()}{name[1:].removesuffix('Result')} answers.")
    return Annotated[Union[members], described]  # noqa: UP007  a union made at run time
