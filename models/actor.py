"""Who is asking, and the one table of what each role and scope may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import errors


class Role(StrEnum):
    """What a member of staff does in the organization."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    INSTRUCTOR = "INSTRUCTOR"
    PROCTOR = "PROCTOR"
    VIEWER = "VIEWER"


class Permission(StrEnum):
    """One thing that may be allowed: an API key's scopes are these values."""

    READ = "read"
    MANAGE_ORGANIZATION = "organization:write"
    MANAGE_KEYS = "keys:write"
    AUTHOR_TESTS = "tests:write"
    MANAGE_TASKS = "tasks:write"
    ISSUE_TICKETS = "tickets:write"
    SHARE_LINKS = "links:write"
    EXPORT = "exports:write"
    PROCTOR = "sessions:proctor"
    GRADE = "results:write"


_EVERYTHING = frozenset(Permission)
PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: _EVERYTHING,
    Role.ADMIN: _EVERYTHING,
    Role.INSTRUCTOR: _EVERYTHING - {Permission.MANAGE_ORGANIZATION, Permission.MANAGE_KEYS},
    Role.PROCTOR: frozenset({Permission.READ, Permission.PROCTOR}),
    Role.VIEWER: frozenset({Permission.READ}),
}


# What concerns the whole organization: an API key that is narrowed to some tasks may none of it, whatever its scopes.
ORGANIZATION_WIDE = frozenset({Permission.MANAGE_ORGANIZATION, Permission.AUTHOR_TESTS})


class ActorKind(StrEnum):
    """What sort of credential speaks."""

    ANONYMOUS = "ANONYMOUS"
    MEMBER = "MEMBER"
    API_KEY = "API_KEY"
    CANDIDATE = "CANDIDATE"
    SYSTEM = "SYSTEM"


@dataclass(frozen=True)
class Actor:
    """Whoever is asking, as far as the rules care.

    `gid` names them in the event log. `credential_id` is the log-in or the API key, checked again while a stream runs.
    A candidate is confined to one ticket: `ticket_id`, `task_id`, `candidate_id` and `assessment_id` say which. An API
    key can be confined to some tasks: `task_ids`, None for all. `proofs` are the fingerprints of the secret it came
    with, for an old secret ends before its key does.
    """

    kind: ActorKind
    gid: str
    organization_id: UUID | None = None
    permissions: frozenset[Permission] = frozenset()
    id: UUID | None = None
    credential_id: UUID | None = None
    expires_at: datetime | None = None
    ticket_id: UUID | None = None
    task_id: UUID | None = None
    candidate_id: UUID | None = None
    assessment_id: UUID | None = None
    task_ids: frozenset[UUID] | None = None
    proofs: frozenset[str] = field(default=frozenset(), repr=False)

    def may(self, permission: Permission) -> bool:
        """Whether the table allows it."""
        return permission in self.permissions

    def must(self, permission: Permission, *, everywhere: bool = False) -> None:
        """Raise Forbidden unless the table allows it, Unauthenticated when nobody is signed in.

        `everywhere` is for what is not done in one task: a key that is narrowed to some cannot do it.
        """
        if self.organization_id is None:
            raise errors.Unauthenticated
        if permission not in self.permissions:
            raise errors.Forbidden
        if everywhere and self.is_narrowed:
            raise errors.Forbidden("This API key is narrowed to some tasks, and this is not done in one of them.")

    def is_within(self, other: Actor) -> bool:
        """Whether it may do nothing that the other may not, in no task of which the other is kept out."""
        in_tasks = other.task_ids is None or (self.task_ids is not None and self.task_ids <= other.task_ids)
        return in_tasks and self.permissions <= other.permissions

    def until(self, moment: datetime) -> Actor:
        """The same, whose credential counts until then: `dataclasses.replace` takes as long as a statement."""
        other = object.__new__(Actor)
        vars(other).update(vars(self), expires_at=moment)
        return other

    @property
    def organization(self) -> UUID:
        """The credential's own organization. Raises Unauthenticated when nobody is signed in."""
        if self.organization_id is None:
            raise errors.Unauthenticated
        return self.organization_id

    @property
    def is_candidate(self) -> bool:
        """Whether this is a test-taker, confined to one ticket."""
        return self.kind is ActorKind.CANDIDATE

    @property
    def is_narrowed(self) -> bool:
        """Whether this is an API key that is confined to some tasks."""
        return self.task_ids is not None


ANONYMOUS = Actor(ActorKind.ANONYMOUS, "anonymous")


def system(organization_id: UUID) -> Actor:
    """The server itself, acting in one organization: closing sessions at their deadline, making exports."""
    return Actor(ActorKind.SYSTEM, "system", organization_id, _EVERYTHING)


def candidate(
    organization_id: UUID,
    ticket_id: UUID,
    task_id: UUID,
    candidate_id: UUID,
    assessment_id: UUID | None,
    expires_at: datetime | None = None,
) -> Actor:
    """Whoever has the ticket, in an assessment, or before they have one; the log names them by it."""
    return Actor(
        ActorKind.CANDIDATE,
        f"tkt_{ticket_id!s}",
        organization_id,
        expires_at=expires_at,
        ticket_id=ticket_id,
        task_id=task_id,
        candidate_id=candidate_id,
        assessment_id=assessment_id,
    )
