"""Relation and reasons in plain words: the same in the drawing, the alert and the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monitor.model import Relation, Similarity

_RELATIONS: Final[Mapping[Relation, str]] = {
    Relation.SAME: "the same picture",
    Relation.PARTIAL: "they share a part of the picture",
    Relation.VARIANT: "another colour, print or photograph of it",
    Relation.NONE: "not recognised as a copy",
}


def relation_in_words(similarity: Similarity) -> str:
    """Such as `the same picture, mirrored`."""
    return _RELATIONS[similarity.relation] + (", mirrored" if similarity.mirrored else "")


def reasons_in_words(similarity: Similarity) -> tuple[str, ...]:
    """The few numbers that matter; empty where none is known by its name.

    Stored reasons may be those of an earlier method, with other names.
    """
    reasons = similarity.reasons or {}
    if reasons.get("blank"):
        return ("one of the pictures is blank",)
    return tuple(
        text
        for text in (
            _points(reasons.get("inliers")),
            *(_overlap(reasons) if similarity.relation is not Relation.NONE else ()),
            _hashes(reasons.get("phash_distance")),
        )
        if text
    )


def _points(number: float | None) -> str:
    if number is None:
        return ""
    return "1 point agrees" if number == 1 else f"{number:.0f} points agree"


def _overlap(reasons: Mapping[str, float]) -> tuple[str, ...]:
    """What is shared; where nothing is alike, a place found by chance would be shown as shared."""
    ours, theirs = reasons.get("reference_share"), reasons.get("candidate_share")
    pixels = reasons.get("agreeing")
    return (
        "" if ours is None else f"{_percent(ours)} of your picture",
        "" if theirs is None else f"{_percent(theirs)} of the listing's",
        "" if pixels is None else f"pixels agree {pixels:.2f}",
    )


def _percent(part: float) -> str:
    return "under 1 %" if part < 0.01 else f"{100 * min(part, 1.0):.0f} %"


def _hashes(bits: float | None) -> str:
    return "" if bits is None else f"hash distance {bits:.0f} of 64"
