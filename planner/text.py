"""JSON text as SQL: literals and expressions, put together by the database."""

from __future__ import annotations

from collections.abc import Iterable

_AT_ONCE = 50  # parts in a row: SQLite allows an expression a thousand levels, and a row of parts has as many as parts


class Text:
    """What a statement answers, in parts."""

    def __init__(self) -> None:
        self._parts: list[tuple[bool, str]] = []

    def literal(self, text: str) -> Text:
        """Goes on with this text; it holds names of GraphQL, which need no quoting."""
        if self._parts and self._parts[-1][0]:
            text = self._parts.pop()[1] + text
        self._parts.append((True, text))
        return self

    def expression(self, sql: str) -> Text:
        """Goes on with what this expression answers, which is text and not NULL."""
        self._parts.append((False, sql))
        return self

    def then(self, other: Text) -> Text:
        """Goes on with another text."""
        for is_literal, part in other._parts:
            _ = self.literal(part) if is_literal else self.expression(part)
        return self

    @property
    def sql(self) -> str:
        """The whole as one expression."""
        parts = [f"'{part}'" if is_literal else f"({part})" for is_literal, part in self._parts] or ["''"]
        while len(parts) > _AT_ONCE:
            groups = (parts[start : start + _AT_ONCE] for start in range(0, len(parts), _AT_ONCE))
            parts = [f"({' || '.join(group)})" for group in groups]
        return " || ".join(parts)


def object_of(fields: Iterable[tuple[str, Text]]) -> Text:
    """A JSON object with these keys."""
    made = Text().literal("{")
    for at, (key, value) in enumerate(fields):
        made.literal(f'{"," if at else ""}"{key}":').then(value)
    return made.literal("}")
