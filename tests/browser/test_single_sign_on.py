"""Somebody signs in with the organization's own accounts, at another site, in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, expect

from tests.elsewhere import configured
from tests.provider import provider
from tests.world import PASSWORD, Door

pytestmark = pytest.mark.browser


async def test_going_to_the_provider_and_back_lands_on_the_dashboard(live: Door, window: BrowserContext) -> None:
    # `localhost` is another site than 127.0.0.1, where Admit is: the browser keeps strict cookies from its doings
    async with provider("localhost") as idp:
        idp.metadata["authorization_endpoint"] = f"{idp.issuer}/authorize?prompt=button"
        owner = await live.sign_up("Hill School")
        idp.person["email"] = owner.known["member"]["email"]
        start = await configured(owner, idp)
        page = await window.new_page()
        blocked: list[str] = []
        page.on("console", lambda said: blocked.append(said.text) if "Content Security" in said.text else None)

        await page.goto(f"{live.base_url}/dashboard")
        await page.get_by_text("Sign in with your organization's own accounts").click()
        await page.get_by_label("Your organization's sign-in link").fill(start)
        await page.get_by_role("button", name="Continue").click()
        await page.get_by_role("link", name="Go on to your organization").click()
        await page.get_by_role("link", name="Continue").click()

        await page.wait_for_url(f"{live.base_url}/dashboard")
        await expect(page.get_by_text("Olive Owner")).to_be_visible()
        assert page.url == f"{live.base_url}/dashboard"
        assert blocked == []
        assert {cookie["name"] for cookie in await window.cookies()} == {"staff"}


async def test_a_password_of_an_enforced_organization_leads_there(live: Door, window: BrowserContext) -> None:
    async with provider("localhost") as idp:
        owner = await live.sign_up("Hill School")
        idp.person["email"] = owner.known["member"]["email"]
        start = await configured(owner, idp)
        page = await window.new_page()
        await page.goto(start)  # which proves it
        await page.wait_for_url(f"{live.base_url}/dashboard")
        await page.goto("about:blank")  # before it is enforced, for then the dashboard goes to sign in by itself
        await configured(owner, idp, clientSecret=None, enforced=True)
        await window.clear_cookies()

        await page.goto(f"{live.base_url}/sign-in")
        await page.get_by_label("E-mail").fill(owner.known["member"]["email"])
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("link", name="Go on to your organization").click()

        await page.wait_for_url(f"{live.base_url}/dashboard")
        await expect(page.get_by_text("Olive Owner")).to_be_visible()
