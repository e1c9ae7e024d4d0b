"""Which text can be kept."""

from __future__ import annotations

import pytest

import errors
from services import texts


@pytest.mark.parametrize("name", ["Ada", "=cmd()", "山田　太郎", "O’Brien\u00a0Jr", "می‌خواهم", "👩‍🚀"])
def test_names_of_all_the_world_can_be_kept(name: str) -> None:
    assert texts.line("fullName", f" {name} ") == name


@pytest.mark.parametrize("name", ["", " ", "　", "a\0b", "a\nb", "a\u2028b", "a\x7f", "\ud800", "x" * 201])
def test_refuses_what_is_not_one_line_of_text(name: str) -> None:
    with pytest.raises(errors.InvalidInput):
        texts.line("fullName", name)


@pytest.mark.parametrize("url", ["https://meet.example.org/a?b=c", "https://meet.example.org:8443", "https://[::1]/x"])
def test_a_conference_is_an_https_address(url: str) -> None:
    assert texts.meeting("meetingUrl", url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example",
        "//a.example",
        "https:a",
        "https://",
        "https://:443",
        "https://u@a.example",
        "https://a\\b",
        "https://a b",
        "https://ä.example",
        "https://a.example:99999",
        "https://[x",
        "javascript:alert(1)",
        "x" * 2001,
    ],
)
def test_refuses_a_conference_at_any_other_address(url: str) -> None:
    with pytest.raises(errors.InvalidInput):
        texts.meeting("meetingUrl", url)
