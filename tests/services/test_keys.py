"""What is signed, sealed or stamped is read back by its maker alone, for its one purpose, before its end."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwe, jws, jwt
from joserfc.jwk import OctKey, RSAKey

import errors
from services.keys import SEALED_LIMIT, SIGNED_LIMIT, Keys, LinkClaims, derive, kid

OLD = "the secret of last year, long enough"
NEW = "the secret of this year, long enough"
OTHER = "another installation's own secret key"
NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
LINK = UUID("0190a5b2-7c3d-7e4f-8a9b-0c1d2e3f4a5b")
EXP = int(SOON.timestamp())
GOOD = {"iss": "admit", "aud": "member", "exp": EXP, "sub": "m1"}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def header(token: str) -> dict[str, Any]:
    part = token.split(".", maxsplit=1)[0]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def jwt_key() -> bytes:
    return derive(NEW, "jwt")


def link_key() -> bytes:
    return derive(NEW, "link")


def signed(payload: bytes, **changed: Any) -> str:
    """A token signed with the right key, with whatever header and payload an attacker dreams of."""
    head = {"typ": "JWT", "alg": "HS256", "kid": kid(jwt_key())} | changed
    names = [name for name in head if name not in jws.JWSRegistry.default_header_registry]
    loose = jws.JWSRegistry(algorithms=["HS256", "HS512"], strict_check_header=not names)
    return jws.serialize_compact(head, payload, OctKey.import_key(jwt_key()), registry=loose)


def claimed(**changed: Any) -> str:
    """A token signed with the right key whose claims differ from good ones; None takes one away."""
    claims = {name: value for name, value in (GOOD | changed).items() if value is not None}
    return signed(json.dumps(claims).encode())


def unsigned(head: object, tail: str = "") -> str:
    return f"{b64(json.dumps(head).encode())}.{b64(json.dumps(GOOD).encode())}.{tail}"


def sealed(plaintext: bytes, key: bytes | None = None, **changed: Any) -> str:
    """A link sealed with the right key, with whatever header and content an attacker dreams of."""
    real = key or link_key()
    head = {"alg": "dir", "enc": "A256GCM", "kid": kid(link_key())} | changed
    names = ["dir", "A256GCM", "A128GCM", "A128CBC-HS256", "DEF", "A256KW", "A256GCMKW", "PBES2-HS256+A128KW"]
    return jwe.encrypt_compact(head, plaintext, OctKey.import_key(real), algorithms=names)


def content(**changed: Any) -> bytes:
    return json.dumps({"l": LINK.hex, "v": 1, "e": EXP} | changed).encode()


def confused() -> str:
    """HS/RS confusion: the public half of an RSA key taken for a shared secret."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = {"alg": "HS256", "typ": "JWT", "kid": kid(pem)}
    key = OctKey(pem, pem)
    return jwt.encode(head, GOOD, key, algorithms=["HS256"])


def by_rsa() -> str:
    head = {"alg": "RS256", "kid": kid(jwt_key())}
    return jwt.encode(head, GOOD, RSAKey.generate_key(2048), algorithms=["RS256"])


def test_returns_the_claims_of_a_token_it_signed() -> None:
    keys = Keys([NEW])

    token = keys.sign("member", {"sub": "m1", "name": "Zoë"}, SOON)

    assert keys.verify("member", token, NOW) == {
        "sub": "m1",
        "name": "Zoë",
        "iss": "admit",
        "aud": "member",
        "exp": EXP,
    }
    assert header(token) == {"typ": "JWT", "alg": "HS256", "kid": kid(jwt_key())}


def test_makes_tokens_that_a_library_reads() -> None:
    token = Keys([NEW, OLD]).sign("member", {"sub": "Zoë"}, SOON)

    read = jwt.decode(token, OctKey.import_key(jwt_key()), algorithms=["HS256"])

    assert (read.header, read.claims) == (header(token), {"sub": "Zoë", "iss": "admit", "aud": "member", "exp": EXP})


def test_reads_a_token_of_any_audience_for_whoever_looks_at_it() -> None:
    keys = Keys([NEW])

    claims = keys.read(keys.sign("candidate", {"sub": "m1"}, SOON), NOW)

    assert claims == {"sub": "m1", "iss": "admit", "aud": "candidate", "exp": EXP}


