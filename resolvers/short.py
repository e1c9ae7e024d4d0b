"""The short way in: what can be said to a usual request for a document that is known, without Strawberry or Starlette.

Whatever is unusual about the request, its headers, its body or its answer goes the long way, in the same words as ever.
What has been read of the request, and what was done for it, goes with it: nothing is charged or executed twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from starlette.types import Receive, Scope, Send

import errors
from models import Actor, reading
from models.together import moment
from resolvers import over_http
from resolvers.context import Context
from resolvers.over_http import JSON, RESPONSE_JSON, Asked, Refusal, raw_headers
from schema.masking import logged
from services import credentials
from services.site import Site

CONTEXT = "admit.context"  # in a request's scope: the context in which it was begun to be answered
_ASKED = "admit.asked"  # what it asks for, if that has been read
_USUAL = "admit.usual"  # how it is answered, if its head has come before
_CAME = "admit.came"  # when all of it was here
BODY = "admit.body"  # the whole body, if nobody has to receive it
GIVEN = "admit.given"  # what `given` has come to, if that has been asked already

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

_UNUSUAL = frozenset({b"content-encoding", b"transfer-encoding", b"admit-show-tier"})


class Door(Protocol):
    """What the long way and the short way share: see resolvers/door.py."""

    site: Site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Talk over a socket."""

    def knows(self, text: str) -> bool:
        """Whether the document is known to be valid."""

    def context_for(self, address: str) -> Context:
        """The surroundings of an operation, nobody's yet."""

    async def quickly(self, asked: Asked, context: Context) -> bytes | None:
        """The answer, if it is plain success."""

    def at_once(self, asked: Asked, prints: Sequence[str], begun: dict[str, Any]) -> bytes | None:
        """The answer to whoever sends the secret with these fingerprints, if nobody has to be waited for."""


class Sent(Protocol):
    """The head of a request, which may come again: see web/heads.py."""

    head: Any  # what it has in common with others
    usual: Any

    @property
    def authorization(self) -> str | None:
        """What it says of who sends it, if that is a token."""


class Usual(NamedTuple):
    """A usual request: with what headers it is answered, who sends it, and from what page.

    `prints` are the fingerprints of the API key's secret that is in a head which may come again.
    """

    headers: Headers
    authorization: str | None
    origin: str | None
    prints: Sequence[str] | None = None


class Given(NamedTuple):
    """An answer."""

    status: int
    headers: Headers
    body: bytes


