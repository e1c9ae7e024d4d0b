"""Keyset pages: every row once, in order, forwards and backwards, by one statement however many parents."""

from __future__ import annotations

from uuid import UUID

import pytest

import errors
from models import Member, Organization, Role
from models.paging import MAXIMUM, Page, Window, counts, cursor_of, pages, window


async def crowd(organization: Organization, size: int) -> list[UUID]:
    """So many members; their keys in order."""
    members = [
        Member(organization_id=organization.id, full_name="M", email=f"m{n}@{organization.id}", role=Role.VIEWER)
        for n in range(size)
    ]
    await Member.bulk_create(members)
    return [member.id for member in members]


async def one(organization: Organization, wanted: Window) -> Page[Member]:
    """The page of one parent."""
    return (await pages(Member.all(), "organization_id", [organization.id], wanted))[organization.id]


def keys(page: Page[Member]) -> list[UUID]:
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
    rows = {row.id: cursor_of(row) for row in await Member.all()}

    forwards = await one(organization, window(2, rows[expected[1]], None, rows[expected[5]]))
    backwards = await one(organization, window(None, rows[expected[1]], 2, rows[expected[5]]))

    assert (keys(forwards), forwards.has_next_page) == (expected[2:4], True)
    assert (keys(backwards), backwards.has_previous_page) == (expected[3:5], True)


async def test_an_empty_page_has_no_cursors(organization: Organization) -> None:
    await crowd(organization, 2)

    nothing = await one(organization, window(0, None, None, None))

    assert (nothing.nodes, nothing.start_cursor, nothing.end_cursor, nothing.has_next_page) == ([], None, None, True)


async def test_edges_carry_the_rows_and_their_places(organization: Organization) -> None:
    expected = await crowd(organization, 3)

    page = await one(organization, window(2, None, None, None))

    assert [edge.node.id for edge in page.edges] == expected[:2]
    assert (page.edges[0].cursor, page.edges[1].cursor) == (page.start_cursor, page.end_cursor)


async def test_the_pages_of_many_parents_are_one_statement(organization: Organization, statements: list[str]) -> None:
    organizations = [organization, *[await Organization.create(name=f"Other {n}") for n in range(29)]]
    expected = {each.id: await crowd(each, number % 5) for number, each in enumerate(organizations)}
    await Member.all().count()  # SQLite's reading connection opens with a statement of its own
    statements.clear()

    found = await pages(
        Member.all(), "organization_id", [each.id for each in organizations], window(3, None, None, None)
    )
    totals = await counts(Member.all(), "organization_id", [each.id for each in organizations])

    assert len(statements) == 2
    assert {key: keys(page) for key, page in found.items()} == {key: rows[:3] for key, rows in expected.items()}
    assert {key for key, page in found.items() if page.has_next_page} == {
        key for key, rows in expected.items() if len(rows) > 3
    }
    assert totals == {key: len(rows) for key, rows in expected.items() if rows}


async def test_more_parents_than_one_statement_takes_are_several(
    organization: Organization, statements: list[str]
) -> None:
    expected = await crowd(organization, 1)
    absent = [UUID(int=number) for number in range(150)]
    await Member.all().count()
    statements.clear()

    found = await pages(Member.all(), "organization_id", [*absent, organization.id], Window())

    assert len(statements) == 2
    assert {key: keys(page) for key, page in found.items() if page.nodes} == {organization.id: expected}
    assert len(found) == 151


async def test_a_narrowed_list_is_paged_by_its_own_rows(organization: Organization) -> None:
    expected = await crowd(organization, 4)
    narrowed = Member.filter(email__in=[f"m{n}@{organization.id}" for n in (1, 3)])

    found = await pages(narrowed, "organization_id", [organization.id], window(1, None, None, None))

    assert (keys(found[organization.id]), found[organization.id].has_next_page) == ([expected[1]], True)


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
