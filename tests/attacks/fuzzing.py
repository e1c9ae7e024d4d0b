"""Requests and frames that are almost right: what an honest client sends, spoilt in a few places by a seeded hand."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

TEXTS = [
    "",
    "\x00",
    "\ud800",
    "\udfff",
    "\u202e",
    "\ufeff",
    "\x1b[31m",
    "'; DROP TABLE ticket; --",
    "%00%ff%0d%0a",
    "../../etc/passwd",
    "{{7*7}}",
    "<script>",
    "=cmd()",
    "é" * 5_000,
    "x" * 40_000,
    "9" * 5_000,
    "null",
    "__proto__",
    "\r\nSet-Cookie: a=b",
]
NUMBERS = [0, -1, 2**31, -(2**31) - 1, 2**53, 2**63, 2**64, 10**10, 10**400, 1e308, -0.0, 5e-324]
ODD: list[Any] = [None, True, False, [], {}, [[]], {"": ""}, [None], {"__typename": "x"}]
METHODS = ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "post", "X", "GET\x00", "É"]
TYPES = [
    "",
    "text/plain",
    "application/json",
    "application/json; charset=utf-16",
    'application/json; charset="',
    "application/graphql",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    FORM,
    "application/x-www-form-urlencoded; charset=utf-7",
    ";;;",
    "*/*",
    "application/json" * 400,
    "\xff\xfe",
]
ACCEPTS = [
    "",
    "*/*",
    "text/html",
    "text/event-stream",
    "application/graphql-response+json",
    "application/json;q=0",
    "application/json;q=x",
    "a/b;q=0.5,,;=",
    "*",
    "application/json;q=1e999",
    "application/json;q=nan",
    "text/event-stream, application/json",
]
HEADERS = [
    ("authorization", "Bearer"),
    ("authorization", "Bearer " + "x" * 5_000),
    ("authorization", "Basic Og=="),
    ("authorization", "\xff"),
    ("authorization", "Bearer eyJhbGciOiJub25lIn0.e30."),
    ("cookie", "candidate=x; staff=\xff"),
    ("cookie", "=;=;;;="),
    ("cookie", "a" * 7_000),
    ("content-encoding", "gzip"),
    ("content-encoding", "br, br"),
    ("expect", "100-continue"),
    ("expect", "x"),
    ("host", "evil.example"),
    ("host", "x" * 300),
    ("x-forwarded-for", "1.2.3.4, ,\xff"),
    ("x-forwarded-proto", "javascript"),
    ("origin", "null"),
    ("origin", "\xff"),
    ("sec-fetch-site", "cross-site"),
    ("if-none-match", '"'),
    ("if-modified-since", "x"),
    ("range", "bytes=9-1,-,x"),
    ("range", "bytes=0-" * 50),
    ("x-csrf-token", "\x80"),
    ("upgrade", "h2c"),
    ("upgrade", "websocket"),
    ("connection", "upgrade"),
    ("accept-language", "*" * 999),
    ("traceparent", "x"),
    ("x" * 200, "y"),
    ("x-nul", "a\x00b"),
    ("x y", "z"),
    ("sec-purpose", "prefetch"),
]


@dataclass(frozen=True)
class Asked:
    """A request as its parts; `body` is a value for JSON, pairs for a form, or bytes."""

    method: str
    path: str
    headers: Sequence[tuple[str, str]] = ()
    body: Any = b""
    media: str = ""

    def written(self) -> bytes:
        """The body's bytes. A surrogate is escaped in JSON and percent-encoded in a form."""
        if isinstance(self.body, bytes):
            return self.body
        if self.media == FORM and isinstance(self.body, dict):
            return urlencode(self.body, errors="surrogatepass").encode()
        return json.dumps(self.body).encode()