def test_lets_no_claim_override_its_own() -> None:
    keys = Keys([NEW])

    token = keys.sign("member", {"iss": "evil", "aud": "api", "exp": EXP * 2}, SOON)

    assert keys.verify("member", token, NOW) == {"iss": "admit", "aud": "member", "exp": EXP}


def test_leaves_the_claims_it_was_given_as_they_were() -> None:
    claims = {"sub": "m1"}

    Keys([NEW]).sign("member", claims, SOON)

    assert claims == {"sub": "m1"}


def test_accepts_a_token_until_its_last_second_and_no_longer() -> None:
    keys = Keys([NEW])
    token = keys.sign("member", {}, SOON)

    last = keys.verify("member", token, SOON - timedelta(microseconds=1))

    assert last["exp"] == EXP
    with pytest.raises(errors.Unauthenticated):
        keys.verify("member", token, SOON)


def test_reads_the_clock_in_any_zone() -> None:
    keys = Keys([NEW])
    token = keys.sign("member", {}, SOON.astimezone(timezone(timedelta(hours=9))))

    claims = keys.verify("member", token, NOW.astimezone(timezone(timedelta(hours=-7))))

    assert claims["exp"] == EXP


def test_refuses_a_time_without_a_zone() -> None:
    naive = SOON.replace(tzinfo=None)

    with pytest.raises(ValueError, match="zone"):
        Keys([NEW]).sign("member", {}, naive)


def test_verifies_under_the_old_secret_after_a_rotation_and_signs_under_the_new_one() -> None:
    before, during, after = Keys([OLD]), Keys([NEW, OLD]), Keys([NEW])
    token = before.sign("member", {"sub": "m1"}, SOON)

    renewed = during.sign("member", {"sub": "m1"}, SOON)

    assert during.verify("member", token, NOW)["sub"] == "m1"
    assert after.verify("member", renewed, NOW)["sub"] == "m1"
    with pytest.raises(errors.Unauthenticated):
        after.verify("member", token, NOW)
    with pytest.raises(errors.Unauthenticated):
        before.verify("member", renewed, NOW)


