"""Signing in with an organization's own accounts, as tests do it: configured, begun, and come back."""

from __future__ import annotations

from typing import Any

import httpx

from tests.provider import CLIENT_ID, CLIENT_SECRET, Provider
from tests.world import Door

CONFIGURE = """
mutation ($input: ConfigureSignInInput!) {
  configureSignIn(input: $input) {
    __typename
    ... on ConfigureSignInSuccess { settings { signIn {
      issuer clientId allowedDomains defaultRole enforced startUrl callbackUrl
    } } }
    ... on Refusal { message }
    ... on InvalidInput { field }
    ... on TooManyRows { limit }
  }
}
"""


async def configure(owner: Door, provider: Provider, **over: Any) -> Any:
    """Let the organization's members sign in at this provider: the answer."""
    wanted = {"issuer": provider.issuer, "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
    return await owner.mutate(CONFIGURE, **{**wanted, **over})


async def configured(owner: Door, provider: Provider, **over: Any) -> str:
    """The same, done: the address where its members begin."""
    made = await configure(owner, provider, **over)
    assert made["__typename"] == "ConfigureSignInSuccess", made
    start: str = made["settings"]["signIn"]["startUrl"]
    return start


async def leave(browser: httpx.AsyncClient, start: str) -> str:
    """Begin: the provider's address that the browser is sent to."""
    answer = await browser.get(start)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def through(there: str) -> str:
    """What the provider makes of it: the address that the browser is sent back to."""
    async with httpx.AsyncClient() as elsewhere:
        answer = await elsewhere.get(there)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def arrive(browser: httpx.AsyncClient, start: str) -> httpx.Response:
    """The whole way there and back: the page that the browser sees then."""
    return await browser.get(await through(await leave(browser, start)))


async def signed_in_as(browser: httpx.AsyncClient) -> str | None:
    """Who the dashboard greets; None when it does not let the browser in."""
    answer = await browser.get("/dashboard")
    return answer.text if answer.status_code == 200 else None
