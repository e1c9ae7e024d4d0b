"""An access token of a program is read back by its maker alone, for its one API, before its end."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey

import errors
from services.keys import Keys, derive, kid
from services.oauth_tokens import OAuthTokens

SECRET = "the secret of this year, long enough"
OTHER = "another installation's own secret key"
BASE = "https://admit.example"
NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
CLIENT = "key_01890a5d-ac96-774b-bcce-b302099a8057"
SEED = derive(SECRET, "oauth")
PRIVATE = Ed25519PrivateKey.from_private_bytes(SEED)
GOOD = {
    "iss": BASE,
    "aud": f"{BASE}/graphql",
    "client_id": CLIENT,
    "scope": "read",
    "exp": int(NOW.timestamp()) + 60,
}


def tokens() -> OAuthTokens:
    return OAuthTokens([SECRET], BASE)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: dict[str, Any] | None = None, **changed: Any) -> str:
    """A token signed with the right key that says something else; None takes a claim away."""
    head = {"typ": "at+jwt", "alg": "Ed25519", "kid": kid(SEED), **(header or {})}
    claims = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    said = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{said}.{b64(PRIVATE.sign(said.encode()))}"


def with_the_public_key_as_a_secret() -> str:
    """HS256 with what everybody can read."""
    public = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    head = {"typ": "at+jwt", "alg": "HS256", "kid": kid(SEED)}
    return jws.serialize_compact(head, json.dumps(GOOD), OctKey.import_key(public), algorithms=["HS256"])


def test_a_token_is_read_back() -> None:
    token = tokens().make(CLIENT, ["read", "tickets:write"], NOW, timedelta(seconds=60))

    read = tokens().read(token, NOW + timedelta(seconds=59))

    assert read.client_id == CLIENT
    assert read.scopes == {"read", "tickets:write"}
    assert read.expires_at == NOW + timedelta(seconds=60)
    assert tokens().read(signed(), NOW).client_id == CLIENT


def test_no_two_tokens_are_the_same() -> None:
    one, two = (tokens().make(CLIENT, ["read"], NOW, timedelta(seconds=60)) for _ in range(2))

    assert one != two


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(signed(exp=int(NOW.timestamp())), id="ended"),
        pytest.param(signed(exp=None), id="without an end"),
        pytest.param(signed(exp="4102444800"), id="an end in words"),
        pytest.param(signed(exp=True), id="an end that is a truth"),
        pytest.param(signed(exp=10**400), id="an end beyond the calendar"),
        pytest.param(signed(exp=1e300), id="an end that is no integer"),
        pytest.param(signed(iss="https://evil.example"), id="another issuer"),
        pytest.param(signed(iss=None), id="no issuer"),
        pytest.param(signed(aud=BASE), id="another audience"),
        pytest.param(signed(aud=[f"{BASE}/graphql"]), id="several audiences"),
        pytest.param(signed(client_id=7), id="a client that is no text"),
        pytest.param(signed(client_id=None), id="no client"),
        pytest.param(signed(scope=["read"]), id="a scope that is no text"),
        pytest.param(signed(scope=None), id="no scope"),
        pytest.param(signed({"alg": "EdDSA"}), id="the older name of the algorithm"),
        pytest.param(signed({"alg": "none"}), id="alg none"),
        pytest.param(signed({"typ": "JWT"}), id="another type"),
        pytest.param(signed({"kid": kid(derive(OTHER, "oauth"))}), id="another key's name"),
        pytest.param(signed({"kid": None}), id="no key's name"),
        pytest.param(signed({"jwk": {"kty": "OKP"}}), id="jwk"),
        pytest.param(signed({"jku": "https://evil.example"}), id="jku"),
        pytest.param(signed({"crit": ["x"], "x": 1}), id="crit"),
        pytest.param(signed(padding="x" * 4096), id="more than 4 kB"),
        pytest.param(signed()[:-4] + "AAAA", id="another signature"),
        pytest.param(signed().rpartition(".")[0] + ".", id="no signature"),
        pytest.param(with_the_public_key_as_a_secret(), id="the public key as a secret"),
        pytest.param(OAuthTokens([OTHER], BASE).make(CLIENT, ["read"], NOW, timedelta(60)), id="another installation"),
        pytest.param(Keys([SECRET]).sign("access", {"sub": CLIENT}, NOW + timedelta(60)), id="a member's token"),
        pytest.param("", id="nothing"),
        pytest.param("a.b.c", id="no token"),
        pytest.param("[" * 4000, id="deep"),
        pytest.param("\ud800.a.b", id="no Unicode"),
    ],
)
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(errors.Unauthenticated) as refused:
        tokens().read(token, NOW)

    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_no_other_key_of_the_installation_is_this_one() -> None:
    public = OKPKey.import_key(tokens().jwks()["keys"][0])

    assert public.is_private is False
    assert derive(SECRET, "oauth") != derive(SECRET, "jwt")
