"""What staff write for a page becomes markup that can neither run, nor load, nor restyle anything.

Two walls: the parser knows no HTML, and whatever it makes is cut down to the short list below.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

TEXT = {"p", "br", "hr", "h2", "h3", "h4", "ul", "ol", "li", "strong", "em", "a", "code", "pre", "blockquote"}
TABLE = {"table", "thead", "tbody", "tr", "th", "td"}


def _shift_headings(state: StateCore) -> None:
    """The page has its own h1, and six levels are more than a welcome text needs."""
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(max(int(token.tag[1]), 2), 4)}"


def _image_as_text(
    renderer: Any, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    """A picture would be loaded from elsewhere and tell that place who reads the page: its description stays."""
    return escapeHtml(renderer.renderInlineAsText(tokens[index].children, options, env))


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
    parser.core.ruler.push("shift_headings", _shift_headings)
    parser.add_render_rule("image", _image_as_text)
    return parser


_PARSER = _parser()
_CLEANER = nh3.Cleaner(
    tags=TEXT | TABLE,
    attributes={"*": set(), "a": {"href"}, "ol": {"start"}},  # without the star nh3 lets lang and title through
    url_schemes={"https", "mailto"},
    url_relative="deny",  # also //elsewhere.example, which is relative
    link_rel="noopener nofollow",
)


@lru_cache(maxsize=256)
def render(markdown: str) -> str:
    """The text as safe markup, to be put into a page as it is."""
    clean = markdown.encode("utf-8", "replace").decode()  # a lone surrogate cannot leave as UTF-8
    return _CLEANER.clean(_PARSER.render(clean))
