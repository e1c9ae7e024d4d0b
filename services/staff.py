"""The cookie by which a browser on the staff's side stays signed in: it names a log-in and is no token itself.

A refresh token is good once, so two tabs would end each other's log-in with it. The cookie is signed for one purpose,
is checked against its log-in each time, and is exchanged for short-lived access tokens as often as tabs need them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import errors
from models import Login, Member, Organization, clock
from services import accounts, log_outs
from services.accounts import SignedIn
from services.site import Site

COOKIE = "staff"


def cookie_for(site: Site, signed_in: SignedIn) -> tuple[str, datetime]:
    """The cookie of somebody who has just signed in, and when it stops counting."""
    claims = site.keys.verify(accounts.REFRESH, signed_in.refresh_token, clock.now())
    until = datetime.fromtimestamp(claims["exp"], UTC)
    return site.keys.sign(COOKIE, {"sub": claims["sub"]}, until), until


async def holder(site: Site, cookie: str) -> tuple[Organization, Member]:
    """Whose log-in the cookie names. Raises Unauthenticated when it does not count."""
    login = await _login(site, cookie)
    return await Organization.own(login.member.actor), login.member


async def access(site: Site, cookie: str) -> tuple[str, datetime]:
    """A new access token of the cookie's log-in, and when it stops counting. Raises Unauthenticated."""
    token, _refresh = accounts.tokens(site, await _login(site, cookie))
    claims = site.keys.verify(accounts.ACCESS, token, clock.now())
    return token, datetime.fromtimestamp(claims["exp"], UTC)


async def sign_out(site: Site, cookie: str) -> None:
    """End the cookie's log-in, and with it every token and stream of it. Raises Unauthenticated when it has ended."""
    login = await _login(site, cookie)
    await accounts.log_out(site, replace(login.member.actor, credential_id=login.id), None)


async def sign_out_everywhere(site: Site, cookie: str) -> None:
    """End every log-in of the cookie's member, this one too. Raises Unauthenticated when it has ended."""
    login = await _login(site, cookie)
    await log_outs.everywhere(login.member.actor)


async def _login(site: Site, cookie: str) -> Login:
    claims = site.keys.verify(COOKIE, cookie, clock.now())
    login = await Login.by_id(UUID(claims["sub"]))
    if login is None or not login.is_live(clock.now()):
        raise errors.Unauthenticated
    return login
