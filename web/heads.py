"""Heads of requests that come again: what was parsed once, and found to be in order, is not parsed again.

The clients of a page send the same head but for the length of the body and the token of who sends it, and a program
sends the same one for hours.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from web.http_answer import Headers

_END = b"\r\n\r\n"
_VARIES = re.compile(
    rb"\r\n(?:content-length: ?(?P<length>[0-9]{1,9})|authorization: ?bearer (?P<token>[!-~]{1,4096}))(?=\r\n)",
    re.IGNORECASE,
)
_DIGITS = 9
_MOST = 65_536  # bytes of a request; a larger one is not held up by its head
_LONGEST = 4_096  # bytes of a head that is kept
_KEPT = 500  # those that came last
_OWN = frozenset({"state", "extensions", "client", "server"})  # of a scope, not its head's


class Short(Protocol):
    """The short way to an answer: see resolvers/short.py."""

    def usual(self, scope: Any) -> Any:
        """How a usual request is answered; None for an unusual one."""

    def at_once(self, sent: Sent, body: bytes, begun: dict[str, Any]) -> tuple[Headers, bytes] | None:
        """The headers and the body of the answer to a whole request, if nobody has to be waited for.

        Otherwise in the scope of the request belongs what has been `begun` by then.
        """


class Cut(NamedTuple):
    """A whole request in pieces: of the head what is around the `length` of the body and the `token`, if it has one."""

    pieces: tuple[bytes, ...]
    length: tuple[int, int]
    token: bytes
    end: int

    @classmethod
    def of(cls, request: bytes) -> Cut | None:
        """If it is one whole request whose end can be told without parsing it."""
        end = request.find(_END)
        if not 0 < end < _LONGEST or len(request) > _MOST:
            return None
        pieces, at, length, token = [], 0, None, b""
        for found in _VARIES.finditer(request, 0, end + 2):
            which = found.lastgroup or ""
            if (length if which == "length" else token or None) is not None:
                return None
            begins, ends = found.span(which)
            if which == "length":
                length = begins, ends
            else:
                token = request[begins:ends]
            pieces.append(request[at:begins])
            at = ends
        end += len(_END)
        if length is None or int(request[slice(*length)]) != len(request) - end:
            return None
        return cls((*pieces, request[at:end]), length, token, end)


class Head:
    """What such requests have in common; `usual` is how they are answered."""

    def __init__(self, scope: Mapping[str, Any], token: bytes, usual: Any) -> None:
        self.usual = usual
        self._scope = {name: scope[name] for name in scope.keys() - _OWN}
        named = {name: at for at, (name, _) in enumerate(scope["headers"])}
        self._length, self._token = named[b"content-length"], named[b"authorization"] if token else None
        self.scheme = scope["headers"][self._token][1].removesuffix(token) if self._token is not None else b""

    def scope(self, body: bytes, token: bytes) -> dict[str, Any]:
        """What ASGI says of a request with this body and token, but for its connection."""
        headers = self._scope["headers"].copy()
        headers[self._length] = (b"content-length", b"%d" % len(body))
        if self._token is not None:
            headers[self._token] = (b"authorization", self.scheme + token)
        return {**self._scope, "headers": headers}


class Sent:
    """A head as one client sends it, which may come again with another body; `usual` is for whoever answers."""

    def __init__(self, head: Head, request: bytes, cut: Cut) -> None:
        self.head, self.token = head, cut.token
        begins, ends = cut.length
        self._before, self._after = request[:begins], request[ends : cut.end]
        self.usual: Any = None

    @property
    def authorization(self) -> str | None:
        """What it says of who sends it, if that is a token."""
        return (self.head.scheme + self.token).decode("latin-1") if self.token else None

    def body_in(self, request: bytes) -> bytes | None:
        """The body, if this is the same head with the length of the body that is here, whole and alone."""
        if not request.startswith(self._before) or len(request) > _MOST:
            return None
        at = len(self._before)
        ends = request.find(b"\r", at, at + _DIGITS + 1)
        if ends < 0 or not request.startswith(self._after, ends):
            return None
        digits, body = request[at:ends], request[ends + len(self._after) :]
        return body if digits.isdigit() and int(digits) == len(body) else None

    def scope(self, body: bytes) -> dict[str, Any]:
        """What ASGI says of the request, but for its connection."""
        return self.head.scope(body, self.token)


class Heads:
    """The heads of usual requests that came last, of all connections. `short` is asked first what to answer to them."""

    def __init__(self, short: Short) -> None:
        self.short = short
        self._known: OrderedDict[tuple[bytes, ...], Head] = OrderedDict()

    def sent(self, request: bytes) -> tuple[Sent, bytes] | None:
        """The head of the request, if it is known, and the body."""
        cut = Cut.of(request)
        head = self._known.get(cut.pieces) if cut else None
        if cut is None or head is None:
            return None
        self._known.move_to_end(cut.pieces)
        return Sent(head, request, cut), request[cut.end :]

    def keep(self, request: bytes, scope: Mapping[str, Any]) -> None:
        """Know the head of this request from now on, which was parsed into this scope, if it is usual."""
        cut = Cut.of(request)
        usual = self.short.usual(scope) if cut else None
        if cut is None or usual is None:
            return
        self._known[cut.pieces] = Head(scope, cut.token, usual)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