def test_the_tests_own_forge_makes_good_tokens_when_nothing_is_changed() -> None:
    keys = Keys([NEW])

    token, link = claimed(), sealed(content())

    assert keys.verify("member", token, NOW) == GOOD
    assert keys.open_link(link) == LinkClaims(LINK, 1, SOON)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param(".", id="a dot"),
        pytest.param("..", id="two dots"),
        pytest.param("not a token", id="words"),
        pytest.param("Bearer x.y.z", id="a scheme"),
        pytest.param("é" * 20, id="non-ascii"),
        pytest.param("\ud800.a.b", id="a surrogate"),
        pytest.param("\0\0.\0.\0", id="NULs"),
        pytest.param(f"{b64(b'[' * 3000)}.e30.x", id="a deep header"),
        pytest.param(f"{b64(b'9' * 4400)}.e30.x", id="a number of many digits as header"),
        pytest.param(f"{b64(bytes([255, 254, 128]))}.e30.x", id="a header that is not UTF-8"),
        pytest.param(unsigned(None), id="a null header"),
        pytest.param(unsigned(["alg"]), id="a list header"),
        pytest.param(unsigned("alg"), id="a string header"),
        pytest.param(unsigned({}), id="an empty header"),
        pytest.param(unsigned({"alg": "none"}), id="alg none"),
        pytest.param(unsigned({"alg": "None", "typ": "JWT"}), id="alg None"),
        pytest.param(unsigned({"alg": "none", "typ": "JWT", "kid": kid(jwt_key())}), id="alg none with our kid"),
        pytest.param(unsigned({"alg": "HS256", "typ": "JWT", "kid": kid(jwt_key())}), id="no signature"),
        pytest.param(unsigned({"alg": "HS256", "typ": "JWT", "kid": kid(jwt_key())}, "AAAA"), id="short signature"),
        pytest.param(unsigned({"alg": ["HS256"], "typ": "JWT", "kid": kid(jwt_key())}), id="alg a list"),
        pytest.param(unsigned({"alg": "HS256", "typ": "JWT", "kid": {"a": 1}}), id="kid an object"),
        pytest.param(unsigned({"alg": "HS256", "typ": "JWT", "kid": "../../dev/null"}), id="kid a path"),
        pytest.param(signed(json.dumps(GOOD).encode(), alg="HS512"), id="another HMAC under our key"),
        pytest.param(signed(json.dumps(GOOD).encode(), jwk={"kty": "oct", "k": "AAAA"}), id="jwk"),
        pytest.param(signed(json.dumps(GOOD).encode(), jku="https://evil.example/keys"), id="jku"),
        pytest.param(signed(json.dumps(GOOD).encode(), x5u="https://evil.example/cert"), id="x5u"),
        pytest.param(signed(json.dumps(GOOD).encode(), crit=["kid"]), id="crit"),
        pytest.param(unsigned({"alg": "HS256", "typ": "JWT", "kid": kid(jwt_key()), "crit": 5}), id="crit a number"),
        pytest.param(signed(json.dumps(GOOD).encode(), b64=True), id="b64"),
        pytest.param(signed(json.dumps(GOOD).encode(), cty="JWT"), id="cty"),
        pytest.param(signed(json.dumps(GOOD).encode(), extra=1), id="an unknown header"),
        pytest.param(signed(json.dumps(GOOD).encode(), kid="00000000"), id="an unknown kid"),
        pytest.param(signed(json.dumps(GOOD).encode(), typ="at+jwt"), id="another typ"),
        pytest.param(confused(), id="HS/RS confusion"),
        pytest.param(by_rsa(), id="RS256"),
        pytest.param(Keys([OTHER]).sign("member", {"sub": "m1"}, SOON), id="another installation"),
        pytest.param(Keys([NEW]).seal_link(LINK, 1, SOON), id="a link of ours"),
        pytest.param(sealed(json.dumps(GOOD).encode(), jwt_key(), kid=kid(jwt_key())), id="a JWE under the JWT key"),
        pytest.param(claimed(iss="evil"), id="another issuer"),
        pytest.param(claimed(iss=None), id="no issuer"),
        pytest.param(claimed(iss=["admit"]), id="a list of issuers"),
        pytest.param(claimed(iss=""), id="a blank issuer"),
        pytest.param(claimed(aud="candidate"), id="another audience"),
        pytest.param(claimed(aud=None), id="no audience"),
        pytest.param(claimed(aud=["candidate", "member"]), id="a list of audiences"),
        pytest.param(claimed(aud={"member": 1}), id="an object as audience"),
        pytest.param(claimed(exp=None), id="no end"),
        pytest.param(claimed(exp=int(NOW.timestamp())), id="ended this second"),
        pytest.param(claimed(exp=0), id="ended long ago"),
        pytest.param(claimed(exp=-1), id="a negative end"),
        pytest.param(claimed(exp=True), id="an end that is a boolean"),
        pytest.param(claimed(exp=str(EXP)), id="an end that is a string"),
        pytest.param(claimed(exp=EXP + 0.5), id="an end with a fraction"),
        pytest.param(claimed(exp=float("nan")), id="an end that is NaN"),
        pytest.param(claimed(exp=float("inf")), id="an infinite end"),
        pytest.param(claimed(exp=1e300), id="a huge floating end"),
        pytest.param(claimed(exp=253_402_300_800), id="an end past the calendar"),
        pytest.param(claimed(exp=10**400), id="exp=10**400"),
        pytest.param(claimed(nbf=EXP), id="not valid yet"),
        pytest.param(claimed(iat=EXP), id="issued in the future"),
        pytest.param(signed(b'{"iss":"admit","aud":"member","exp":' + b"9" * 2900 + b"}"), id="an end of 2,900 digits"),
        pytest.param(signed(b"[]"), id="a list of claims"),
        pytest.param(signed(b"null"), id="null claims"),
        pytest.param(signed(b""), id="no claims"),
        pytest.param(signed(b"\xff\xfe"), id="claims that are not UTF-8"),
        pytest.param(signed(b"[" * 2900), id="deep claims"),
        pytest.param(claimed(pad="x" * SIGNED_LIMIT), id="over 4 kB"),
        pytest.param("a" * 5_000_000, id="5 MB of header"),
        pytest.param(claimed() + "=", id="padding"),
        pytest.param(claimed() + ".", id="a fourth part"),
        pytest.param(claimed() + "\n", id="a line feed at the end"),
        pytest.param(" " + claimed(), id="a space in front"),
        pytest.param(claimed().replace(".", ".\n", 1), id="a line feed inside"),
    ],
)
def test_refuses_every_token_that_it_did_not_issue(token: str) -> None:
    keys = Keys([NEW, OLD])

    with pytest.raises(errors.Unauthenticated) as refusal:
        keys.verify("member", token, NOW)

    assert refusal.value.text == "Sign in first: the credential is missing, expired or revoked."
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("position", range(0, len(claimed()), 7))
def test_refuses_a_token_with_one_character_changed(position: int) -> None:
    token = Keys([NEW]).sign("member", {"sub": "m1"}, SOON)
    at = position % len(token)
    changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]

    with pytest.raises(errors.Unauthenticated):
        Keys([NEW]).verify("member", changed, NOW)


