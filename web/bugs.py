"""Where an exception that nobody expected ends: as a page with a number, inside of what guards every answer."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web import pages


class Bugs:
    """Answers 500 for a route that broke. Starlette does so outside of every middleware, without their headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answered = False

        async def sending(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as bug:
            apology = pages.broken(Request(scope), bug)
            if answered:  # half of it is gone already: the connection breaks, and that tells
                raise
            await apology(scope, receive, send)
