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
    rb"\r\n(?:(?i:content-length): ?(?P<length>[0-9]{1,9})|(?i:authorization: ?bearer) (?P<token>[!-~]+))(?=\r\n)"
)
_VISIBLE = bytes(range(ord("!"), ord("~") + 1))
_DIGITS = 9
_MOST = 65_536  # bytes of a request; a larger one is not held up by its head
LONGEST = 4_096  # bytes of a head that is kept
_KEPT = 500  # those that came last
_RECENT = 2  # of one connection
_OWN = frozenset({"state", "extensions", "client", "server"})  # of a scope, not its head's


class Short(Protocol):
    """The short way to an answer: see resolvers/short.py."""

    def usual(self, scope: Any) -> Any:
        """How a usual request is answered; None for an unusual one."""

    def at_once(self, sent: Sent, body: bytes, begun: dict[str, Any]) -> tuple[Headers, bytes] | None:
        """The headers and the body of the answer to a whole request, if nobody has to be waited for.

        Otherwise in the scope of the request belongs what has been `begun` by then.
        """

    async def later(self, scope: dict[str, Any]) -> tuple[Headers, bytes] | None:
        """The same, where somebody has to be waited for: what was begun, with the `client` who asks, is the scope."""


class Cut(NamedTuple):
    """A whole request in pieces: of the head what is around the `length` of the body and the `token`, if it has one."""

    pieces: tuple[bytes, ...]
    token: bytes
    body: bytes

    @classmethod
    def of(cls, request: bytes, longest: int = LONGEST) -> Cut | None:
        """If it is one whole request, with a head of so many bytes, whose end can be told without parsing it."""
        end = request.find(_END)
        if not 0 < end < longest or len(request) > _MOST:
            return None
        pieces, at, varies = [], 0, dict[str, bytes]()
        for found in _VARIES.finditer(request, 0, end + 2):
            which = found.lastgroup or ""
            if which in varies:
                return None
            begins, ends = found.span(which)
            pieces.append(request[at:begins])
            varies[which], at = request[begins:ends], ends
        end += len(_END)
        if "length" not in varies or int(varies["length"]) != len(request) - end:
            return None
        return cls((*pieces, request[at:end]), varies.get("token", b""), request[end:])


class Head:
    """What such requests have in common, whose heads have at most so many bytes; `usual` is how they are answered."""

    def __init__(self, cut: Cut, scope: Mapping[str, Any], usual: Any, longest: int = LONGEST) -> None:
        self.usual, self._pieces, self._longest, token = usual, cut.pieces, longest, cut.token
        self._scope = {name: scope[name] for name in scope.keys() - _OWN}
        named = {name: at for at, (name, _) in enumerate(scope["headers"])}
        self._length, self._token = named[b"content-length"], named[b"authorization"] if token else None
        self.scheme = scope["headers"][self._token][1].removesuffix(token) if self._token is not None else b""

    def cut(self, request: bytes) -> tuple[bytes, bytes] | None:
        """The token and the body of a whole request with this head, without looking for either."""
        first, *others = self._pieces
        if not request.startswith(first) or len(request) > _MOST:
            return None
        at, varies = len(first), []
        for piece in others:
            ends = request.find(b"\r", at, self._longest)
            if ends < 0 or not request.startswith(piece, ends):
                return None
            varies.append(request[at:ends])
            at = ends + len(piece)
        token = b"" if self._token is None else varies.pop(1 if self._token > self._length else 0)
        length, body = varies[0], request[at:]
        if at > self._longest or token.translate(None, _VISIBLE) or not (token or self._token is None):
            return None
        return (token, body) if len(length) <= _DIGITS and length.isdigit() and int(length) == len(body) else None

    def around(self, token: bytes) -> tuple[bytes, bytes]:
        """What is before the length of the body, and behind it, if this is the token."""
        first, last = self._pieces[0], self._pieces[-1]
        if self._token is None:
            return first, last
        middle = self._pieces[1]
        return (first, middle + token + last) if self._token > self._length else (first + token + middle, last)

    def scope(self, body: bytes, token: bytes) -> dict[str, Any]:
        """What ASGI says of a request with this body and token, but for its connection."""
        headers = self._scope["headers"].copy()
        headers[self._length] = (b"content-length", b"%d" % len(body))
        if self._token is not None:
            headers[self._token] = (b"authorization", self.scheme + token)
        return {**self._scope, "headers": headers}


class Sent:
    """A head as one client sends it, which may come again with another body; `usual` is for whoever answers."""

    def __init__(self, head: Head, token: bytes) -> None:
        self.head, self.token = head, token
        self._before, self._after = head.around(token)
        self.usual: Any = None

    def body_in(self, request: bytes) -> bytes | None:
        """The body, if this is the very same head but for the length of the body that is here, whole and alone."""
        if not request.startswith(self._before) or len(request) > _MOST:
            return None
        at = len(self._before)
        ends = request.find(b"\r", at, at + _DIGITS + 1)
        if ends < 0 or not request.startswith(self._after, ends):
            return None
        digits, body = request[at:ends], request[ends + len(self._after) :]
        return body if digits.isdigit() and int(digits) == len(body) else None

    @property
    def authorization(self) -> str | None:
        """What it says of who sends it, if that is a token."""
        return (self.head.scheme + self.token).decode("latin-1") if self.token else None

    def scope(self, body: bytes) -> dict[str, Any]:
        """What ASGI says of the request, but for its connection."""
        return self.head.scope(body, self.token)


class Recent:
    """What one connection has sent lately: a page sends two heads in turn, without a token and with one."""

    def __init__(self) -> None:
        self._sent: list[Sent] = []
        self._last: Sent | None = None

    def again(self, request: bytes, heads: Heads) -> tuple[Sent, bytes] | None:
        """The head and the body of a whole request whose head is known."""
        if self._last is not None and (body := self._last.body_in(request)) is not None:
            return self._last, body
        found = self._other(request, heads)
        self._last = found[0] if found else None
        return found

    def _other(self, request: bytes, heads: Heads) -> tuple[Sent, bytes] | None:
        for at, sent in enumerate(self._sent):
            if (body := sent.body_in(request)) is not None:
                return sent, body
            if (cut := sent.head.cut(request)) is not None:
                other = self._sent[at] = Sent(sent.head, cut[0])
                return other, cut[1]
        found = heads.sent(request)
        if found is not None:
            self._sent = [found[0], *self._sent[: _RECENT - 1]]
        return found


class Heads:
    """The heads of usual requests that came last, of all connections. `short` is asked first what to answer to them.

    None has more than so many bytes.
    """

    def __init__(self, short: Short, longest: int = LONGEST) -> None:
        self.short, self._longest = short, min(longest, LONGEST)
        self._known: OrderedDict[tuple[bytes, ...], Head] = OrderedDict()

    def sent(self, request: bytes) -> tuple[Sent, bytes] | None:
        """The head of the request, if it is known, and the body."""
        cut = Cut.of(request, self._longest)
        head = self._known.get(cut.pieces) if cut else None
        if cut is None or head is None:
            return None
        self._known.move_to_end(cut.pieces)
        return Sent(head, cut.token), cut.body

    def keep(self, request: bytes, scope: Mapping[str, Any]) -> None:
        """Know the head of this request from now on, which was parsed into this scope, if it is usual."""
        cut = Cut.of(request, self._longest)
        usual = self.short.usual(scope) if cut else None
        if cut is None or usual is None:
            return
        self._known[cut.pieces] = Head(cut, scope, usual, self._longest)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
