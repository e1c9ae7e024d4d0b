"""Whatever Admit signs, seals or stamps can be read back by Admit alone, and for one purpose alone.

One or two secrets come from the settings: the first makes, both verify, so that a secret is changed by putting the new
one in front and dropping the old one when what it made has expired.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

import errors
from models import chance

Key = TypeVar("Key")

ISSUER = "admit"
SIGNED_LIMIT = 4096
SEALED_LIMIT = 2048
KEPT_LIMIT = 4096  # what a cookie may hold, and more than a column does
HEADER_LIMIT = 200  # ours are below 80; a short header cannot nest deep enough to exhaust the JSON parser
_ASKED_FOR_A_NAME = "which SECRET_KEY"  # nobody's secret
LAST_SECOND = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())

# All that joserfc and we can raise over a token; its cause is never chained, lest a piece of the token reach a log.
UNREADABLE = (JoseError, ValueError, OverflowError, OSError, RecursionError)

SIGNED = {"typ": "JWT", "alg": "HS256"}
SEALED = {"alg": "dir", "enc": "A256GCM"}


@dataclass(frozen=True)
class LinkClaims:
    """What an access link says about itself; whether that still counts is the link's row to say."""

    link_id: UUID
    version: int
    expires_at: datetime | None


def derive(secret: str, purpose: str) -> bytes:
    """The key of one purpose, from which neither the secret nor another purpose's key can be found."""
    info = b"admit/v1/" + _bytes(purpose)
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(_bytes(secret))


def kid(key: bytes) -> str:
    """A name by which a token says which key made it; one-way, so it may be public."""
    return hashlib.sha256(b"admit/kid/" + key).hexdigest()[:8]


class Keys:
    """The installation's secrets, put to their uses."""

    def __init__(self, secrets: Sequence[str]) -> None:
        if isinstance(secrets, str) or not 1 <= len(secrets) <= 2:
            raise ValueError("Give one secret, or two while one replaces the other.")
        if not all(secrets):
            raise ValueError("A secret is not empty. How long it must be is for the settings to say.")
        self._secrets = tuple(secrets)
        signing = [derive(secret, "jwt") for secret in self._secrets]
        # each by the header that names its key
        self._signing = {_head(SIGNED, key): hmac.new(key, digestmod="sha256") for key in signing}
        self._sealing = self._ring("link")
        key = derive(self._secrets[0], "link")
        self._link_cipher = AESGCM(key)
        self._link_head = _head(SEALED, key)
        self._printing = [hmac.new(derive(secret, "fingerprint"), digestmod="sha256") for secret in self._secrets]

    def sign(self, audience: str, claims: Mapping[str, Any], expires_at: datetime) -> str:
        """A token that `verify` accepts for this audience until then; our own claims cannot be overridden."""
        head, begun = next(iter(self._signing.items()))
        ours = {"iss": ISSUER, "aud": audience, "exp": _seconds(expires_at)}
        said = head + b"." + _base64(orjson.dumps({**claims, **ours}))
        # RFC 7515's compact form, as joserfc reads it, in a twentieth of the time that joserfc takes
        return (said + b"." + _base64(_mac(begun, said))).decode("ascii")

    def verify(self, audience: str, token: str, now: datetime) -> dict[str, Any]:
        """The claims of a token signed here, for this audience, before its end; anything else is Unauthenticated."""
        claims = self.read(token, now)
        if claims["aud"] != audience:
            raise errors.Unauthenticated
        return claims

    def read(self, token: str, now: datetime) -> dict[str, Any]:
        """The same for whatever audience, which the caller looks at.

        Header and signature must be ours to the letter before anything is decoded. No leeway: the clock that issued
        the token is the one that judges it.
        """
        said, _, mac = _bytes(token[: SIGNED_LIMIT + 1]).rpartition(b".")
        head, _, payload = said.partition(b".")
        begun = self._signing.get(head)
        if begun is None or len(token) > SIGNED_LIMIT or not hmac.compare_digest(_base64(_mac(begun, said)), mac):
            raise errors.Unauthenticated
        with suppress(*UNREADABLE):  # told below, without the cause, lest a piece of the token reach a log
            claims = orjson.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
            if _counts(claims, _seconds(now)):
                return dict(claims)
        raise errors.Unauthenticated

    def seal_link(self, link_id: UUID, version: int, expires_at: datetime | None) -> str:
        """An encrypted token that names an access link and nothing about the person it lets in."""
        ends = "null" if expires_at is None else _seconds(expires_at)
        payload = f'{{"l":"{link_id.hex}","v":{version},"e":{ends}}}'.encode()
        nonce = chance.random_bytes(12)
        sealed = self._link_cipher.encrypt(nonce, payload, self._link_head)
        # RFC 7516's compact form, as joserfc reads it, in a twentieth of the time that joserfc takes to write it
        parts = (self._link_head, b"", _base64(nonce), _base64(sealed[:-16]), _base64(sealed[-16:]))
        return b".".join(parts).decode("ascii")

    def open_link(self, token: str) -> LinkClaims:
        """What `seal_link` was given, to the second; anything not sealed here is LinkInvalid. Judges no expiry."""
        try:
            key = key_of(token, SEALED_LIMIT, SEALED, self._sealing)
            plaintext = jwe.decrypt_compact(token, key, algorithms=list(SEALED.values())).plaintext
            match json.loads(plaintext or b""):
                case {"l": str(link), "v": int(version), "e": int() | None as ends}:
                    expires_at = None if ends is None else datetime.fromtimestamp(ends, UTC)
                    return LinkClaims(UUID(link), version, expires_at)
        except UNREADABLE:
            raise errors.LinkInvalid from None
        raise errors.LinkInvalid

    def seal(self, purpose: str, text: str) -> str:
        """The text encrypted, for `unseal` with the same purpose alone."""
        name, key = next(iter(self._ring(f"seal/{purpose}").items()))
        return jwe.encrypt_compact({**SEALED, "kid": name}, _bytes(text), key, algorithms=list(SEALED.values()))

    def unseal(self, purpose: str, token: str) -> str | None:
        """What `seal` was given, under any live secret; None for anything not sealed here for this purpose."""
        try:
            key = key_of(token, KEPT_LIMIT, SEALED, self._ring(f"seal/{purpose}"))
            plaintext = jwe.decrypt_compact(token, key, algorithms=list(SEALED.values())).plaintext
            return (plaintext or b"").decode("utf-8", "surrogatepass")
        except UNREADABLE:
            return None

    def is_newest(self, purpose: str, token: str) -> bool:
        """Whether the text was sealed with the secret that seals now, so that it outlives the one before."""
        name, key = next(iter(self._ring(f"seal/{purpose}").items()))
        try:
            return bool(key_of(token, KEPT_LIMIT, SEALED, {name: key}))
        except UNREADABLE:
            return False

    def fingerprint(self, secret: str) -> str:
        """What is stored in place of an API key's or a refresh token's secret."""
        return self.fingerprints(secret)[0]

    def fingerprints(self, secret: str) -> tuple[str, ...]:
        """Every form under which the secret may have been stored, newest first: look up with all of them."""
        text = _bytes(secret)
        return tuple([_mac(begun, text).hex() for begun in self._printing])

    @cached_property
    def printed_with(self) -> str:
        """A name for the secret that fingerprints now, from which it cannot be found."""
        return self.fingerprint(_ASKED_FOR_A_NAME)[:16]

    def stamp(self, purpose: str, message: str) -> str:
        """A URL-safe tag that only we can put on this message, for this purpose."""
        return _tag(self._secrets[0], purpose, message)

    def check(self, purpose: str, message: str, tag: str) -> bool:
        """Whether we stamped this message for this purpose, under any live secret; tells nothing by its time."""
        given = _bytes(tag)
        same = [hmac.compare_digest(_bytes(_tag(secret, purpose, message)), given) for secret in self._secrets]
        return any(same)

    def _ring(self, purpose: str) -> dict[str, OctKey]:
        """The live keys of a purpose by name, the one that makes new tokens first."""
        keys = [derive(secret, purpose) for secret in self._secrets]
        return {kid(key): OctKey.import_key(key) for key in keys}


