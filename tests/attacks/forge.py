"""Tokens as an attacker dreams of them: wrong in one way each, and signed with the real key where that helps."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwe, jws, jwt
from joserfc.jwk import OctKey, OKPKey, RSAKey

from models import clock
from services.keys import Keys, derive, kid

_SEALINGS = ["dir", "A256GCM", "A128GCM", "A128CBC-HS256", "DEF", "A256KW", "A256GCMKW", "PBES2-HS256+A128KW"]


def b64(data: bytes) -> str:
    """As in a token."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Forge:
    """Makes tokens that say they are of this subject; the secret is the installation's, and no attacker has it."""

    def __init__(self, secret: str, subject: str, audience: str) -> None:
        self._signing, self._sealing = derive(secret, "jwt"), derive(secret, "link")
        self._exp = int((clock.now() + timedelta(minutes=5)).timestamp())
        self._good = {"iss": "admit", "aud": audience, "exp": self._exp, "sub": subject, "gen": 0}

    def signed(self, payload: bytes | None = None, **header: Any) -> str:
        """Signed with the real key: the payload or the header is wrong."""
        head = {"typ": "JWT", "alg": "HS256", "kid": kid(self._signing)} | header
        known = set(head) <= set(jws.JWSRegistry.default_header_registry)
        loose = jws.JWSRegistry(algorithms=["HS256", "HS512"], strict_check_header=known)
        body = json.dumps(self._good).encode() if payload is None else payload
        return jws.serialize_compact(head, body, OctKey.import_key(self._signing), registry=loose)

    def claimed(self, **claims: Any) -> str:
        """Signed with the real key: these claims differ; None takes one away."""
        said = {name: value for name, value in (self._good | claims).items() if value is not None}
        return self.signed(json.dumps(said).encode())

    def unsigned(self, head: object, tail: str = "") -> str:
        """Good claims under any header, signed by nobody."""
        return f"{b64(json.dumps(head).encode())}.{b64(json.dumps(self._good).encode())}.{tail}"

    def sealed(self, payload: bytes | None = None, key: bytes | None = None, **header: Any) -> str:
        """Good claims, encrypted: by the link's key unless it is another one."""
        head = {"alg": "dir", "enc": "A256GCM", "kid": kid(self._sealing)} | header
        body = json.dumps(self._good).encode() if payload is None else payload
        return jwe.encrypt_compact(head, body, OctKey.import_key(key or self._sealing), algorithms=_SEALINGS)

    def bearers(self) -> dict[str, str]:
        """Every sort of token that must not speak for anybody, by its name. Each can be sent in an HTTP header."""
        ours = {"typ": "JWT", "kid": kid(self._signing)}
        return {
            "words": "not-a-token",
            "dots": "..",
            "four dots": "....",
            "latin letters": "\xe9.\xe9.\xe9",
            "a deep header": f"{b64(b'[' * 3_000)}.e30.x",
            "a number of many digits as header": f"{b64(b'9' * 3_000)}.e30.x",
            "no header": self.unsigned(None),
            "a list as header": self.unsigned(["alg"]),
            "alg none": self.unsigned({"alg": "none"}),
            "alg nOnE": self.unsigned({"alg": "nOnE", "typ": "JWT"}),
            "alg none with our kid": self.unsigned({**ours, "alg": "none"}),
            "no signature": self.unsigned({**ours, "alg": "HS256"}),
            "a short signature": self.unsigned({**ours, "alg": "HS256"}, "AAAA"),
            "alg a list": self.unsigned({**ours, "alg": ["HS256"]}, "AAAA"),
            "kid an object": self.unsigned({**ours, "alg": "HS256", "kid": {"a": 1}}, "AAAA"),
            "kid a path": self.signed(kid="../../../../dev/null"),
            "kid an injection": self.signed(kid="' OR 1=1 --"),
            "an unknown kid": self.signed(kid="00000000"),
            "another HMAC": self.signed(alg="HS512"),
            "jwk": self.signed(jwk={"kty": "oct", "k": b64(self._signing)}),
            "jku": self.signed(jku="https://evil.example/keys"),
            "x5u": self.signed(x5u="https://evil.example/certificate"),
            "x5c": self.signed(x5c=["AAAA"]),
            "crit": self.signed(crit=["kid"]),
            "crit unknown": self.unsigned({**ours, "alg": "HS256", "crit": ["exp"], "exp": 1}, "AAAA"),
            "b64": self.signed(b64=True),
            "cty": self.signed(cty="JWT"),
            "an unknown header": self.signed(extra=1),
            "typ at+jwt": self.signed(typ="at+jwt"),
            "RS256": self._by_rsa(),
            "HS/RS confusion": self._confused(),
            "EdDSA by a key of its own": self._by_ed25519(),
            "another issuer": self.claimed(iss="evil"),
            "no issuer": self.claimed(iss=""),
            "a list of issuers": self.claimed(iss=["admit"]),
            "another audience": self.claimed(aud="somebody else"),
            "no audience": self.claimed(aud=None),
            "a list of audiences": self.claimed(aud=[self._good["aud"]]),
            "expired": self.claimed(exp=int(clock.now().timestamp())),
            "expired long ago": self.claimed(exp=0),
            "no exp": self.claimed(exp=None),
            "exp a string": self.claimed(exp=str(self._exp)),
            "exp a fraction": self.claimed(exp=self._exp + 0.5),
            "exp a boolean": self.claimed(exp=True),
            "exp NaN": self.claimed(exp=float("nan")),
            "exp infinite": self.claimed(exp=float("inf")),
            "exp=1e300": self.claimed(exp=1e300),
            "exp=10**400": self.claimed(exp=10**400),
            "not valid yet": self.claimed(nbf=self._exp),
            "issued in the future": self.claimed(iat=self._exp),
            "a list of claims": self.signed(b"[]"),
            "null claims": self.signed(b"null"),
            "claims that are not UTF-8": self.signed(b"\xff\xfe"),
            "deep claims": self.signed(b"[" * 2_900),
            "more than 4 kB": self.claimed(pad="x" * 4_000),
            "a fourth part": self.signed() + ".x",
            "padding": self.signed() + "=",
            "a changed signature": self.signed()[:-4] + "AAAA",
            "another installation's": Keys(["the secret of another installation"]).sign(
                str(self._good["aud"]), self._good, clock.now() + timedelta(minutes=5)
            ),
            "a JWE": self.sealed(),
            "a JWE under the signing key": self.sealed(key=self._signing, kid=kid(self._signing)),
            "a JWE, DEF-zipped": self.sealed(b"x" * 100_000, zip="DEF"),
            "a JWE by PBES2": self.sealed(alg="PBES2-HS256+A128KW", p2c=1_000, p2s=b64(b"saltsalt")),
            "a JWE by PBES2 of two thousand million rounds": self._endless(),
        }

    def links(self) -> dict[str, str]:
        """Every sort of token that must open no ticket, by its name. Each can be sent in an address."""
        return {
            **{name: token for name, token in self.bearers().items() if name not in ("latin letters", "dots")},
            "a JWT for links": self.claimed(aud="link"),
            "another enc": self.sealed(enc="A128CBC-HS256"),
            "a wrapped key": self.sealed(alg="A256KW"),
            "the signing key": self.sealed(key=self._signing),
            "a list inside": self.sealed(b"[]"),
            "no link inside": self.sealed(b"{}"),
            "a link that is no id": self.sealed(json.dumps({"l": "x", "v": 1, "e": None}).encode()),
            "an expiry of 400 digits": self.sealed(json.dumps({"l": "0" * 32, "v": 1, "e": 10**400}).encode()),
            "a link that never was": self.sealed(json.dumps({"l": "0" * 32, "v": 1, "e": None}).encode()),
            "no tag": self.sealed().rpartition(".")[0] + ".",
            "a short tag": self.sealed()[:-8],
        }

    def _by_rsa(self) -> str:
        head = {"alg": "RS256", "kid": kid(self._signing)}
        return jwt.encode(head, self._good, RSAKey.generate_key(2048), algorithms=["RS256"])

    def _confused(self) -> str:
        """The public half of a key pair, taken for a shared secret."""
        pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = pair.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return jwt.encode(
            {"alg": "HS256", "kid": kid(self._signing)}, self._good, OctKey(pem, pem), algorithms=["HS256"]
        )

    def _by_ed25519(self) -> str:
        head = {"alg": "Ed25519", "typ": "at+jwt", "kid": kid(self._signing)}
        return jwt.encode(head, self._good, OKPKey.generate_key("Ed25519"), algorithms=["Ed25519"])

    def _endless(self) -> str:
        head = {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 2**31 - 1, "p2s": "AAAA"}
        return ".".join([b64(json.dumps(head).encode()), "AA", "AA", "AA", "AA"])
