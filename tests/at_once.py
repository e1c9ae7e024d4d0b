"""Requests that come whole, and which way they were answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from models import database
from resolvers.short import Short
from settings import Settings
from tests.attacks.wire import Answer, Wire
from tests.world import Door


def posted(fields: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    """A request to the endpoint."""
    body = orjson.dumps(fields)
    lines = {"Host": "127.0.0.1", **headers, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return b"POST /graphql HTTP/1.1\r\n%b\r\n%b" % (head.encode(), body)


def wire_to(door: Door) -> Wire:
    """A connection to the server."""
    return Wire(int(door.base_url.rpartition(":")[2]))


def told(answer: Answer) -> Any:
    """An answer without what each request changes: the date, and what the bucket holds."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "content-length")}
    body: Any = answer.body
    if "json" in answer.headers["content-type"]:
        body = orjson.loads(body)
        body.get("extensions", {}).get("cost", {}).pop("throttleStatus", None)
    return answer.status, headers, body


def waits(settings: Settings) -> bool:
    """Whether the database has to be waited for."""
    return not database.is_sqlite(settings.database_url)


class Ways:
    """Which ways were tried since, and whether each led to an answer."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.tried: list[tuple[str, bool]] = []
        answer, at_once = Short.answer, Short.at_once

        async def answering(short: Short, *of: Any) -> Any:
            return self._note("quick", await answer(short, *of))

        def answering_at_once(short: Short, *of: Any) -> Any:
            return self._note("at once", at_once(short, *of))

        patch.setattr(Short, "answer", answering)
        patch.setattr(Short, "at_once", answering_at_once)

    def _note(self, way: str, answer: Any) -> Any:
        self.tried.append((way, answer is not None))
        return answer

    @property
    def taken(self) -> list[str]:
        """Those that led to one."""
        return [way for way, led in self.tried if led]
