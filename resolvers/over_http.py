"""GraphQL over HTTP: what a request asks for and how its answer is written; nothing here executes anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response

import errors

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
PAGE = "text/html"
METHODS = "GET, POST"
_WHOLE = {kind.code: kind.status for kind in (errors.RateLimited, errors.QueryTooComplex, errors.Unavailable)}


FIXED = {"Cache-Control": "no-store", "Vary": "Accept", "X-Content-Type-Options": "nosniff"}
_RAW = {
    media: [
        (name.lower().encode(), value.encode())
        for name, value in {**FIXED, "Content-Type": f"{media}; charset=utf-8"}.items()
    ]
    for media in (JSON, RESPONSE_JSON)
}


class Refusal(Exception):
    """The request is refused before anything is executed: the status, one sentence, a code, perhaps headers."""

    def __init__(self, status: int, message: str, code: str = "BAD_REQUEST", **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers

    @property
    def response(self) -> Response:
        """The refusal in GraphQL's form, which every client accepts."""
        error = {"message": self.message, "extensions": {"code": self.code}}
        return answer(
            {"errors": [error]}, self.status, JSON, {name.replace("_", "-"): at for name, at in self.headers.items()}
        )


class Asked(NamedTuple):
    """One operation."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


def accepted(header: str | None, offered: Sequence[str]) -> list[str]:
    """Those of the offered media types that the Accept header allows, the preferred first; without a header all."""
    ranges = [_range(part) for part in (header or "*/*").split(",") if part.strip()]
    weighed = []
    for order, media in enumerate(offered):
        fits = [
            (_exactness(pattern), weight, -at)
            for at, (pattern, weight) in enumerate(ranges)
            if _matches(pattern, media)
        ]
        if fits and (best := max(fits))[1] > 0:
            weighed.append((-best[1], -best[0], -best[2], order, media))
    return [media for *_, media in sorted(weighed)]


def _range(part: str) -> tuple[str, float]:
    pattern, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return pattern, float(value)
            except ValueError:
                return pattern, 0.0
    return pattern, 1.0


def _matches(pattern: str, media: str) -> bool:
    return pattern in ("*/*", f"{media.partition('/')[0]}/*", media)


def _exactness(pattern: str) -> int:
    return 2 - pattern.count("*")


def wants_page(request: Request) -> bool:
    """Whether a browser has come to look, and asks nothing yet."""
    named = PAGE in request.headers.get("accept", "").lower()
    return request.method == "GET" and named and not request.query_params.get("query")


async def read(request: Request, limit: int) -> Asked:
    """What the request asks for. Raises Refusal for whatever is no GraphQL request of at most `limit` bytes."""
    if request.method == "GET":
        fields: Any = {name: value for name, value in request.query_params.items() if value}
        fields |= {name: _json(fields[name].encode()) for name in ("variables", "extensions") if name in fields}
    else:
        _check_type(request)
        fields = _json(await _body(request, limit))
    return asked(fields)


def is_json(content_type: str) -> bool:
    """Whether the Content-Type header says JSON in UTF-8."""
    media, *parameters = (piece.strip().lower() for piece in content_type.split(";"))
    charsets = [one.partition("=")[2].strip('"') for one in parameters if one.startswith("charset=")]
    return media == JSON and all(charset in ("utf-8", "utf8") for charset in charsets)


def _check_type(request: Request) -> None:
    if not is_json(request.headers.get("content-type", "")):
        raise Refusal(415, "Send application/json in UTF-8.", Accept=JSON)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refusal(415, "Send the body as it is, without compression.", Accept_Encoding="identity")


async def _body(request: Request, limit: int) -> bytes:
    too_large = Refusal(413, f"Send at most {limit:,} bytes.", Connection="close")
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or len(announced) > 15 or int(announced) > limit:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_large
    return bytes(body)


def _json(text: bytes) -> Any:
    try:
        return decode(text)
    except json.JSONDecodeError:
        raise Refusal(400, "The request is not JSON that can be read.") from None


def asked(fields: Any) -> Asked:
    """What a request with these fields asks for. Raises Refusal."""
    if isinstance(fields, list):
        raise Refusal(400, "Send one operation at a time: batches are not executed.")
    if not isinstance(fields, dict):
        raise Refusal(400, "Send an object with `query`, and perhaps `variables` and `operationName`.")
    query, name, variables = fields.get("query"), fields.get("operationName"), fields.get("variables")
    if not isinstance(query, str) or not query or query.isspace():
        raise Refusal(400, "`query` must be a GraphQL document.")
    if name is not None and not isinstance(name, str):
        raise Refusal(400, "`operationName` must be a string.")
    for part, value in ("variables", variables), ("extensions", fields.get("extensions")):
        if value is not None and not isinstance(value, dict):
            raise Refusal(400, f"`{part}` must be an object.")
    return Asked(query, variables, name or None)


def standing(body: Mapping[str, Any], *, refused: bool, media: str) -> tuple[int, dict[str, str]]:
    """The status of an answer, and when to come back with an answer that is nothing but a limit."""
    failures = body.get("errors", ())
    codes = {failure["extensions"]["code"] for failure in failures}
    if len(codes) == 1 and codes <= _WHOLE.keys() and not any((body.get("data") or {}).values()):
        waits = [failure["extensions"].get("retryAfter", 0) for failure in failures]
        return _WHOLE[codes.pop()], {"Retry-After": str(max(waits))} if any(waits) else {}
    return 400 if refused and media == RESPONSE_JSON else 200, {}


def answer(body: Mapping[str, Any], status: int, media: str, headers: Mapping[str, str] | None = None) -> Response:
    """See `written`."""
    return written(encode(body), status, media, headers)


def written(body: bytes, status: int, media: str, headers: Mapping[str, str] | None = None) -> Response:
    """A response that nobody keeps: answers hold links and codes."""
    return Response(body, status, {**FIXED, **(headers or {}), "Content-Type": f"{media}; charset=utf-8"})


def raw_headers(media: str) -> list[tuple[bytes, bytes]]:
    """The headers of an answer in this form as ASGI takes them, but for its length."""
    return _RAW[media]


def decode(text: str | bytes) -> Any:
    """JSON. Raises json.JSONDecodeError, also for what is too deep, too long a number, or no Unicode."""
    return orjson.loads(text)


def encode(data: object) -> bytes:
    """JSON. Integers of more than 64 bits, which a client may have put into a JSON scalar, need the slow way."""
    try:
        return orjson.dumps(data)
    except orjson.JSONEncodeError:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