def test_accepts_a_token_at_the_size_limit_and_refuses_the_next_size() -> None:
    tokens = [claimed(pad="x" * pad) for pad in range(2900, 2930)]
    fits = [token for token in tokens if len(token) <= SIGNED_LIMIT][-1]
    over = next(token for token in tokens if len(token) > SIGNED_LIMIT)

    claims = Keys([NEW]).verify("member", fits, NOW)

    assert claims["sub"] == "m1"
    assert (len(fits), len(over)) == (4096, 4098)
    with pytest.raises(errors.Unauthenticated):
        Keys([NEW]).verify("member", over, NOW)


@pytest.mark.parametrize("expires_at", [SOON, None, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_opens_a_link_it_sealed(expires_at: datetime | None) -> None:
    keys = Keys([NEW])

    token = keys.seal_link(LINK, 3, expires_at)

    assert keys.open_link(token) == LinkClaims(LINK, 3, expires_at)


def test_a_link_is_short_url_safe_and_shows_only_the_kind_of_lock() -> None:
    token = Keys([NEW]).seal_link(LINK, 3, SOON)

    parts = token.split(".")

    assert header(token) == {"alg": "dir", "enc": "A256GCM", "kid": kid(link_key())}
    assert [len(part) for part in parts] == [62, 0, 16, 82, 22]
    assert LINK.hex not in base64.urlsafe_b64decode(parts[3] + "==").hex()


def test_seals_the_same_link_differently_each_time() -> None:
    keys = Keys([NEW])

    tokens = {keys.seal_link(LINK, 1, None) for _ in range(50)}

    assert len(tokens) == 50


def test_opens_an_expired_link_and_leaves_the_judgement_to_others() -> None:
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)

    claims = Keys([NEW]).open_link(Keys([NEW]).seal_link(LINK, 1, long_ago))

    assert claims.expires_at == long_ago


def test_opens_links_sealed_before_a_rotation_until_the_old_secret_is_dropped() -> None:
    token = Keys([OLD]).seal_link(LINK, 1, SOON)

    claims = Keys([NEW, OLD]).open_link(token)

    assert claims == LinkClaims(LINK, 1, SOON)
    with pytest.raises(errors.LinkInvalid):
        Keys([NEW]).open_link(token)


def cut_tag(token: str, length: int) -> str:
    head, tag = token.rsplit(".", 1)
    return f"{head}.{b64(base64.urlsafe_b64decode(tag + '==')[:length])}"


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("....", id="four dots"),
        pytest.param("é....", id="non-ascii"),
        pytest.param("\ud800....", id="a surrogate"),
        pytest.param(f"{b64(b'[' * 800)}....", id="a deep header"),
        pytest.param(f"{b64(b'null')}....", id="a null header"),
        pytest.param(f"{b64(b'[]')}....", id="a list header"),
        pytest.param(sealed(content(), zip="DEF"), id="zip=DEF"),
        pytest.param(sealed(b"x" * 200_000, zip="DEF"), id="a DEF bomb"),
        pytest.param(sealed(content(), alg="PBES2-HS256+A128KW", p2c=1000, p2s=b64(b"saltsalt")), id="PBES2"),
        pytest.param(
            ".".join(
                [b64(b'{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":2147483647,"p2s":"AAAA"}'), "AA", "", "", ""]
            ),
            id="PBES2 with two thousand million rounds",
        ),
        pytest.param(sealed(content(), alg="A256KW"), id="A256KW under our key"),
        pytest.param(sealed(content(), alg="A256GCMKW"), id="A256GCMKW under our key"),
        pytest.param(sealed(content(), enc="A128CBC-HS256"), id="another enc under our key"),
        pytest.param(sealed(content(), derive(NEW, "link")[:16], enc="A128GCM"), id="half of our key"),
        pytest.param(sealed(content(), crit=["kid"]), id="crit"),
        pytest.param(sealed(content(), jwk={"kty": "oct", "k": "AAAA"}), id="jwk"),
        pytest.param(sealed(content(), cty="JWT"), id="cty"),
        pytest.param(sealed(content(), kid="00000000"), id="an unknown kid"),
        pytest.param(sealed(content(), kid=kid(jwt_key())), id="the kid of another purpose"),
        pytest.param(sealed(content(), derive(OTHER, "link")), id="our kid, another key"),
        pytest.param(sealed(content(), jwt_key()), id="our kid, the key of another purpose"),
        pytest.param(Keys([OTHER]).seal_link(LINK, 1, None), id="another installation"),
        pytest.param(Keys([NEW]).sign("link", {"l": LINK.hex, "v": 1, "e": None}, SOON), id="a JWT of ours"),
        pytest.param(sealed(content(pad="x" * SEALED_LIMIT)), id="over 2 kB"),
        pytest.param("a" * 5_000_000, id="5 MB"),
        pytest.param(cut_tag(sealed(content()), 0), id="no tag"),
        pytest.param(cut_tag(sealed(content()), 4), id="a tag of four bytes"),
        pytest.param(cut_tag(sealed(content()), 12), id="a tag of twelve bytes"),
        pytest.param(sealed(content()).replace("..", ".AAAA."), id="an encrypted key"),
        pytest.param(sealed(content()) + ".", id="a sixth part"),
        pytest.param(sealed(content()) + "=", id="padding"),
        pytest.param(sealed(content()) + "\n", id="a line feed at the end"),
        pytest.param(sealed(b""), id="empty content"),
        pytest.param(sealed(b"[]"), id="a list inside"),
        pytest.param(sealed(b"\xff"), id="content that is not UTF-8"),
        pytest.param(sealed(b"[" * 1300), id="deep content"),
        pytest.param(sealed(b"{}"), id="an empty object inside"),
        pytest.param(sealed(content(l="x")), id="no UUID"),
        pytest.param(sealed(content(l=5)), id="a number as link"),
        pytest.param(sealed(content(v="1")), id="a string as version"),
        pytest.param(sealed(content(v=None)), id="no version"),
        pytest.param(sealed(content(e="soon")), id="a string as expiry"),
        pytest.param(sealed(content(e=10**13)), id="an expiry past the calendar"),
        pytest.param(sealed(content(e=10**400)), id="an expiry of 400 digits"),
    ],
)
def test_refuses_every_link_that_it_did_not_seal(token: str) -> None:
    keys = Keys([NEW, OLD])

    with pytest.raises(errors.LinkInvalid) as refusal:
        keys.open_link(token)

    assert refusal.value.text == "This link is not valid: ask for a new one."
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("position", range(0, 196, 5))
def test_refuses_a_link_with_one_character_changed(position: int) -> None:
    token = Keys([NEW]).seal_link(LINK, 1, SOON)
    at = position % len(token)
    changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]

    with pytest.raises(errors.LinkInvalid):
        Keys([NEW]).open_link(changed)


