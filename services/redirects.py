"""A candidate is only ever sent on to a host that staff allowed, and the partner there can prove who sent them.

How a partner verifies an arrival: take the query parameters `ticket`, `session`, `status`, `time`, URL-encode them in
that order as `ticket=…&session=…&status=…&time=…` (the very text that stands in the address), and compare the hex
HMAC-SHA256 of it under the shared secret with `signature`. `verify` below does that in Python.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import errors

LIMIT = 2000
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
DEFAULT_PORT = {"https": 443, "http": 80}
SIGNED = ("ticket", "session", "status", "time")

# We read the address by a grammar narrower than any browser's, so that no two readers can disagree about its host.
_LEGAL = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_ADDRESS = re.compile(r"(https?)://([^/?#]+)(/[^?#]*)?(?:\?([^#]*))?", re.IGNORECASE)
_PLACE = re.compile(r"(\[[0-9a-f:.]*\]|[^:\[\]]+)(?::([1-9][0-9]{0,4}))?")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-f]{2})|%[01][0-9a-f]|%7f|%5c", re.IGNORECASE)


def check_target(url: str, allowed_hosts: Collection[str]) -> str:
    """The address in its normal form, if candidates may be sent there."""
    if len(url) > LIMIT:
        raise errors.RedirectRefused(f"The address is longer than {LIMIT:,} characters.")
    if not _LEGAL.fullmatch(url):
        raise errors.RedirectRefused(
            "The address holds a space, a backslash or another character that must be percent-encoded."
        )
    if "#" in url:
        raise errors.RedirectRefused("The address must not have a fragment (the part after #).")
    parts = _ADDRESS.fullmatch(url)
    if parts is None:
        raise errors.RedirectRefused("The address must begin with https:// and a host.")
    scheme, path, query = parts[1].lower(), parts[3] or "/", parts[4]
    host, port = _place(parts[2])
    if scheme == "http" and host not in LOOPBACK:
        raise errors.RedirectRefused("The address must begin with https://.")
    _check_allowed(host, port or DEFAULT_PORT[scheme], DEFAULT_PORT[scheme], allowed_hosts)
    if _BAD_ESCAPE.search(url):
        raise errors.RedirectRefused("The address holds an encoded control character or backslash, or a stray %.")
    _check_query(query or "")
    where = host if port in (None, DEFAULT_PORT[scheme]) else f"{host}:{port}"
    return f"{scheme}://{where}{path}" + (f"?{query}" if query else "")


def check_host(host: str) -> str:
    """An entry of the list of allowed hosts in its normal form: a host, or a host and a port."""
    name, port = _place(host.strip())
    # For loopback the bare host means any port, so there 443 is a restriction and is kept.
    bare = port is None or (port == 443 and name not in LOOPBACK)
    return name if bare else f"{name}:{port}"


def signed_target(url: str, secret: bytes, *, ticket: str, session: str, status: str, ended_at: datetime) -> str:
    """A checked address with what the partner needs to know appended, and a signature over it; never a score."""
    if ended_at.tzinfo is None:
        raise ValueError("A time without a zone would be read in the server's own.")
    time = ended_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    canonical = _canonical({"ticket": ticket, "session": session, "status": status, "time": time})
    base, _, query = url.partition("?")
    added = f"{canonical}&signature={_signature(canonical, secret)}"
    return f"{base}?{query}&{added}" if query else f"{base}?{added}"


def verify(params: Mapping[str, str], secret: bytes) -> bool:
    """Whether the query parameters (decoded) with which a candidate arrived were signed with this secret."""
    if not all(name in params for name in (*SIGNED, "signature")):
        return False
    given = params["signature"].encode("utf-8", "surrogatepass")
    return hmac.compare_digest(_signature(_canonical(params), secret).encode(), given)


def _place(text: str) -> tuple[str, int | None]:
    """Host and port, as written: nothing is decoded, resolved or guessed."""
    if "@" in text:
        raise errors.RedirectRefused("The address must not have a user name or password.")
    parts = _PLACE.fullmatch(text.lower()) if text.isascii() else None
    if parts is None or int(parts[2] or 1) > 65_535:
        raise errors.RedirectRefused(
            "The host must be a plain name, with at most a port (names in other scripts as xn--…)."
        )
    host, port = parts[1], int(parts[2]) if parts[2] else None
    if host in LOOPBACK:
        return host, port
    # A browser takes every host whose last label is a number for an IPv4 address: 2130706433, 0x7f.1, 0177.0.0.1.
    if host.startswith("[") or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise errors.RedirectRefused("The host must be a name, not an IP address.")
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise errors.RedirectRefused("The host is not a valid name.")
    return host, port


def _check_allowed(host: str, port: int, default: int, allowed_hosts: Collection[str]) -> None:
    entries = {entry.lower() for entry in allowed_hosts}
    by_name = host in entries and (port == default or host in LOOPBACK)
    if not by_name and f"{host}:{port}" not in entries:
        where = host if port == default else f"{host}:{port}"
        raise errors.RedirectRefused(f"{where} is not one of the allowed redirect hosts.")


def _check_query(query: str) -> None:
    """Ours appear once: which of two a partner's framework would read is anybody's guess."""
    for name, _ in parse_qsl(query, keep_blank_values=True):
        if name in (*SIGNED, "signature"):
            raise errors.RedirectRefused(f"The address already has a parameter {name}, which is added on redirecting.")


def _canonical(params: Mapping[str, str]) -> str:
    return urlencode([(name, params[name]) for name in SIGNED], errors="surrogatepass")


def _signature(canonical: str, secret: bytes) -> str:
    if not secret:
        raise ValueError("An empty secret signs for everybody.")
    return hmac.new(secret, canonical.encode(), hashlib.sha256).hexdigest()
