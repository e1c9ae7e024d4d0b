"""A small OpenID provider that speaks the protocol, and misbehaves on request."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeySet, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from models import clock
from tests.process import listener

CLIENT_ID = "admit-at-the-university"
CLIENT_SECRET = "a secret: with / odd % characters"
KEYS: dict[str, Key] = {
    "RS256": RSAKey.generate_key(2048, {"kid": "rsa"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ec"}),
}
STRANGERS_KEY = RSAKey.generate_key(2048, {"kid": "rsa"})


@dataclass
class Provider:
    """`person` is who is signed in there. What it does wrong: `metadata` and `claims` say something else than they
    should (None: nothing), `signs` names another way of signing, `key` another key, `answer` another token answer.
    `more` is what it tells who asks for more.
    """

    issuer: str
    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "248289761001", "email": "olive@example.org", "email_verified": True}
    )
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    signs: str = "RS256"
    key: Key | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    asked: list[dict[str, str]] = field(default_factory=list)  # of the authorization endpoint
    redeemed: list[dict[str, str]] = field(default_factory=list)  # at the token endpoint
    looked_up: list[str] = field(default_factory=list)  # the paths of all other requests
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    @property
    def app(self) -> Starlette:
        """The provider's addresses."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.discovery),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/keys", self.keys),
                Route("/userinfo", self.userinfo),
                Route("/elsewhere", self.elsewhere, methods=["GET", "POST"]),
            ]
        )

    async def discovery(self, request: Request) -> Response:
        """What it says about itself."""
        self.looked_up.append(request.url.path)
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": [*KEYS, "HS256", "none"],
            **self.metadata,
        }
        return JSONResponse({name: value for name, value in said.items() if value is not None}, self.status)

    async def authorize(self, request: Request) -> Response:
        """Whoever is signed in agrees at once. Without a redirect it shows a button, as a person would see it."""
        asked = dict(request.query_params)
        self.asked.append(asked)
        code = f"code-{next(self._numbers)}"
        self._codes[code] = asked
        back = f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
        if request.query_params.get("prompt") == "button":
            return HTMLResponse(f'<a href="{back}">Continue</a>')
        return RedirectResponse(back, 302)

    async def token(self, request: Request) -> Response:
        """A code is good once, for the client it was given to, with the verifier of its challenge."""
        fields = {name: str(value) for name, value in (await request.form()).items()}
        self.redeemed.append(fields)
        asked = self._codes.pop(fields.get("code", ""), None)
        verifier = fields.get("code_verifier", "").encode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=").decode()
        known = request.headers.get("authorization", "") == _basic() or (
            fields.get("client_id") == CLIENT_ID and fields.get("client_secret") == CLIENT_SECRET
        )
        if not known:
            return JSONResponse({"error": "invalid_client"}, 401)
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["code_challenge_method"] != "S256"
            or asked["redirect_uri"] != fields.get("redirect_uri")
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        body = {"access_token": "an-access-token", "token_type": "Bearer", "expires_in": 300, **self.answer}
        body.setdefault("id_token", self.id_token(asked["nonce"]))
        return JSONResponse({name: value for name, value in body.items() if value is not None})

    async def keys(self, request: Request) -> Response:
        """Its public keys."""
        self.looked_up.append(request.url.path)
        return JSONResponse(KeySet(list(KEYS.values())).as_dict(private=False))

    async def userinfo(self, request: Request) -> Response:
        """More about the person."""
        self.looked_up.append(request.url.path)
        assert request.headers["authorization"] == "Bearer an-access-token"
        return JSONResponse(self.more)

    async def elsewhere(self, request: Request) -> Response:
        """An address to which it sends others on."""
        self.looked_up.append(request.url.path)
        return RedirectResponse(f"{self.issuer}/token", 307)

    def id_token(self, nonce: str) -> str:
        """Who is signed in, signed."""
        now = int(clock.now().timestamp())
        half = hashlib.sha256(b"an-access-token").digest()[:16]
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            **self.person,
            **self.claims,
        }
        return self._signed({name: value for name, value in claims.items() if value is not None})

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.signs == "none":
            parts = (json.dumps(one).encode() for one in ({"alg": "none"}, claims))
            return ".".join(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in parts) + "."
        key = self.key or KEYS[self.signs]
        return jwt.encode({"alg": self.signs, "kid": key.kid}, claims, key, algorithms=[self.signs])


def client_key() -> Key:
    """The client's secret as a key, with which only a careless provider signs."""
    return OctKey.import_key(CLIENT_SECRET.encode(), {"kid": "rsa"})


def _basic() -> str:
    return "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()


@asynccontextmanager
async def provider(host: str = "127.0.0.1") -> AsyncIterator[Provider]:
    """The provider on a free port of this machine; `host` is what it calls itself."""
    open_for = listener()
    made = Provider(f"http://{host}:{open_for.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(made.app, log_level="warning", lifespan="off"))
    running = asyncio.create_task(server.serve([open_for]))
    while not server.started:
        await asyncio.sleep(0)
    try:
        yield made
    finally:
        server.should_exit = True
        await running
