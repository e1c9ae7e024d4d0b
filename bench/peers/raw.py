"""A hand-written ASGI server: as little as stands between a socket and a database in Python."""

from __future__ import annotations

import os
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import uvicorn
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

Headers = Iterable[tuple[bytes, bytes]]
Answer = Callable[[dict[str, Any], Headers], Awaitable[bytes]]

ALPHABET = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_TABLE = bytes(ALPHABET[value % 31] for value in range(256))
_UNFAIR = bytes(range(248, 256))


def configured(answers: Mapping[str, Answer]) -> uvicorn.Config:
    """A server that answers each of these documents by its function."""

    async def app(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            raise TypeError("only HTTP is spoken here")
        if scope["path"] == "/healthz":
            body = b"ok"
        else:
            parts, more = [], True
            while more:
                event: Any = await receive()
                parts.append(event["body"])
                more = event["more_body"]
            asked = orjson.loads(b"".join(parts))
            answer = answers[asked["query"]]
            body = b'{"data":' + await answer(asked.get("variables") or {}, scope["headers"]) + b"}"
        length = str(len(body)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    port = int(os.environ["PORT"])
    return uvicorn.Config(app, port=port, log_level="warning", access_log=False, lifespan="off")


def bearer(headers: Headers) -> str:
    """The token of a request."""
    return next(value[7:].decode() for name, value in headers if name == b"authorization")


def now() -> str:
    """The moment as Admit writes it in SQLite."""
    return datetime.now(UTC).isoformat(" ")


def codes(count: int) -> list[str]:
    """Unpredictable invitation codes, from one draw."""
    wanted, text = 13 * count, b""
    while len(text) < wanted:
        text += secrets.token_bytes(wanted + wanted // 8 + 8).translate(_TABLE, _UNFAIR)
    return [text[at : at + 13].decode("ascii") for at in range(0, wanted, 13)]


def stored(code: str) -> str:
    """A code as it is stored."""
    return code.replace("-", "").upper()


def shown(code: str) -> str:
    """A code as people read it."""
    return f"{code[:4]}-{code[4:9]}-{code[9:]}"
