"""What no brand owns doesn't match by what such pictures have in common: paper, lines, letters."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import pytest
from PIL import Image

from monitor import matching
from monitor.model import Fingerprints
from tests.matching.drawing import encode
from tests.matching.generic import KINDS

ALERT, RECORD = 0.80, 0.50
SEEDS = range(14)
# Of the 91 pairs of a kind.
MOST_RECORDED = 3


@cache
def _prints(kind: str) -> tuple[Fingerprints, ...]:
    files = (encode(KINDS[kind](seed), "JPEG", quality=85) for seed in SEEDS)
    return tuple(matching.fingerprint(matching.decode_small(data)) for data in files)


@cache
def _scores(kind: str) -> list[float]:
    """Of every pair, the highest first."""
    pairs = combinations(_prints(kind), 2)
    return sorted((matching.compare(one, other).score for one, other in pairs), reverse=True)


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_of_a_kind_would_be_told(kind: str) -> None:
    assert _scores(kind)[0] < ALERT


@pytest.mark.parametrize("kind", KINDS)
def test_next_to_none_of_a_kind_would_be_recorded(kind: str) -> None:
    """Tables of nearly the same lines, marks of the same few shapes: some have much in common."""
    found = [score for score in _scores(kind) if score >= RECORD]
    assert len(found) <= MOST_RECORDED


@pytest.mark.parametrize(("one", "other"), list(combinations(KINDS, 2)))
def test_two_of_different_kinds_have_nothing_in_common(one: str, other: str) -> None:
    scores = [matching.compare(a, b).score for a in _prints(one)[:6] for b in _prints(other)[:6]]
    assert max(scores) < 0.3


def test_a_logo_too_small_to_be_seen_matches_nothing() -> None:
    """Not even another blank page: what hashes say of blank pictures is noise."""
    pages = []
    for colour in ("black", "red", "green"):
        page = Image.new("RGB", (800, 800), "white")
        page.paste(colour, (30, 30, 42, 42))
        pages.append(matching.fingerprint(matching.decode_small(encode(page))))
    for one, other in combinations(pages, 2):
        assert matching.compare(one, other).score < 0.01
