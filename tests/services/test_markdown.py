"""Markdown of staff becomes plain markup that cannot run, load or restyle anything."""

from __future__ import annotations

import re
import time

import pytest

from services import markdown

LINK = '<a href="{0}" rel="noopener nofollow">x</a>'
ALLOWED = {*markdown.TEXT, *markdown.TABLE}


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("", ""),
        ("One *two* **three** `four`", "<p>One <em>two</em> <strong>three</strong> <code>four</code></p>\n"),
        ("# A\n\n## B\n\n### C\n\n#### D", "<h2>A</h2>\n<h2>B</h2>\n<h3>C</h3>\n<h4>D</h4>\n"),
        ("##### E\n\n###### F", "<h4>E</h4>\n<h4>F</h4>\n"),
        ("A\n=", "<h2>A</h2>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>\n'),
        ("> a", "<blockquote>\n<p>a</p>\n</blockquote>\n"),
        ("a  \nb", "<p>a<br>\nb</p>\n"),
        ("---", "<hr>\n"),
        ("```py\nx < 1\n```", "<pre><code>x &lt; 1\n</code></pre>\n"),
        ("[x](https://good.example/?a=1&b=2)", f"<p>{LINK.format('https://good.example/?a=1&amp;b=2')}</p>\n"),
        ("[x](mailto:help@good.example)", f"<p>{LINK.format('mailto:help@good.example')}</p>\n"),
        ('[x](https://good.example "hover")', f"<p>{LINK.format('https://good.example')}</p>\n"),
        ("https://good.example", "<p>https://good.example</p>\n"),
        ("![A *map* & <b>](https://good.example/map.png)", "<p>A map &amp; &lt;b&gt;</p>\n"),
        ("a\ud800b", "<p>a?b</p>\n"),
        ("a\0b", "<p>a\ufffdb</p>\n"),
        (
            "|a|b|\n|:-|-:|\n|1|2|",
            (
                "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n"
                "<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>\n"
            ),
        ),
    ],
)
def test_renders_what_staff_write(text: str, markup: str) -> None:
    rendered = markdown.render(text)

    assert rendered == markup


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<SCRIPT SRC=//evil.example/x.js>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "<svg><script>alert(1)</script></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<iframe src=javascript:alert(1)>",
        "<style>*{display:none}</style>",
        "<p style='position:fixed'>x</p>",
        "<a href='javascript:alert(1)'>x</a>",
        "<base href=https://evil.example/>",
        "<meta http-equiv=refresh content=0>",
        "<form action=https://evil.example><input name=code></form>",
        "<!-- --><img src=x onerror=alert(1)>",
        "<![CDATA[<img src=x onerror=alert(1)>]]>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](<java\tscript:alert(1)>)",
        "[x](&#106;avascript:alert(1))",
        "[x](javascript&colon;alert(1))",
        "[x](%6aavascript:alert(1))",
        "[x](vbscript:x)",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](data:image/png;base64,AAAA)",
        "[x](http://good.example)",
        "[x](//evil.example)",
        "[x](/relative)",
        "[x](#anchor)",
        "[x](ftp://evil.example)",
        "<javascript:alert(1)>",
        "[x]\n\n[x]: javascript:alert(1)",
        '[x](https://good.example" onclick="alert(1))',
        "[x](https://good.example 'a\" onclick=\"alert(1)')",
        "![x](https://evil.example/pixel.png)",
        '![" onerror="alert(1)](x)',
        "![x][y]\n\n[y]: https://evil.example/pixel.png",
        "```<img/src=x onerror=alert(1)>\nx\n```",
        "`<img src=x onerror=alert(1)>`",
        "|<img src=x onerror=alert(1)>|\n|-|",
        "# <img src=x onerror=alert(1)>",
    ],
)
def test_makes_only_the_short_list_of_markup_whatever_it_is_given(text: str) -> None:
    rendered = markdown.render(text)

    tags = re.findall(r"<[^>]*>", rendered)
    names = {re.match(r"</?([a-z0-9]+)", tag)[1] for tag in tags}  # type: ignore[index]
    links = [tag for tag in tags if tag.startswith("<a ")]
    assert names <= ALLOWED
    assert all("=" not in tag for tag in tags if tag not in links)
    assert all(re.fullmatch(r'<a (href="(https://|mailto:)[^" ]*" )?rel="noopener nofollow">', link) for link in links)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        ">" * 20_000,
        "- " * 10_000,
        "![" * 10_000,
        "a**b" * 5_000,
        "[a](" * 5_000,
        "`a``b" * 4_000,
        "<" * 20_000,
    ],
    ids=["brackets", "quotes", "lists", "images", "stars", "links", "ticks", "angles"],
)
def test_renders_the_worst_20_kilobytes_without_stalling(text: str) -> None:
    start = time.process_time()

    markdown.render(text)

    assert time.process_time() - start < 5


def test_renders_the_same_text_once() -> None:
    first = markdown.render("The same *text*")

    second = markdown.render("The same *text*")

    assert second is first