@dataclass
class Hand:
    """The seeded hand: the same number spoils the same thing in the same way."""

    number: int
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.number)  # noqa: S311  nothing is hidden by it

    def spoils(self, asked: Asked) -> bytes:
        """The bytes of a request of which one to three things are wrong; one in ten is as it should be."""
        method, path, media = asked.method, asked.path, asked.media
        headers, body = list(asked.headers), asked.body
        for _ in range(self.chance.choice([0, 1, 1, 1, 1, 1, 1, 2, 2, 3])):
            match self.chance.choice(
                ["value", "value", "value", "value", "bytes", "bytes", "path", "method", "type", "header"]
            ):
                case "value" if not isinstance(body, bytes):
                    body = self.spoilt_value(body)
                case "value" | "path":
                    path = self.spoilt_path(path)
                case "bytes":
                    body = self.spoilt_bytes(Asked(method, path, (), body, media).written())
                case "method":
                    method = self.chance.choice(METHODS)
                case "type":
                    media = self.chance.choice(TYPES)
                case "header":
                    headers.append(self.chance.choice([*HEADERS, *(("accept", one) for one in ACCEPTS)]))
        return self.framed(method, path, headers, Asked(method, path, (), body, asked.media).written(), media)

    def framed(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes, media: str) -> bytes:
        """The request as it goes over the wire, its length told truly, or in chunks."""
        head = [("host", "127.0.0.1"), *headers, *([("content-type", media)] if media else [])]
        if body and self.chance.random() < 0.1:
            head.append(("transfer-encoding", "chunked"))
            half = len(body) // 2
            parts = [part for part in (body[:half], body[half:]) if part]
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        elif body or method == "POST":
            head.append(("content-length", str(len(body))))
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head), "", ""]
        return "\r\n".join(lines).encode("latin-1", "replace") + body

    def spoilt_value(self, value: Any) -> Any:
        """The same value with something else somewhere in it."""
        match value:
            case dict() if value and self.chance.random() < 0.9:
                name = self.chance.choice(list(value))
                match self.chance.random():
                    case low if low < 0.08:
                        return {key: inner for key, inner in value.items() if key != name}
                    case low if low < 0.15:
                        return {**value, self.chance.choice(TEXTS): value[name]}
                return {**value, name: self.spoilt_value(value[name])}
            case list() if value and self.chance.random() < 0.9:
                at = self.chance.randrange(len(value))
                if self.chance.random() < 0.1:
                    return value * self.chance.choice([2, 50])
                return [*value[:at], self.spoilt_value(value[at]), *value[at + 1 :]]
            case str() if value and self.chance.random() < 0.5:
                return self.spoilt_text(value)
        if self.chance.random() < 0.05:
            return self.nested(self.chance.choice([20, 200, 900]))
        return self.chance.choice([*TEXTS, *NUMBERS, *ODD])

    def nested(self, levels: int) -> Any:
        """A list in a list in a list."""
        value: Any = 1
        for _ in range(levels):
            value = [value] if self.chance.random() < 0.5 else {"a": value}
        return value

    def spoilt_text(self, text: str) -> str:
        """The text with a piece put in, taken out, or told twice."""
        at = self.chance.randrange(len(text))
        to = min(len(text), at + self.chance.randrange(1, 30))
        match self.chance.randrange(3):
            case 0:
                return text[:at] + self.chance.choice(TEXTS) + text[at:]
            case 1:
                return text[:at] + text[to:]
        return text[:to] + text[at:to] * self.chance.choice([1, 40]) + text[to:]

    def spoilt_bytes(self, body: bytes) -> bytes:
        """The bytes with some changed: flipped, doubled, cut short, or replaced by what is no UTF-8 and no JSON."""
        at = self.chance.randrange(len(body) + 1)
        junk = self.chance.choice(
            [
                b"\xff",
                b"\x00",
                b"\xed\xa0\x80",
                b"\\ud800",
                b"{",
                b"]" * 9,
                b"9" * 5_000,
                b"[" * 50_000,
                b"\r\n\r\n",
                b"#",
                b'"""',
                b"%ff%00",
            ]
        )
        match self.chance.randrange(5):
            case 0:
                return body[:at]
            case 1:
                return body[:at] + junk + body[at:]
            case 2:
                return body[:at] + bytes(b ^ 1 << self.chance.randrange(8) for b in body[at : at + 3]) + body[at + 3 :]
            case 3:
                return body * 2
        return self.chance.choice([junk, b"null", b'"x"', b"1", b"[]", b"{}", b"\xef\xbb\xbf{}", b" " * 110_000])

    def spoilt_path(self, path: str) -> str:
        """The path with something strange in it."""
        strange = [
            "%00",
            "%ff",
            "%2f",
            "%2e%2e/",
            "//",
            "/../",
            "?",
            "?a=%",
            "\\",
            "%",
            ";",
            "é",
            "%ed%a0%80",
            "x" * 3_000,
            "?query={a}",
            "%0d%0aa:b",
        ]
        at = self.chance.randrange(1, len(path) + 1)
        return path[:at] + self.chance.choice(strange) + (path[at:] if self.chance.random() < 0.5 else "")
