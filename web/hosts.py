"""Which names this installation answers to: nothing that a visitor puts into `Host` is repeated or believed."""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PROBES = ("/healthz", "/readyz")  # asked by address, by machines that know no name
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")


class Hosts:
    """Refuses requests for other hosts; the port is nobody's concern."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app, self._hosts = app, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is meant for us."""
        if scope["type"] == "lifespan" or scope["path"] in PROBES or self._is_ours(Headers(scope=scope)):
            await self._app(scope, receive, send)
        else:
            # said to the operator, too, who has forgotten a setting
            refused = "This host is not served here: BASE_URL and ALLOWED_HOSTS name those that are.\n"
            await PlainTextResponse(refused, 400)(scope, receive, send)

    def _is_ours(self, headers: Headers) -> bool:
        match headers.getlist("host"):
            case [host]:
                return is_among(self._hosts, host)
        return False


def is_among(hosts: Collection[str], host: str) -> bool:
    """Whether a Host header names one of these, whatever the port."""
    found = _HOST.fullmatch(host.lower())
    return found is not None and found[1] in hosts