def key_of(token: str, limit: int, expected: Mapping[str, str], ring: Mapping[str, Key]) -> Key:
    """The key that the token's header names, if the header is one of ours to the letter.

    Decided before the library sees the token: no other alg, `jwk`, `jku`, `crit`, `zip` or PBES2 count reaches it.
    """
    head, dot, _ = token[: limit + 1].partition(".")
    if len(token) > limit or len(head) > HEADER_LIMIT or not dot or not token.isascii():
        raise ValueError("not one of our tokens")
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    for name, key in ring.items():
        if header == {**expected, "kid": name}:
            return key
    raise ValueError("not one of our headers")


def _counts(claims: Any, second: int) -> bool:
    """Whether these are claims as we make them, whose end has not come."""
    match claims:
        case {"iss": issuer, "aud": str(), "exp": ends} if issuer == ISSUER and type(ends) is int:
            return second < ends <= LAST_SECOND and claims.keys().isdisjoint(("iat", "nbf"))
    return False


def _head(says: Mapping[str, str], key: bytes) -> bytes:
    """A token's header, which names the key that made it."""
    return _base64(json.dumps({**says, "kid": kid(key)}, separators=(",", ":")).encode())


def _mac(begun: hmac.HMAC, text: bytes) -> bytes:
    made = begun.copy()  # of one whose key is in already: half of the time
    made.update(text)
    return made.digest()


def _tag(secret: str, purpose: str, message: str) -> str:
    digest = hmac.digest(derive(secret, f"stamp/{purpose}"), _bytes(message), "sha256")
    return _base64(digest).decode()


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _seconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError("A time without a zone would be read in the server's own.")
    return int(moment.timestamp())


def _bytes(text: str) -> bytes:
    """Never fails: a JSON body may carry a lone surrogate, and that is a wrong credential rather than our bug."""
    return text.encode("utf-8", "surrogatepass")
