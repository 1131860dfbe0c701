"""A stored similarity made again: with its points, or with what has changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.matching import METHOD, compare, name_change, recall
from monitor.model import Fingerprints, Similarity
from tests.matching.compare.test_compare import recompressed
from tests.matching.drawing import draw
from tests.matching.fingerprint.test_fingerprint import prints_of


@pytest.fixture(scope="module")
def pair() -> tuple[Similarity, Fingerprints, Fingerprints]:
    picture = draw(7, 400, 300)
    ours, theirs = prints_of(picture), prints_of(recompressed(picture, 60))
    return compare(ours, theirs), ours, theirs


def test_what_is_the_same_comes_with_its_points(
    pair: tuple[Similarity, Fingerprints, Fingerprints],
) -> None:
    stored, ours, theirs = pair
    comparison, change = recall(stored, ours, theirs)
    assert (comparison.similarity, change) == (stored, "")
    assert len(comparison.points) > 20
    assert name_change(stored, comparison.similarity) == ""


def test_another_method_leaves_what_is_stored(
    pair: tuple[Similarity, Fingerprints, Fingerprints],
) -> None:
    stored, ours, theirs = pair
    older = replace(stored, method="hash-0", score=0.4)
    comparison, change = recall(older, ours, theirs)
    assert (comparison.similarity, comparison.points) == (older, ())
    assert change == f"it was found with the method hash-0, today's is {METHOD}"


def test_another_score_leaves_what_is_stored(
    pair: tuple[Similarity, Fingerprints, Fingerprints],
) -> None:
    stored, ours, theirs = pair
    other = replace(stored, score=stored.score - 0.001)
    comparison, change = recall(other, ours, theirs)
    assert (comparison.similarity, comparison.points) == (other, ())
    assert f"{stored.score:.6f} with the same method" in change
    hardly = replace(stored, score=stored.score - 1e-9)
    assert recall(hardly, ours, theirs)[1] == ""


def test_a_missing_fingerprint_is_named(
    pair: tuple[Similarity, Fingerprints, Fingerprints],
) -> None:
    stored, ours, _ = pair
    comparison, change = recall(stored, ours, {})
    assert (comparison.similarity, comparison.points) == (stored, ())
    assert "no sound fingerprint" in change
