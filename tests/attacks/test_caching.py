"""No route's answer is kept by a browser or a proxy, tells another site where one came from, or runs foreign script."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from tests.world import Door

PUBLIC = ("/static/", "/graphql/assets/", "/.well-known/")  # holds nothing of anybody's


def addresses(app: Starlette) -> Iterator[str]:
    """One that fits each route."""
    for route in app.routes:
        if isinstance(route, Mount):
            yield f"{route.path}/site.css"
        elif isinstance(route, Route):
            yield (
                re.sub(r"{path(:path)?}", "site.css", route.path)
                if "{path" in route.path
                else re.sub(r"{\w+}", "x", route.path)
            )


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
async def test_nothing_is_kept_or_told_and_nothing_foreign_runs(method: str, app: Starlette, door: Door) -> None:
    answers = {address: await door.client.request(method, address) for address in addresses(app)}

    assert len(answers) > 20
    for address, answer in answers.items():
        caching, policy = answer.headers["cache-control"], answer.headers["content-security-policy"]
        keeps = answer.status_code == 200 and address.startswith(PUBLIC)
        assert caching.startswith("no-store") or keeps, address
        assert answer.headers["referrer-policy"] == "no-referrer", address
        assert answer.headers["x-content-type-options"] == "nosniff", address
        assert "default-src 'none'" in policy, address
        assert "frame-ancestors 'none'" in policy, address
        assert "unsafe" not in policy, address
