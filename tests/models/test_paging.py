"""Keyset pages: every row once, in order, forwards and backwards, by one statement however many parents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from tortoise.queryset import QuerySet

import errors
from models import Member, Organization, Role, clock, system
from models.children import Narrow
from models.member import Login
from models.paging import MAXIMUM, Page, Window, counts, pages, window


async def crowd(organization: Organization, size: int) -> list[UUID]:
    """So many members; their keys in order."""
    members = [
        Member(organization_id=organization.id, full_name="M", email=f"m{n}@{organization.id}", role=Role.VIEWER)
        for n in range(size)
    ]
    await Member.bulk_create(members)
    return [member.id for member in members]


async def log_ins(member: UUID, organization: Organization, size: int) -> list[UUID]:
    """So many log-ins of one of them; their keys in order."""
    made = [Login(organization_id=organization.id, member_id=member, expires_at=clock.now()) for _ in range(size)]
    await Login.bulk_create(made)
    return [one.id for one in made]


async def nothing(key: UUID, loaders: Any) -> int:
    """No total is asked for."""
    raise AssertionError


async def one(organization: Organization, wanted: Window, narrow: Narrow[Member] | None = None) -> Page[Member]:
    """The page of one parent."""
    actor = system(organization.id)
    [page] = await pages(Member, actor, "organization_id", [organization.id], wanted, nothing, narrow)
    return page


def keys(page: Page[Any]) -> list[UUID]:
    """Which rows a page has."""
    return [row.id for row in page.nodes]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100])
async def test_walking_forwards_meets_every_row_once(organization: Organization, size: int) -> None:
    expected = await crowd(organization, 7)
    met, after = [], None

    while True:
        page = await one(organization, window(size, after, None, None))
        met += keys(page)
        assert page.has_previous_page is (after is not None)
        if not page.has_next_page:
            break
        after = page.end_cursor

    assert met == expected


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100])
async def test_walking_backwards_meets_the_same_rows(organization: Organization, size: int) -> None:
    expected = await crowd(organization, 7)
    met: list[UUID] = []
    before = None

    while True:
        page = await one(organization, window(None, None, size, before))
        met = keys(page) + met
        assert page.has_next_page is (before is not None)
        if not page.has_previous_page:
            break
        before = page.start_cursor

    assert met == expected


async def test_between_two_cursors_lies_what_is_between(organization: Organization) -> None:
    expected = await crowd(organization, 7)
    rows = {row.id: row.cursor for row in await Member.all()}

    forwards = await one(organization, window(2, rows[expected[1]], None, rows[expected[5]]))
    backwards = await one(organization, window(None, rows[expected[1]], 2, rows[expected[5]]))

    assert (keys(forwards), forwards.has_next_page) == (expected[2:4], True)
    assert (keys(backwards), backwards.has_previous_page) == (expected[3:5], True)


async def test_an_empty_page_has_no_cursors(organization: Organization) -> None:
    await crowd(organization, 2)

    page = await one(organization, window(0, None, None, None))

    assert (page.nodes, page.start_cursor, page.end_cursor, page.has_next_page) == ([], None, None, True)


async def test_edges_carry_the_rows_and_their_places(organization: Organization) -> None:
    expected = await crowd(organization, 3)

    page = await one(organization, window(2, None, None, None))

    assert [edge.node.id for edge in page.edges] == expected[:2]
    assert (page.edges[0].cursor, page.edges[1].cursor) == (page.start_cursor, page.end_cursor)


@pytest.mark.parametrize("backwards", [False, True])
async def test_the_pages_of_many_parents_are_one_statement(
    organization: Organization, statements: list[str], backwards: bool
) -> None:
    members, actor = [*await crowd(organization, 150), UUID(int=7)], system(organization.id)
    expected = [await log_ins(member, organization, number % 5) for number, member in enumerate(members[:30])]
    expected += [[] for _ in members[30:]]
    wanted = window(None, None, 3, None) if backwards else window(3, None, None, None)
    await Member.all().count()  # SQLite's reading connection opens with a statement of its own
    statements.clear()

    found = await pages(Login, actor, "member_id", members, wanted, nothing)
    totals = await counts(Login.visible_to(actor), "member_id", members)

    assert len(statements) == 2
    assert [keys(page) for page in found] == [rows[-3:] if backwards else rows[:3] for rows in expected]
    assert [page.has_previous_page if backwards else page.has_next_page for page in found] == [
        len(rows) > 3 for rows in expected
    ]
    assert totals == {member: len(rows) for member, rows in zip(members, expected, strict=True) if rows}


async def test_the_same_page_of_others_is_not_written_again(organization: Organization) -> None:
    other = await Organization.create(name="Other University")
    expected = [await crowd(each, 2) for each in (organization, other)]
    await one(organization, Window(1))

    with pytest.MonkeyPatch.context() as nothing_is_written:
        nothing_is_written.setattr(QuerySet, "_make_query", None)
        found = [await one(each, Window(2)) for each in (organization, other)]

    assert [keys(page) for page in found] == expected


async def test_a_narrowed_list_is_paged_by_its_own_rows(organization: Organization) -> None:
    expected = await crowd(organization, 4)
    emails = [f"m{n}@{organization.id}" for n in (1, 3)]

    page = await one(organization, window(1, None, None, None), lambda rows: rows.filter(email__in=emails))

    assert (keys(page), page.has_next_page) == ([expected[1]], True)


def test_without_a_size_a_page_has_fifty() -> None:
    assert window(None, None, None, None) == Window(50, None, None, False)


def test_an_empty_cursor_is_the_beginning() -> None:
    assert window(1, "", None, None) == Window(1, None, None, False)


@pytest.mark.parametrize(("first", "last"), [(1, 1), (-1, None), (None, -1), (MAXIMUM + 1, None), (None, MAXIMUM + 1)])
def test_refuses_sizes_that_mean_nothing(first: int | None, last: int | None) -> None:
    with pytest.raises(errors.BadRequest):
        window(first, None, last, None)


@pytest.mark.parametrize("cursor", ["junk", "é", "=", "AAAA", "A" * 100, "\x00"])
def test_refuses_cursors_that_are_not_ours(cursor: str) -> None:
    with pytest.raises(errors.BadRequest):
        window(None, cursor, None, None)
