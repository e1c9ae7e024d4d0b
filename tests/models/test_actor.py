"""The one table of what each role may do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

import errors
from models import ANONYMOUS, PERMISSIONS, Actor, ActorKind, Permission, Role, chance, system

P = Permission
STAFF = chance.new_id()


def member(role: Role) -> Actor:
    """A member with this role."""
    return Actor(ActorKind.MEMBER, "mem_1", STAFF, PERMISSIONS[role])


@pytest.mark.parametrize(
    ("role", "lacks"),
    [
        (Role.OWNER, set()),
        (Role.ADMIN, set()),
        (Role.INSTRUCTOR, {P.MANAGE_ORGANIZATION, P.MANAGE_KEYS}),
        (Role.PROCTOR, set(P) - {P.READ, P.PROCTOR}),
        (Role.VIEWER, set(P) - {P.READ}),
    ],
)
def test_each_role_may_what_the_table_says(role: Role, lacks: set[Permission]) -> None:
    assert {permission for permission in P if not member(role).may(permission)} == lacks


def test_every_role_has_its_row() -> None:
    assert set(PERMISSIONS) == set(Role)


def test_who_is_not_signed_in_is_told_to_before_anything_else() -> None:
    with pytest.raises(errors.Unauthenticated):
        ANONYMOUS.must(P.READ)
    with pytest.raises(errors.Unauthenticated):
        _ = ANONYMOUS.organization


def test_who_lacks_the_permission_is_refused() -> None:
    viewer = member(Role.VIEWER)

    viewer.must(P.READ)
    with pytest.raises(errors.Forbidden):
        viewer.must(P.GRADE)


def test_a_candidate_may_nothing_that_staff_may() -> None:
    candidate = Actor(ActorKind.CANDIDATE, "tkt_1", STAFF)

    assert candidate.is_candidate
    assert not any(candidate.may(permission) for permission in P)


def test_the_server_itself_acts_in_one_organization() -> None:
    actor = system(STAFF)

    assert (actor.organization, actor.gid, actor.permissions) == (STAFF, "system", frozenset(P))


def test_who_is_within_another_may_nothing_that_the_other_may_not() -> None:
    one, other = chance.new_id(), chance.new_id()
    viewer, owner = member(Role.VIEWER), member(Role.OWNER)
    narrow, wide = replace(viewer, task_ids=frozenset({one})), replace(viewer, task_ids=frozenset({one, other}))

    assert viewer.is_within(owner)
    assert not owner.is_within(viewer)
    assert narrow.is_within(wide)
    assert wide.is_within(viewer)
    assert not wide.is_within(narrow)
    assert not viewer.is_within(wide)


def test_an_actor_until_a_moment_is_the_same_in_everything_else() -> None:
    viewer = member(Role.VIEWER)
    moment = datetime(2026, 11, 29, tzinfo=UTC)

    assert viewer.until(moment) == replace(viewer, expires_at=moment)
    assert viewer.expires_at is None