def test_fingerprints_a_secret_under_every_live_key_newest_first() -> None:
    old, new = Keys([OLD]), Keys([NEW])

    both = Keys([NEW, OLD]).fingerprints("ak_live_secret")

    assert both == (new.fingerprint("ak_live_secret"), old.fingerprint("ak_live_secret"))
    assert [len(print_) for print_ in both] == [64, 64]
    assert both[0] != both[1]


def test_fingerprints_different_secrets_differently_and_any_text_at_all() -> None:
    keys = Keys([NEW])

    prints = {keys.fingerprint(text) for text in ("", "a", "b", "é", "\ud800", "\0", "a" * 100_000)}

    assert len(prints) == 7


def test_recognises_its_own_stamp_also_after_a_rotation() -> None:
    tag = Keys([OLD]).stamp("csrf", "session-1")

    answers = [keys.check("csrf", "session-1", tag) for keys in (Keys([OLD]), Keys([NEW, OLD]), Keys([NEW]))]

    assert answers == [True, True, False]
    assert Keys([NEW, OLD]).stamp("csrf", "session-1") == Keys([NEW]).stamp("csrf", "session-1")


def test_a_stamp_is_43_url_safe_characters() -> None:
    tags = [Keys([NEW]).stamp("csrf", str(number)) for number in range(100)]

    alphabet = set("".join(tags))

    assert {len(tag) for tag in tags} == {43}
    assert alphabet <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    ("purpose", "message", "spoil"),
    [
        ("export", "session-1", lambda tag: tag),
        ("csrf", "session-2", lambda tag: tag),
        ("csrfsession", "-1", lambda tag: tag),
        ("csrf", "session-1\0", lambda tag: tag),
        ("csrf", "\ud800", lambda tag: tag),
        ("csrf", "session-1", lambda tag: ""),
        ("csrf", "session-1", lambda tag: tag[:-1]),
        ("csrf", "session-1", lambda tag: tag + "="),
        ("csrf", "session-1", lambda tag: tag.swapcase()),
        ("csrf", "session-1", lambda tag: "é" * 43),
        ("csrf", "session-1", lambda tag: "\ud800"),
    ],
)
def test_refuses_another_purpose_another_message_and_a_spoilt_tag(purpose: str, message: str, spoil: Any) -> None:
    keys = Keys([NEW])
    tag = keys.stamp("csrf", "session-1")

    answer = keys.check(purpose, message, spoil(tag))

    assert answer is False


