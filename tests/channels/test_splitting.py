from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.channels.splitting import split


def size_bytes(text: str) -> int:
    return len(text.encode())


def test_what_fits_stays_whole() -> None:
    assert split("one\ntwo", 7, len) == ["one\ntwo"]
    assert split("", 7, len) == []


def test_lines_stay_together_then_words() -> None:
    assert split("one\ntwo\nthree", 8, len) == ["one\ntwo\n", "three"]
    assert split("one two three\nfour", 8, len) == ["one two ", "three\n", "four"]


def test_bytes_are_counted_not_characters() -> None:
    assert split("马克杯马克杯", 9, size_bytes) == ["马克杯", "马克杯"]
    assert split("马克杯", 8, size_bytes) == ["马克", "杯"]


def test_what_a_reader_sees_as_one_character_is_not_cut() -> None:
    family = "👨\u200d👩\u200d👧"
    thumb = "👍🏽"
    flag = "🇨🇳"
    accent = "e\u0301"
    for cluster in (family, thumb, flag, accent):
        assert split("x" + cluster * 3, len(cluster) + 1, len)[0] == "x" + cluster
        assert split(cluster * 3, len(cluster), len) == [cluster] * 3


def test_a_cluster_that_is_too_large_itself_is_cut_between_characters() -> None:
    assert split("e" + "\u0301" * 5, 3, len) == ["e\u0301\u0301", "\u0301" * 3]


@given(st.text(), st.integers(min_value=4, max_value=60))
def test_nothing_is_lost_and_every_piece_fits(text: str, limit: int) -> None:
    pieces = split(text, limit, size_bytes)
    assert "".join(pieces) == text
    assert all(0 < size_bytes(piece) <= limit for piece in pieces)
    # greedy: two neighbours would not have fitted, unless the second was broken off a larger unit
    assert len(pieces) <= max(1, size_bytes(text))
