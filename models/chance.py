"""Identifiers and random secrets, from one place that tests replace."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from uuid import UUID

from asyncpg.pgproto import pgproto
from uuid_utils import uuid7

Key: type[UUID] = pgproto.UUID  # Python's own, in C: read, written and hashed in a tenth of the time

_bytes: Callable[[int], bytes] = secrets.token_bytes

# Thirty-one characters nobody confuses: no 0 O 1 I L. Bytes from 248 on are thrown away, so each is equally likely.
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_FAIR = 256 - 256 % len(ALPHABET)
_TABLE = bytes(ord(ALPHABET[value % len(ALPHABET)]) for value in range(256))
_UNFAIR = bytes(range(_FAIR, 256))

CODE_LENGTH = 13  # 13 × log2(31) = 64.4 random bits


def new_id() -> UUID:
    """A UUIDv7: unique, and in the order in which it was made."""
    return Key(new_id_text())


def new_id_text() -> str:
    """The same as text."""
    return str(uuid7())


def random_bytes(count: int) -> bytes:
    """`count` unpredictable bytes."""
    return _bytes(count)


def readable(count: int) -> str:
    """`count` unpredictable characters of the alphabet that nobody misreads."""
    text = b""
    while len(text) < count:
        text += random_bytes(count + count // 8 + 8).translate(_TABLE, _UNFAIR)
    return text[:count].decode("ascii")


def invitation_codes(count: int) -> list[str]:
    """`count` invitation codes of 64 random bits each, made from one draw."""
    text = readable(count * CODE_LENGTH)
    return [text[at : at + CODE_LENGTH] for at in range(0, len(text), CODE_LENGTH)]


def use(source: Callable[[int], bytes] | None) -> None:
    """Draw random bytes from `source` from now on; None goes back to the operating system's."""
    global _bytes  # noqa: PLW0603  one process, one source
    _bytes = source or secrets.token_bytes
