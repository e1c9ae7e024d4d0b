"""Access tokens of partner programs, by RFC 9068: signed with Ed25519, and public keys by which anybody can check them.

The keys are made from the installation's secrets: the first signs, both verify and are published, so that a secret is
replaced without a token failing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

import errors
from models import chance
from services.keys import LAST_SECOND, SIGNED_LIMIT, UNREADABLE, derive, key_of, kid

HEADER = {"typ": "at+jwt", "alg": "Ed25519"}  # RFC 9864's name of EdDSA with this curve; the other says less


@dataclass(frozen=True)
class OAuthClaims:
    """What an access token says about itself; whether its client still counts is the API key's row to say."""

    client_id: str
    scopes: frozenset[str]
    expires_at: datetime


class OAuthTokens:
    """Makes access tokens for one API and reads them back. `base_url` is who issues them, `audience` what they open."""

    def __init__(self, secrets: Sequence[str], base_url: str) -> None:
        self.issuer = base_url
        self.audience = f"{base_url}/graphql"
        self._keys = {key.kid or "": key for key in map(_key, secrets)}

    def make(self, client_id: str, scopes: Collection[str], now: datetime, good_for: timedelta) -> str:
        """A token that `read` accepts until then."""
        name, key = next(iter(self._keys.items()))
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": client_id,
            "client_id": client_id,
            "scope": " ".join(scopes),
            "jti": str(chance.new_id()),
            "iat": int(now.timestamp()),
            "exp": int((now + good_for).timestamp()),
        }
        return jwt.encode({**HEADER, "kid": name}, claims, key, algorithms=[HEADER["alg"]])

    def read(self, token: str, now: datetime) -> OAuthClaims:
        """What a token made here says, before its end; anything else is Unauthenticated."""
        try:
            key = key_of(token, SIGNED_LIMIT, HEADER, self._keys)
            claims = jwt.decode(token, key, algorithms=[HEADER["alg"]]).claims
            # no leeway, and nothing but what `make` makes: the clock that issued the token is the one that judges it
            match claims:
                case {"iss": self.issuer, "aud": self.audience, "client_id": str(client), "scope": str(scope)}:
                    if type(claims["exp"]) is int and int(now.timestamp()) < claims["exp"] <= LAST_SECOND:
                        return OAuthClaims(client, frozenset(scope.split()), datetime.fromtimestamp(claims["exp"], UTC))
        except (*UNREADABLE, KeyError):
            pass  # told below, without the cause, lest a piece of the token reach a log
        raise errors.Unauthenticated

    def jwks(self) -> dict[str, Any]:
        """The public keys, as RFC 7517 writes them."""
        return dict(KeySet(list(self._keys.values())).as_dict(private=False))


def _key(secret: str) -> OKPKey:
    seed = derive(secret, "oauth")
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return OKPKey.import_key(private, {"kid": kid(seed), "use": "sig", "alg": HEADER["alg"]})
