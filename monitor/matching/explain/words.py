"""Relation and reasons in plain words: the same in the drawing, the alert and the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monitor.model import Relation, Similarity
from monitor.words import Words, read_words
from monitor.words.entries import write

# What the texts write digits and signs with, besides their own characters.
_EVERYWHERE: Final = "0123456789.,<%· "


def relation_in_words(similarity: Similarity, words: Words | None = None) -> str:
    """Such as `the same picture, mirrored`; in English unless `words` are given."""
    words = words or read_words()
    relation = words.say("drawing.relation", relation=similarity.relation)
    return words.say("drawing.mirrored", relation=relation) if similarity.mirrored else relation


def score_in_words(similarity: Similarity, words: Words) -> str:
    """Such as `score 0.912`."""
    return words.say("drawing.score", score=similarity.score)


def names_above(words: Words) -> tuple[str, str]:
    """What stands above the reference and above the listing's picture."""
    return words.say("drawing.ours_above"), words.say("drawing.theirs_above")


def characters_of(words: Words) -> frozenset[str]:
    """What a font must have to write all this."""
    return words.characters("drawing") | frozenset(_EVERYWHERE)


def reasons_in_words(similarity: Similarity, words: Words | None = None) -> tuple[str, ...]:
    """The few numbers that matter, in English unless `words` are given.

    Empty where none is known by its name: stored reasons may be those of an earlier method.
    """
    reasons = similarity.reasons or {}
    words = words or read_words()
    if reasons.get("blank"):
        return (words.say("drawing.blank"),)
    points, bits = reasons.get("inliers"), reasons.get("phash_distance")
    texts = [] if points is None else [words.say("drawing.points", n=round(points))]
    if similarity.relation is not Relation.NONE:
        texts += _overlap(words, reasons)
    if bits is not None:
        texts.append(words.say("drawing.hashes", bits=round(bits)))
    return tuple(texts)


def _overlap(words: Words, reasons: Mapping[str, float]) -> list[str]:
    """What is shared; where nothing is alike, a place found by chance would be shown as shared."""
    shares = (("ours", "reference_share"), ("theirs", "candidate_share"))
    texts = [
        words.say(f"drawing.{whose}", part=_part(words, reasons[name]))
        for whose, name in shares
        if name in reasons
    ]
    if "agreeing" in reasons:
        texts.append(words.say("drawing.pixels", share=reasons["agreeing"]))
    return texts


def _part(words: Words, share: float) -> str:
    return words.say("drawing.under_one") if share < 0.01 else write(share, "share")
