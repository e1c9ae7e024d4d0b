"""What Admit says of a candidate who arrives with this query string; None if Admit did not say it."""

from hashlib import sha256
from hmac import compare_digest, new
from urllib.parse import parse_qsl, urlencode


def verified(query: str, secret: str) -> dict[str, str] | None:
    given = dict(parse_qsl(query))
    said = {name: given.get(name, "") for name in ("ticket", "session", "status", "time")}
    expected = new(bytes.fromhex(secret), urlencode(said).encode(), sha256).hexdigest()
    signature = given.get("signature", "").encode(errors="replace")
    return said if compare_digest(expected.encode(), signature) else None
