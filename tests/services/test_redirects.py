"""A redirect goes to an allowed https host however it is spelt, and carries a signature the partner can verify."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlsplit

import pytest

import errors
from services import redirects

ALLOWED = ["good.example", "ports.example:8443", "xn--bcher-kva.example", "localhost", "127.0.0.1", "[::1]"]
SECRET = b"a secret shared with the partner"
ENDED = datetime(2031, 5, 6, 9, 8, 7, 123456, tzinfo=timezone(timedelta(hours=2)))


def sign(url: str) -> str:
    return redirects.signed_target(
        url, SECRET, ticket="VGlja2V0OjE=", session="s 1", status="SUBMITTED", ended_at=ENDED
    )


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://good.example", "https://good.example/"),
        ("https://good.example/", "https://good.example/"),
        ("HTTPS://GOOD.Example/Done", "https://good.example/Done"),
        ("https://good.example:443/done", "https://good.example/done"),
        ("https://good.example/a/b?x=1&y=%C3%A9", "https://good.example/a/b?x=1&y=%C3%A9"),
        ("https://good.example?x=1", "https://good.example/?x=1"),
        ("https://good.example/?", "https://good.example/"),
        ("https://good.example/@name:x//y", "https://good.example/@name:x//y"),
        ("https://good.example/?next=https://other.example/", "https://good.example/?next=https://other.example/"),
        ("https://ports.example:8443/", "https://ports.example:8443/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://localhost/", "https://localhost/"),
        ("http://localhost:3000/done", "http://localhost:3000/done"),
        ("http://localhost:80/done", "http://localhost/done"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/"),
        ("http://[::1]:8000/", "http://[::1]:8000/"),
    ],
)
def test_returns_an_allowed_address_in_its_normal_form(url: str, normal: str) -> None:
    target = redirects.check_target(url, ALLOWED)

    assert target == normal
    assert redirects.check_target(target, ALLOWED) == normal


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/",
        "done",
        "good.example",
        "//good.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/good.example",
        "https:good.example",
        "https:/good.example",
        "https:///good.example",
        "https:////good.example",
        "https:\\\\good.example",
        "https:/\\good.example",
        "https://\\good.example",
        "https://good.example\\@evil.example",
        "https://evil.example\\.good.example",
        "https://evil.example\\good.example",
        "https://good.example/\\evil.example",
        "https://good.example/%5cevil.example",
        "https://good.example/?x=\\",
        "https://",
        "https://?x",
        "https://:443/",
        "http://good.example/",
        "HTTP://good.example/",
        "ftp://good.example/",
        "ws://good.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "javascript://good.example/%0aalert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "data:text/html;base64,PHNjcmlwdD4=",
        "vbscript:msgbox(1)",
        "blob:https://good.example/1",
        "view-source:https://good.example/",
        "https://user@good.example/",
        "https://user:pass@good.example/",
        "https://@good.example/",
        "https://good.example@evil.example/",
        "https://good.example:443@evil.example/",
        "https://good.example%40evil.example/",
        "https://evil.example/@good.example",
        "https://evil.example/good.example",
        "https://evil.example/?good.example",
        "https://evil.example?https://good.example/",
        "https://evil.example?@good.example/",
        "https://evil.example;good.example/",
        "https://evil.example,good.example/",
        "https://evil.example&good.example/",
        "https://good.example.evil.example/",
        "https://evilgood.example/",
        "https://evil-good.example/",
        "https://sub.good.example/",
        "https://example/",
        "https://good.example./",
        "https://good.example.:443/",
        "https://.good.example/",
        "https://good..example/",
        "https://-good.example/",
        "https://good_example/",
        "https://*.example/",
        "https://good%2eexample/",
        "https://good.example%00.evil.example/",
        "https://good.example%2f.evil.example/",
        "https://good.example%23.evil.example/",
        "https://good.example:80/",
        "https://good.example:8443/",
        "https://good.example:444/",
        "https://good.example:/",
        "https://good.example:0/",
        "https://good.example:0443/",
        "https://good.example:+443/",
        "https://good.example:443:443/",
        "https://good.example:65979/",
        "https://good.example:99999/",
        "https://good.example:443443/",
        "https://good.example:x/",
        "https://good.example:\uff14\uff14\uff13/",
        "https://ports.example/",
        "https://ports.example:443/",
        "https://ports.example:8444/",
        " https://good.example/",
        "https://good.example/ ",
        "https://good.example/a b",
        "https:// good.example/",
        "https://good.example /",
        "\thttps://good.example/",
        "ht\ttps://good.example/",
        "https://good\t.example/",
        "https://good.example/\n",
        "https://good.example\n.evil.example/",
        "https://good.example/\r\nSet-Cookie: a=b",
        "https://good.example/%0d%0aSet-Cookie:%20a=b",
        "https://good.example/%00",
        "https://good.example/%7F",
        "https://good.example/%",
        "https://good.example/%4",
        "https://good.example/%zz",
        "\0https://good.example/",
        "https://good.example\0/",
        "https://good.example/\x7f",
        "https://good.example/\x80",
        "https://good.example/\xa0",
        "https://good.example/\u2028",
        "https://good.example/\u200b",
        "https://good.example/\u202e",
        "https://good.example/\ufeff",
        "https://good.example/\ud800",
        "https://good.example/caf\xe9",
        "https://good.example/<script>",
        'https://good.example/"onclick="',
        "https://good.example/`",
        "https://g\u043e\u043ed.example/",
        "https://good\u3002example/",
        "https://good\uff0eexample/",
        "https://good\u2024example/",
        "https://evil.example\u2044.good.example/",
        "https://evil.example\uff0f.good.example/",
        "https://evil.example\u2100.good.example/",
        "https://good.ex\u00adample/",
        "https://\uff47ood.example/",
        "https://goo\u212b.example/",
        "https://b\xfccher.example/",
        "https://xn--god-yla.example/",
        "https://10.0.0.1/",
        "https://169.254.169.254/",
        "https://93.184.216.34/",
        "https://0.0.0.0/",
        "https://127.0.0.2/",
        "https://127.1/",
        "http://127.1:8000/",
        "http://0/",
        "https://2130706433/",
        "http://2130706433:8000/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0X7F.1/",
        "https://0177.0.0.1/",
        "https://017700000001/",
        "http://127.0.0.1./",
        "http://127.0.0.01/",
        "http://127.0.0.0x1/",
        "https://good.example.1/",
        "https://good.example.0x/",
        "https://[::]/",
        "https://[0:0:0:0:0:0:0:1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[fe80::1%25eth0]/",
        "https://[2001:db8::1]/",
        "https://[::1/",
        "https://::1/",
        "https://[::1].evil.example/",
        "https://[good.example]/",
        "https://[]/",
        "http://localhost./",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "http://app.localhost/",
        "https://good.example/#done",
        "https://good.example#@evil.example",
        "https://evil.example#good.example",
        "https://good.example/?ticket=1",
        "https://good.example/?a=1&%73ignature=0",
        "https://good.example/?time",
        "https://good.example/" + "a" * 1980,
    ],
)
def test_refuses_every_trick(url: str) -> None:
    with pytest.raises(errors.RedirectRefused) as refusal:
        redirects.check_target(url, ALLOWED)

    assert refusal.value.text.endswith(".")
    assert refusal.value.text != errors.RedirectRefused.message


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("//good.example", "The address must begin with https:// and a host."),
        ("http://good.example/", "The address must begin with https://."),
        ("https://a@good.example/", "The address must not have a user name or password."),
        ("https://10.0.0.1/", "The host must be a name, not an IP address."),
        ("https://good.example./", "The host is not a valid name."),
        (
            "https://good.example:x/",
            "The host must be a plain name, with at most a port (names in other scripts as xn--…).",
        ),
        ("https://evil.example/", "evil.example is not one of the allowed redirect hosts."),
        ("https://good.example:444/", "good.example:444 is not one of the allowed redirect hosts."),
        ("https://good.example/#x", "The address must not have a fragment (the part after #)."),
        ("https://good.example/%0a", "The address holds an encoded control character or backslash, or a stray %."),
        ("https://good.example/?time=1", "The address already has a parameter time, which is added on redirecting."),
        ("https://good.example/" + "a" * 1980, "The address is longer than 2,000 characters."),
        (
            "https://good.example/a b",
            "The address holds a space, a backslash or another character that must be percent-encoded.",
        ),
    ],
)
def test_says_what_is_wrong(url: str, sentence: str) -> None:
    with pytest.raises(errors.RedirectRefused) as refusal:
        redirects.check_target(url, ALLOWED)

    assert refusal.value.text == sentence


def test_accepts_an_address_of_exactly_2000_characters() -> None:
    url = "https://good.example/".ljust(2000, "a")

    target = redirects.check_target(url, ALLOWED)

    assert target == url


@pytest.mark.parametrize("url", ["https://good.example/", "http://localhost/", "http://127.0.0.1:8000/"])
def test_refuses_every_host_when_none_is_allowed(url: str) -> None:
    with pytest.raises(errors.RedirectRefused):
        redirects.check_target(url, [])


def test_a_loopback_entry_with_a_port_allows_that_port_alone() -> None:
    allowed = ["localhost:3000"]

    target = redirects.check_target("http://localhost:3000/", allowed)

    assert target == "http://localhost:3000/"
    with pytest.raises(errors.RedirectRefused):
        redirects.check_target("http://localhost:3001/", allowed)
    with pytest.raises(errors.RedirectRefused):
        redirects.check_target("http://localhost/", allowed)


@pytest.mark.parametrize("entry", ["GOOD.example", "good.example:443"])
def test_matches_an_entry_in_any_case_and_with_the_default_port_spelt_out(entry: str) -> None:
    target = redirects.check_target("https://good.example/", [entry])

    assert target == "https://good.example/"


@pytest.mark.parametrize(
    ("entry", "normal"),
    [
        ("good.example", "good.example"),
        (" Good.Example ", "good.example"),
        ("good.example:443", "good.example"),
        ("good.example:8443", "good.example:8443"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("intranet", "intranet"),
        ("localhost", "localhost"),
        ("localhost:443", "localhost:443"),
        ("127.0.0.1:8000", "127.0.0.1:8000"),
        ("[::1]", "[::1]"),
    ],
)
def test_normalises_an_entry_of_the_allowed_hosts(entry: str, normal: str) -> None:
    host = redirects.check_host(entry)

    assert host == normal
    assert redirects.check_host(host) == normal


@pytest.mark.parametrize(
    "entry",
    [
        "",
        " ",
        "*",
        "*.good.example",
        ".good.example",
        "good.example.",
        "https://good.example",
        "good.example/done",
        "good.example?x",
        "good.example#x",
        "user@good.example",
        "good.example:0",
        "good.example:65536",
        "good.example:",
        "good example",
        "good.example\nevil.example",
        "good.example,evil.example",
        "good.example\\",
        "b\xfccher.example",
        "10.0.0.1",
        "2130706433",
        "0x7f.1",
        "[2001:db8::1]",
        "::1",
        "a" * 64 + ".example",
        "a." * 130 + "example",
    ],
)
def test_refuses_an_entry_that_is_no_plain_host(entry: str) -> None:
    with pytest.raises(errors.RedirectRefused):
        redirects.check_host(entry)


def test_appends_who_what_and_when_with_a_signature_over_exactly_that() -> None:
    canonical = "ticket=VGlja2V0OjE%3D&session=s+1&status=SUBMITTED&time=2031-05-06T07%3A08%3A07Z"

    target = sign("https://good.example/done")

    signature = hmac.new(SECRET, canonical.encode(), hashlib.sha256).hexdigest()
    assert target == f"https://good.example/done?{canonical}&signature={signature}"


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("https://good.example/", "https://good.example/?ticket="),
        ("https://good.example/?", "https://good.example/?ticket="),
        ("https://good.example/?a=1&b=%20", "https://good.example/?a=1&b=%20&ticket="),
        ("https://good.example/?a=?", "https://good.example/?a=?&ticket="),
    ],
)
def test_keeps_the_query_that_the_address_has(url: str, start: str) -> None:
    target = sign(url)

    assert target.startswith(start)
    assert redirects.verify(dict(parse_qsl(urlsplit(target).query)), SECRET) is True


@pytest.mark.parametrize("name", ["ticket", "session", "status", "time", "signature"])
def test_the_partner_notices_what_was_changed_or_taken_away(name: str) -> None:
    params = dict(parse_qsl(urlsplit(sign("https://good.example/?a=1")).query))

    changed = redirects.verify(params | {name: params[name] + "x"}, SECRET)
    foreign = redirects.verify(params | {name: "é\ud800"}, SECRET)
    missing = redirects.verify({key: value for key, value in params.items() if key != name}, SECRET)

    assert (changed, foreign, missing) == (False, False, False)


def test_the_partner_refuses_a_signature_under_another_secret() -> None:
    params = dict(parse_qsl(urlsplit(sign("https://good.example/")).query))

    answer = redirects.verify(params, SECRET + b"!")

    assert answer is False


def test_values_cannot_smuggle_one_another() -> None:
    ended = datetime(2031, 1, 1, tzinfo=UTC)

    one = redirects.signed_target(
        "https://good.example/", SECRET, ticket="1&session=2", session="3", status="s", ended_at=ended
    )
    two = redirects.signed_target(
        "https://good.example/", SECRET, ticket="1", session="2&session=3", status="s", ended_at=ended
    )

    assert dict(parse_qsl(urlsplit(one).query))["ticket"] == "1&session=2"
    assert one.rpartition("=")[2] != two.rpartition("=")[2]


def test_refuses_to_sign_with_an_empty_secret_or_a_time_without_a_zone() -> None:
    known = {"ticket": "1", "session": "2", "status": "SUBMITTED"}

    with pytest.raises(ValueError, match="secret"):
        redirects.signed_target("https://good.example/", b"", **known, ended_at=ENDED)
    with pytest.raises(ValueError, match="zone"):
        redirects.signed_target("https://good.example/", SECRET, **known, ended_at=datetime(2031, 1, 1))