def test_each_purpose_has_a_key_and_a_name_of_its_own() -> None:
    keys = [
        derive(secret, purpose) for secret in (OLD, NEW) for purpose in ("jwt", "link", "fingerprint", "stamp/csrf")
    ]

    names = [kid(key) for key in keys]

    assert len(set(keys)) == 8
    assert len(set(names)) == 8
    assert {len(name) for name in names} == {8}
    assert not any(name in key.hex() for name, key in zip(names, keys, strict=True))


def test_shows_no_secret_when_printed() -> None:
    keys = Keys([NEW, OLD])

    shown = repr(keys) + str(keys)

    assert NEW not in shown
    assert derive(NEW, "jwt").hex() not in shown


@pytest.mark.parametrize("secrets", [[], [NEW, OLD, OTHER], [""], [NEW, ""], NEW])
def test_refuses_to_start_without_one_or_two_real_secrets(secrets: Any) -> None:
    with pytest.raises(ValueError, match=r"secret"):
        Keys(secrets)


@pytest.mark.parametrize("text", ["", "a secret", "Grüße ✓", "\ud800", "x" * 2_000])
def test_what_is_sealed_is_opened_for_its_purpose_alone(text: str) -> None:
    sealed = Keys([NEW]).seal("client-secret", text)

    assert Keys([NEW]).unseal("client-secret", sealed) == text
    assert Keys([NEW]).unseal("another", sealed) is None
    assert Keys([OTHER]).unseal("client-secret", sealed) is None
    assert len(text) < 5 or text not in sealed


def test_what_was_sealed_with_the_secret_before_opens_and_is_told_apart() -> None:
    sealed = Keys([OLD]).seal("client-secret", "text")
    during = Keys([NEW, OLD])

    assert during.unseal("client-secret", sealed) == "text"
    assert not during.is_newest("client-secret", sealed)
    assert during.is_newest("client-secret", during.seal("client-secret", "text"))
    assert Keys([NEW]).unseal("client-secret", sealed) is None


@pytest.mark.parametrize(
    "change", [lambda token: token[:-2] + "AA", lambda token: token + "A", lambda _: "", str.upper]
)
def test_what_was_changed_does_not_open(change: Any) -> None:
    sealed = Keys([NEW]).seal("client-secret", "a secret of a provider")

    assert Keys([NEW]).unseal("client-secret", change(sealed)) is None
    assert Keys([NEW]).unseal("client-secret", Keys([NEW]).seal_link(LINK, 1, SOON)) is None
