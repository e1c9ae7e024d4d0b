"""Whatever opens something is noted when it is made, and looked for in all that is logged: none may be found there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from models import chance
from services.keys import Keys
from services.oauth_tokens import OAuthTokens

SHORTEST = 13  # an invitation code; shorter random texts are the numbers of incidents
OTHERS = ("httpx", "httpcore")  # the tests' own clients


class LogWatch(logging.Handler):
    """Collects the lines of a test and the secrets of all tests."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.secrets: set[str] = set()
        self._beginnings: set[str] = set()  # there are tens of thousands: a line is looked through for these first
        self._lines: list[str] = []
        self._formatter = logging.Formatter("%(name)s %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line as it came, with its exception."""
        if not record.name.startswith(OTHERS):
            self._lines.append(self._formatter.format(record))

    def leaks(self) -> list[str]:
        """The lines since the last time in which something is that opens something."""
        lines, self._lines = self._lines, []
        return [line for line in lines if self._opens_something(line)]

    def _opens_something(self, line: str) -> bool:
        pieces = (line[at : at + SHORTEST] for at in range(len(line)))
        return not self._beginnings.isdisjoint(pieces) and any(secret in line for secret in self.secrets)

    def note(self, made: str | list[str]) -> None:
        """Something was made that opens something; a code is also shown in groups."""
        long = [one for one in ([made] if isinstance(made, str) else made) if len(one) >= SHORTEST]
        long += [f"{one[:4]}-{one[4:9]}-{one[9:]}" for one in long if len(one) == SHORTEST]
        self.secrets.update(long)
        self._beginnings.update(one[:SHORTEST] for one in long)


@contextmanager
def watching() -> Iterator[LogWatch]:
    """Note what is minted, and what is logged, from now on."""
    watch = LogWatch()
    root = logging.getLogger()
    level = root.level
    root.addHandler(watch)
    root.setLevel(logging.INFO)
    try:
        with ExitStack() as stack:
            for home, name in (
                (Keys, "sign"),
                (Keys, "seal_link"),
                (Keys, "stamp"),
                (OAuthTokens, "make"),
                (chance, "readable"),
                (chance, "invitation_codes"),
            ):
                stack.enter_context(patch.object(home, name, _noting(watch, getattr(home, name))))
            yield watch
    finally:
        root.removeHandler(watch)
        root.setLevel(level)


def _noting(watch: LogWatch, make: Callable[..., Any]) -> Callable[..., Any]:
    def noted(*args: Any, **kwargs: Any) -> Any:
        made = make(*args, **kwargs)
        watch.note(made)
        return made

    return noted
