"""A password is kept so that nobody can read it, and tried so that the time taken does not tell who exists."""

from __future__ import annotations

import asyncio
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

import errors


class Passwords:
    """The rule for passwords and the way they are hashed: argon2id, off the event loop.

    The costs are OWASP's smallest recommended ones: the memory is spent per log-in under way, and those come in crowds.
    """

    def __init__(
        self,
        minimum: int = 10,
        maximum: int = 200,
        *,
        time_cost: int = 2,
        memory_cost: int = 19_456,
        parallelism: int = 1,
    ) -> None:
        self.minimum = minimum
        self.maximum = maximum
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_cost, parallelism=parallelism)
        # What an unknown person's password is compared with. Made here, so that the first such log-in is not slower.
        self._dummy = self._hasher.hash(b"", salt=bytes(16))

    def check(self, password: str) -> None:
        """Refuses a password that is too short, or longer than anyone types."""
        if len(password) < self.minimum:
            raise errors.PasswordTooWeak(f"Choose a password of at least {self.minimum} characters.")
        if len(password) > self.maximum:
            raise errors.PasswordTooWeak(f"Choose a password of at most {self.maximum} characters.")

    async def hash(self, password: str) -> str:
        """The string to store; the same password gives another one each time."""
        return await asyncio.to_thread(self._hasher.hash, _bytes(password))

    async def verify(self, hash: str | None, password: str) -> bool:
        """Whether this is the password; without a hash to compare with it takes as long and says no."""
        # A longer one was never accepted: it costs what a wrong one costs, whatever its length.
        stored = hash if hash and len(password) <= self.maximum else None
        tried = _bytes(password[: self.maximum])
        same = await asyncio.to_thread(self._matches, stored or self._dummy, tried)
        return same and stored is not None

    def _matches(self, hash: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(hash, password)
        except (
            VerificationError,
            InvalidHashError,
            UnicodeEncodeError,
        ):  # the last for a stored hash that is not ASCII
            return False


def _bytes(password: str) -> bytes:
    """One spelling per password: keyboards compose an é differently. A lone surrogate is merely a wrong password."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