class Short:
    """Answers what it can. `is_ours` says whether a Host is served here, `headers` are on every answer; pages of these
    `origins` may read answers, with these of their headers `exposed`; a body has at most `body_bytes`. `is_direct` says
    whether connections are the clients' own, and not a proxy's.
    """

    def __init__(  # noqa: PLR0913  settings, by name
        self,
        door: Door,
        *,
        is_ours: Callable[[str], bool],
        headers: Mapping[str, str],
        origins: Collection[str],
        exposed: Sequence[str],
        body_bytes: int,
        is_direct: bool,
    ) -> None:
        self.door, self._is_direct = door, is_direct
        self._is_ours = lru_cache(1_000)(is_ours)
        self._origins, self._exposed, self._bytes = frozenset(origins), ", ".join(exposed), body_bytes
        self._ours = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self.headers = cache(self._headers)

    def at_once(self, sent: Sent, body: bytes, begun: dict[str, Any]) -> tuple[Headers, bytes] | None:
        """The headers and the body of the answer to a whole request, if it is plain success that is not waited for.

        None leaves the request to a call, in whose scope belongs what has been `begun` by then.
        """
        usual: Usual = sent.usual
        if usual is None:
            usual = sent.usual = self._recognised(sent.head.usual, sent.authorization)
        if len(body) > self._bytes:
            return None
        if usual.prints is not None and (answer := self._answered(usual.prints, body, begun)) is not None:
            return usual.headers, answer
        begun[_USUAL], begun[_CAME], begun[BODY] = usual, moment(), body
        return None

    def _answered(self, prints: Sequence[str], body: bytes, begun: dict[str, Any]) -> bytes | None:
        try:
            begun[_ASKED] = asked = over_http.asked(over_http.decode(body))
            return self.door.at_once(asked, prints, begun)
        except (Refusal, json.JSONDecodeError, errors.Rejected, reading.Unanswered):
            return None
        except Exception as bug:  # the long way says what there is to say, perhaps another number of this
            logged(bug)
            return None

    def _recognised(self, usual: Usual, authorization: str | None) -> Usual:
        """As a request with a head that is known is answered to whoever sends it this time."""
        sender, prints = authorization or usual.authorization, None
        with suppress(errors.Unauthenticated):
            prints = None if sender is None else credentials.prints_in(self.door.site, sender)
        return Usual(usual.headers, sender, usual.origin, prints)

    def is_usual_socket(self, scope: Scope) -> bool:
        """Whether a socket may go straight to the door."""
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        return scope["path"] == "/graphql" and len(hosts) == 1 and self._is_ours(hosts[0])

    def usual(self, scope: Scope) -> Usual | None:
        """How a usual request is answered; None for an unusual one."""
        if (known := scope.get(_USUAL)) is not None:
            return cast("Usual", known)
        if scope["type"] != "http" or scope["path"] != "/graphql" or scope["method"] != "POST":
            return None
        headers = dict(scope["headers"])
        if len(headers) != len(scope["headers"]) or not _UNUSUAL.isdisjoint(headers):
            return None
        length = headers.get(b"content-length", b"")
        if not length.isdigit() or len(length) > 9 or int(length) > self._bytes:
            return None
        if not _is_json(headers.get(b"content-type", b"")) or not self._is_ours(
            headers.get(b"host", b"").decode("latin-1")
        ):
            return None
        media = _media_of(headers.get(b"accept"))
        sender, origin = (_text(headers.get(name)) for name in (b"authorization", b"origin"))
        if media is None or (origin is not None and origin not in self._origins):
            return None
        return Usual(self.headers(media, origin), sender, origin)

    def _headers(self, media: str, origin: str | None) -> Headers:
        """Those of an answer in this form to a page of this origin, with what Starlette's CORS middleware says."""
        usual = ((name, value + b", Origin" if name == b"vary" else value) for name, value in raw_headers(media))
        if origin is None:
            return (*usual, *self._ours)
        allowed = (b"access-control-allow-origin", origin.encode("latin-1"))
        return (*usual, *self._ours, (b"access-control-expose-headers", self._exposed.encode()), allowed)

    async def later(self, scope: Scope) -> tuple[Headers, bytes] | None:
        """As `at_once`, of a request that was begun there, where somebody has to be waited for.

        The scope needs no more than the client's address. None leaves the request to a call, in whose scope belongs all
        that is in this one by then.
        """
        if not self._is_direct or BODY not in scope:  # a body that is too long says so by the long way
            return None
        scope[GIVEN] = given = await self.given(scope, scope[BODY], scope[_USUAL])
        return (given.headers, given.body) if given is not None and given.status == 200 else None

    async def given(self, scope: Scope, body: bytes, usual: Usual) -> Given | None:
        """The answer to a usual request with this body; None leaves it to Starlette."""
        if GIVEN in scope:
            return cast("Given | None", scope[GIVEN])
        try:
            answer = await self.answer(scope, body, usual)
        except Exception as bug:  # whatever it is, the client learns its id and nothing else
            broken = Refusal(500, f"Something went wrong here: {logged(bug)}.", "INTERNAL").response
            return Given(500, self.headers(JSON, usual.origin), bytes(broken.body))
        return None if answer is None else Given(200, usual.headers, answer)

    async def answer(self, scope: Scope, body: bytes, usual: Usual) -> bytes | None:
        """The answer to a usual request with this body, if it is plain success."""
        try:
            asked = scope.get(_ASKED) or over_http.asked(over_http.decode(body))
            if not self.door.knows(asked.query):
                return None
            context = scope.get(CONTEXT)
            address = scope["client"][0] if scope.get("client") else ""
            if context is None:
                context = self.door.context_for(address)
                context.actor = await self._sender(usual, scope.get(_CAME))
                scope[CONTEXT] = context
            context.address = address
        except (Refusal, json.JSONDecodeError, errors.Rejected):
            return None
        return await self.door.quickly(asked, context)

    async def _sender(self, usual: Usual, came: int | None) -> Actor:
        if usual.prints is not None:
            return await credentials.by_prints(self.door.site, usual.prints, came)
        return await credentials.authenticate(self.door.site, usual.authorization)


def forget(scope: Scope) -> None:
    """Leave nothing in the request's scope of what was read for it: its connection keeps the scope until the next."""
    for known in (CONTEXT, _ASKED, BODY, GIVEN):
        scope.pop(known, None)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


@lru_cache(1_000)
def _is_json(content_type: bytes) -> bool:
    return over_http.is_json(content_type.decode("latin-1"))


@lru_cache(1_000)
def _media_of(accept: bytes | None) -> str | None:
    media = over_http.accepted(None if accept is None else accept.decode("latin-1"), (JSON, RESPONSE_JSON))
    return media[0] if media else None
