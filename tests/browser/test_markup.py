"""What people type stays text where the dashboard's script shows it."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, expect

from tests.attacks.test_markup import EVIL, MARK, organization, task_of
from tests.browser.test_dashboard import Hall, sign_in
from tests.world import Door

pytestmark = pytest.mark.browser


async def test_the_dashboard_makes_no_markup_of_what_people_type(live: Door, window: BrowserContext) -> None:
    owner = await organization(live)
    task, ticket = await task_of(owner)
    hall = Hall(owner, task, [ticket], await window.new_page())
    hall.page.on("console", lambda message: hall.complaints.append(message.text))
    hall.page.on("dialog", lambda dialog: hall.complaints.append(dialog.message))
    await sign_in(hall)
    await expect(hall.page.locator("#task-list")).to_contain_text(EVIL)
    sitter = await hall.sit()
    await sitter.submit()

    await hall.watch()
    row = hall.row(sitter)
    await expect(row.locator(".name")).to_have_text(f"Cleo {EVIL}")
    await expect(row.locator(".group")).to_have_text(EVIL)
    await row.get_by_role("button").click()
    await expect(hall.page.locator("tr.detail .ledger li")).to_have_count(1)

    await expect(hall.page.locator(MARK)).to_have_count(0)
    assert hall.complaints == []
