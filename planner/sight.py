"""What a caller may see, and never who they are: what a plan is made for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

from models import Actor, ActorKind, Organization, Permission
from models.base import Owned, Row

Parameter = Callable[[str], str]  # the place in a statement of what an actor's attribute of this name holds


class Unplanned(Exception):
    """The document, or this use of it, is for another tier."""


@dataclass(frozen=True)
class Sight:
    """The kind of a caller, whether it is an API key that is narrowed to some tasks, and what they may."""

    kind: ActorKind
    is_narrowed: bool
    permissions: frozenset[Permission]

    @classmethod
    def of(cls, actor: Actor) -> Self:
        """What this actor may see. Raises Unplanned for somebody without an organization."""
        if actor.organization_id is None:
            raise Unplanned
        return cls(actor.kind, actor.is_narrowed, actor.permissions)

    @property
    def is_candidate(self) -> bool:
        """Whether this is somebody who takes tests."""
        return self.kind is ActorKind.CANDIDATE

    def must(self, permission: Permission) -> None:
        """Raise Unplanned unless this is allowed: another tier says why it is not."""
        if permission not in self.permissions:
            raise Unplanned

    def condition(self, model: type[Row], row: str, of: Parameter, among: Callable[[str, str], str]) -> str:
        """The tenancy door as a condition on a row: what `visible_to` says. Raises Unplanned for a door of its own."""
        if model is Organization:
            return f"{row}.id = {of('organization_id')}"
        if not issubclass(model, Owned) or _function(model.visible_to) is not _function(Owned.visible_to):
            raise Unplanned
        conditions = [f"{row}.organization_id = {of('organization_id')}"]
        if self.is_candidate:
            conditions += _candidates(model, row, of)
        elif self.is_narrowed:
            conditions.append(_narrowed(model, row, of, among))
        return " AND ".join(conditions)


def _candidates(model: type[Owned], row: str, of: Parameter) -> list[str]:
    scope: Mapping[str, str] = model.candidate_scope
    if _own(model, "_of_candidate") or any("__" in column for column in scope):
        raise Unplanned
    return [f"{row}.{column} = {of(name)}" for column, name in scope.items()] or ["1 = 0"]


def _narrowed(model: type[Owned], row: str, of: Parameter, among: Callable[[str, str], str]) -> str:
    if _own(model, "_of_tasks") or model.task_scope is None or "__" in model.task_scope:
        raise Unplanned
    return among(f"{row}.{model.task_scope}", of("task_ids"))


def _own(model: type[Owned], method: str) -> bool:
    return _function(getattr(model, method)) is not _function(getattr(Owned, method))


def _function(method: Callable[..., Any]) -> object:
    return cast(Any, method).__func__
