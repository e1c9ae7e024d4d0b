"""Debian's Chromium, driven by Playwright, shown nothing but our own server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# no sandbox, for CI runs as root; and the browser itself asks nobody outside
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = not Path(CHROMIUM).exists() and os.environ.get("CI") != "true"


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser of its own for each test; without Chromium a test is skipped here, and fails in CI."""
    if MISSING:
        pytest.skip(f"{CHROMIUM} is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def window(chromium: Browser) -> AsyncIterator[BrowserContext]:
    """A person's browser: cookies of its own, 1360 × 860, light."""
    context = await chromium.new_context(viewport={"width": 1360, "height": 860}, color_scheme="light", locale="en-GB")
    yield context
    await context.close()
