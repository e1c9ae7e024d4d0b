"""Ids and codes: unpredictable, and nobody misreads them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle

import pytest

from models import chance


@pytest.fixture
def source() -> Iterator[Callable[[bytes], None]]:
    """Makes chance repeat these bytes for ever."""

    def use(values: bytes) -> None:
        stream = cycle(values)
        chance.use(lambda count: bytes(next(stream) for _ in range(count)))

    yield use
    chance.use(None)


def test_the_alphabet_has_nothing_to_confuse() -> None:
    assert len(set(chance.ALPHABET)) == len(chance.ALPHABET) == 31
    assert not set(chance.ALPHABET) & set("0O1IL")
    assert chance.ALPHABET.upper() == chance.ALPHABET


def test_a_code_has_at_least_sixty_random_bits() -> None:
    assert chance.CODE_LENGTH * math.log2(len(chance.ALPHABET)) > 64


def test_codes_are_thirteen_characters_and_all_different() -> None:
    codes = chance.invitation_codes(10_000)

    assert len(set(codes)) == 10_000
    assert {len(code) for code in codes} == {13}
    assert set("".join(codes)) == set(chance.ALPHABET)


def test_every_character_is_equally_likely(source: Callable[[bytes], None]) -> None:
    source(bytes(range(256)))

    text = chance.readable(248 * 4)

    assert set(Counter(text).values()) == {32}


def test_a_byte_that_would_favour_some_characters_is_thrown_away(source: Callable[[bytes], None]) -> None:
    source(bytes([255, 248, 0, 30, 31]))

    assert chance.readable(6) == "A9AA9A"


def test_ids_are_in_the_order_in_which_they_were_made() -> None:
    ids = [chance.new_id() for _ in range(10_000)]

    assert ids == sorted(set(ids))
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
