"""What an identity provider knows a member as."""

from __future__ import annotations

import pytest

from models import Member, Organization, Role

ISSUER = "https://accounts.hill.example"


@pytest.fixture
async def member(organization: Organization) -> Member:
    """A member who has not come from a provider yet."""
    return await Member.create(
        organization_id=organization.id, full_name="Nora New", email="nora@hill.example", role=Role.VIEWER
    )


async def test_binding_a_member_to_the_same_subject_again_is_no_conflict(member: Member) -> None:
    first = await Member.bind(member.id, ISSUER, "248289761001")

    again = await Member.bind(member.id, ISSUER, "248289761001")

    assert (first, again) == (True, True)


async def test_a_bound_member_is_bound_to_no_other_subject_of_the_issuer(member: Member) -> None:
    await Member.bind(member.id, ISSUER, "248289761001")

    other = await Member.bind(member.id, ISSUER, "another-subject")

    assert not other
    assert (await Member.get()).oidc_subject == "248289761001"


async def test_a_member_bound_at_another_issuer_is_bound_anew(member: Member) -> None:
    await Member.bind(member.id, "https://accounts.old.example", "an old name")

    moved = await Member.bind(member.id, ISSUER, "248289761001")

    assert moved
    now = await Member.get()
    assert (now.oidc_issuer, now.oidc_subject) == (ISSUER, "248289761001")
