"""Relation and reasons in words."""

from __future__ import annotations

from monitor.matching import compare, reasons_in_words, relation_in_words
from monitor.model import Relation, Similarity
from tests.matching.compare.test_compare import flipped
from tests.matching.drawing import draw
from tests.matching.fingerprint.test_fingerprint import prints_of

REASONS = {
    "inliers": 212.0,
    "reference_share": 0.963,
    "candidate_share": 0.004,
    "agreeing": 0.931,
    "phash_distance": 2.0,
    "unknown": 7.0,
}


def test_the_numbers_that_matter_are_told() -> None:
    found = Similarity(0.9, Relation.PARTIAL, "m-1", reasons=REASONS)
    assert reasons_in_words(found) == (
        "212 points agree",
        "96 % of your picture",
        "under 1 % of the listing's",
        "pixels agree 0.93",
        "hash distance 2 of 64",
    )


def test_a_place_found_by_chance_is_not_told_as_shared() -> None:
    found = Similarity(0.1, Relation.NONE, "m-1", reasons={**REASONS, "inliers": 1.0})
    assert reasons_in_words(found) == ("1 point agrees", "hash distance 2 of 64")


def test_reasons_of_another_method_are_left_out() -> None:
    assert reasons_in_words(Similarity(0.9, Relation.SAME, "m-0", reasons={"hash": 0.5})) == ()
    assert reasons_in_words(Similarity(0.9, Relation.SAME, "m-0")) == ()


def test_a_blank_picture_is_told_as_such() -> None:
    found = Similarity(0.0, Relation.NONE, "m-1", reasons={"blank": 1.0, "detail": 0.2})
    assert reasons_in_words(found) == ("one of the pictures is blank",)


def test_every_relation_has_its_own_words() -> None:
    words = {relation_in_words(Similarity(0.5, relation, "m-1")) for relation in Relation}
    assert len(words) == len(Relation)


def test_a_comparison_gives_all_its_reasons_in_words() -> None:
    picture = draw(1, 400, 300)
    found = compare(prints_of(picture), prints_of(flipped(picture)))
    assert relation_in_words(found) == "the same picture, mirrored"
    assert len(reasons_in_words(found)) == 5
