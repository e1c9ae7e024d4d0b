"""Heads that are known: what may differ between two requests with the same head, and what may not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.at_once import posted
from web import heads
from web.heads import Cut, Heads, Recent, Sent

QUERY = {"query": "{ organization { name } }"}
SCOPE = {"method": "POST", "type": "http", "client": ("203.0.113.1", 1), "server": ("127.0.0.1", 2), "state": {}}


class Usually:
    """A short way by which every request is usual."""

    def usual(self, scope: Any) -> Any:
        """How it is answered."""
        return scope["method"]

    def at_once(self, *_: Any) -> None:
        """Never."""

    async def later(self, _: Any) -> None:
        """Never."""


def request(token: str = "", **more: str) -> bytes:
    """A whole request."""
    return posted(QUERY, more | ({"Authorization": f"Bearer {token}"} if token else {}))


def parsed(whole: bytes) -> dict[str, Any]:
    """What the parser says of it."""
    lines = whole.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    pairs = [line.split(b": ", 1) for line in lines]
    return SCOPE | {"headers": [(name.lower(), value) for name, value in pairs]}


def knowing(whole: bytes) -> Heads:
    """Heads among which is that of this request."""
    known = Heads(Usually())
    known.keep(whole, parsed(whole))
    return known


@pytest.mark.parametrize(("token", "other"), [("ada", "bob"), ("ada", "a-much.longer_token~+/="), ("", "")])
def test_who_sends_it_and_how_much_may_differ(token: str, other: str) -> None:
    known = knowing(request(token))
    again = posted({"query": "{ __typename }"}, {"Authorization": f"Bearer {other}"} if other else {})

    found = known.sent(again)

    assert found is not None
    sent, body = found
    assert sent.head.cut(again) == (other.encode(), body)
    assert body == b'{"query":"{ __typename }"}'
    assert sent.scope(body) == {name: parsed(again)[name] for name in ("method", "type", "headers")}
    assert sent.authorization == (f"Bearer {other}" if other else None)
    assert sent.head.usual == "POST"


@pytest.mark.parametrize(
    "other",
    [
        request(), request("ada", Accept="text/html"), request("ada\tbob"), request("ada").replace(b"POST", b"PUT"),
        request("ada").replace(b"Bearer", b"Basic"), request("ada").replace(b"Authorization", b"Authorisation"),
        request("ada", **{"X-Authorization": "Bearer ada"}), request("ada").replace(b"ada\r\n", b"ada\r\nX: 1\r\n"),
        request("ada").replace(b"ada\r\n", b"ada\r\nAuthorization: Bearer eve\r\n"),
        request("ada").replace(b"Content", b"Content-Length: 1\r\nContent"), request("ada") + b" ",
        request("ada") + request("ada"), request("ada")[:-1], request("ada").replace(b"Length: ", b"Length: +"),
        request("ada").replace(b"\r\n", b"\n"),
    ],
)  # fmt: skip
def test_nothing_else_may(other: bytes) -> None:
    known = knowing(request("ada"))

    found = known.sent(request("bob"))
    assert found is not None
    sent, _ = found
    assert (known.sent(other), sent.head.cut(other), sent.body_in(other)) == (None, None, None)


def test_a_length_is_digits_alone() -> None:
    whole = request("ada")
    found = knowing(whole).sent(whole)
    assert found is not None
    sent, _ = found
    head = sent.head

    def body_of(request: bytes) -> bytes | None:
        again, body = head.cut(request), sent.body_in(request)
        assert again == (None if body is None else (b"ada", body))
        return body

    def resent(length: bytes, body: bytes) -> bytes:
        before, _, _ = whole.partition(b"Content-Length: ")
        return before + b"Content-Length: " + length + b"\r\n\r\n" + body

    assert body_of(resent(b"3", b"abc")) == b"abc"
    assert body_of(resent(b"003", b"abc")) == b"abc"
    assert dict(head.scope(b"abc", b"ada")["headers"])[b"content-length"] == b"3"
    for length in (b"", b"2", b"4", b"+3", b"-3", b" 3", b"3 ", b"3,3", b"0x3", "\u0663".encode(), b"3\r\nX: 1"):
        assert body_of(resent(length, b"abc")) is None
    assert body_of(resent(b"70000", b"x" * 70_000)) is None


@pytest.mark.parametrize(
    "whole",
    [
        request("ada").replace(b"Content-Length", b"Content-Len"), request("ada").replace(b"\r\n\r\n", b"\r\n\r\n "),
        request("ada", **{"X-Long": "x" * 5_000}), posted({"query": "x" * 70_000}, {}), b"",
    ],
)  # fmt: skip
def test_heads_that_are_not_known(whole: bytes) -> None:
    assert Cut.of(whole) is None
    assert Cut.of(request("ada")) is not None


def test_the_token_may_come_behind_the_length() -> None:
    def swapped(token: str) -> bytes:
        return re.sub(rb"(Auth.*?\r\n)(Content-L.*?\r\n)", rb"\2\1", request(token))

    found = knowing(swapped("ada")).sent(swapped("bob"))

    assert found is not None
    sent, body = found
    assert (sent.token, sent.head.cut(swapped("eve")), sent.body_in(swapped("bob"))) == (b"bob", (b"eve", body), body)
    assert sent.scope(body)["headers"] == parsed(swapped("bob"))["headers"]
    assert (sent.body_in(swapped("eve")), sent.head.cut(request("ada"))) == (None, None)


def test_a_longer_token_makes_no_head_too_long() -> None:
    whole = request("ada")
    end = whole.index(b"\r\n\r\n")
    known = Heads(Usually(), end + 10)
    known.keep(whole, parsed(whole))
    found = known.sent(whole)
    assert found is not None

    for more, is_known in ((0, True), (5, True), (30, False), (5_000, False)):
        longer = request("ada" + more * "a")
        assert (known.sent(longer) is not None, found[0].head.cut(longer) is not None) == (is_known, is_known)


def test_a_connection_knows_the_heads_that_it_sends_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    known, recent = Heads(Usually()), Recent()
    for whole in (request(), request("ada"), request(Accept="3")):
        known.keep(whole, parsed(whole))

    def again(whole: bytes) -> Sent:
        found = recent.again(whole, known)
        assert found is not None
        return found[0]

    first, second = again(request()), again(request("ada"))
    with monkeypatch.context() as patch:
        patch.setattr(Heads, "sent", None)
        assert again(request()) is first
        assert again(request("ada")) is second
        other = again(request("bob"))
    assert (other.head, other.token, other.usual) == (second.head, b"bob", None)
    assert again(request(Accept="3")).head not in (first.head, second.head)
    assert again(request()).head is first.head


def test_what_is_unusual_is_not_kept() -> None:
    known = Heads(Usually())
    Usually.usual, usual = (lambda *_: None), Usually.usual  # type: ignore[method-assign]
    try:
        known.keep(request("ada"), parsed(request("ada")))
    finally:
        Usually.usual = usual  # type: ignore[method-assign]

    assert known.sent(request("ada")) is None


def test_those_that_came_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "_KEPT", 2)
    known = knowing(request("ada", Accept="1"))
    for number in ("2", "1", "3"):
        whole = request("ada", Accept=number)
        if known.sent(whole) is None:
            known.keep(whole, parsed(whole))

    assert [known.sent(request("bob", Accept=number)) is not None for number in "123"] == [True, False, True]
