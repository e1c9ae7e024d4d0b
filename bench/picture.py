"""The medians as a picture: for each workload a bar for each server, as long as what it does in a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from bench.figures import Figure

WIDTH, LEFT, RIGHT, BAR, GAP, HEAD = 760, 210, 130, 16, 5, 30
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}.ours{fill:#0f766e}.theirs{fill:#b6c2cd}"
    "@media (prefers-color-scheme:dark){text{fill:#e6edf3}.ours{fill:#2dd4bf}.theirs{fill:#57606a}}"
)


def svg(figures: Sequence[Figure], titles: Mapping[str, str], what: str) -> str:
    """The picture; `what` is its title for whoever cannot see it."""
    groups: dict[str, list[Figure]] = {}
    for one in figures:
        groups.setdefault(one.workload, []).append(one)
    parts, top = [], 8
    for workload, group in groups.items():
        parts.append(f'<text class="title" x="8" y="{top + 18}">{escape(workload)}</text>')
        top += HEAD
        most = max(one.rate for one in group) or 1.0
        for one in sorted(group, key=lambda one: -one.rate):
            parts += _bar(one, titles.get(one.contender, one.contender), top, most)
            top += BAR + GAP
        top += GAP
    frame = f'xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}"'
    body = "\n".join(parts)
    return f'<svg {frame} role="img">\n<title>{escape(what)}</title>\n<style>{_STYLE}</style>\n{body}\n</svg>\n'


def _bar(one: Figure, title: str, top: int, most: float) -> list[str]:
    length = max(1, round((WIDTH - LEFT - RIGHT) * one.rate / most))
    kind, base = "ours" if one.contender == "admit" else "theirs", top + BAR - 4
    return [
        f'<text x="{LEFT - 8}" y="{base}" text-anchor="end">{escape(title)}</text>',
        f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{length}" height="{BAR}" rx="2"/>',
        f'<text x="{LEFT + length + 8}" y="{base}">{one.rate:,.0f} a second</text>',
    ]
