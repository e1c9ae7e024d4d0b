"""GraphiQL in a browser that reaches nothing but our server: its examples run, and the subscription is live."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from settings import Settings
from tests.conftest import serving
from tests.hall import open_hall, site_of
from tests.listening import until
from tests.world import Clock, Door

pytestmark = pytest.mark.browser


async def test_runs_a_query_and_a_subscription_with_nothing_but_our_server(
    settings: Settings, clock: Clock, window: BrowserContext
) -> None:
    async with serving(settings) as (base_url, app), httpx.AsyncClient(base_url=base_url) as client:
        hall = await open_hall(app, Door(client))
        page = await window.new_page()
        elsewhere = await _confine(page, base_url)
        result = page.locator(".result-window")

        await page.goto(
            f"{base_url}/graphql#token={hall.owner.token}&task={hall.task['id']}&ticket={hall.ticket['id']}"
        )
        await _run(page, "Organization")
        await expect(result).to_contain_text('"invitationCode"')
        await _run(page, "TestSessionStatusChanged")
        await expect(page.locator(".graphiql-execute-button[aria-label^=Stop]")).to_be_visible()
        await until(lambda: site_of(app).pulse.followers == 1)
        await hall.start()

        await expect(result).to_contain_text('"status": "ACTIVE"')
        assert elsewhere == []
        assert "token" not in page.url


async def _confine(page: Page, base_url: str) -> list[str]:
    """Refuse every request that is not for our server; returns the list of those that were tried."""
    tried: list[str] = []

    async def judge(route: Route) -> None:
        if urlsplit(route.request.url).netloc == urlsplit(base_url).netloc or route.request.url.startswith("data:"):
            await route.continue_()
        else:
            tried.append(route.request.url)
            await route.abort()

    await page.route("**/*", judge)
    return tried


async def _run(page: Page, name: str) -> None:
    """Run the example of this name; GraphiQL takes half a second to notice which operation a tab holds."""
    await page.get_by_role("tab", name=name).click()
    await page.wait_for_function("name => sessionStorage.getItem('graphiql:operationName') === name", arg=name)
    await page.locator(".graphiql-execute-button").click()
