"""Relation and reasons in plain words: the same in the drawing, the alert and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from monitor.model import Language, Relation, Similarity


@dataclass(frozen=True, slots=True)
class _Phrases:
    """One language; `{n}` stands for the number."""

    ours_above: str
    theirs_above: str
    relations: Mapping[Relation, str]
    mirrored: str
    score: str
    blank: str
    point: str
    points: str
    ours: str
    theirs: str
    pixels: str
    hashes: str
    under_one: str


_PHRASES: Final[Mapping[Language, _Phrases]] = {
    Language.ENGLISH: _Phrases(
        ours_above="yours",
        theirs_above="listing",
        relations={
            Relation.SAME: "the same picture",
            Relation.PARTIAL: "they share a part of the picture",
            Relation.VARIANT: "another colour, print or photograph of it",
            Relation.NONE: "not recognised as a copy",
        },
        mirrored="{relation}, mirrored",
        score="score {n}",
        blank="one of the pictures is blank",
        point="1 point agrees",
        points="{n} points agree",
        ours="{n} of your picture",
        theirs="{n} of the listing's",
        pixels="pixels agree {n}",
        hashes="hash distance {n} of 64",
        under_one="under 1 %",
    ),
    Language.CHINESE: _Phrases(
        ours_above="您的图片",
        theirs_above="商品图片",
        relations={
            Relation.SAME: "同一图片",
            Relation.PARTIAL: "图片有部分相同",
            Relation.VARIANT: "同一图案的其他颜色、印品或照片",
            Relation.NONE: "未识别为复制",
        },
        mirrored="{relation}，左右翻转",
        score="相似度 {n}",
        blank="其中一张图片是空白的",
        point="1 个特征点吻合",
        points="{n} 个特征点吻合",
        ours="占您图片的 {n}",
        theirs="占商品图片的 {n}",
        pixels="像素吻合度 {n}",
        hashes="哈希距离 {n}（共 64 位）",
        under_one="不到 1 %",
    ),
}

# What the lines above write digits and signs with, besides their own characters.
_EVERYWHERE: Final = "0123456789.<%· "


def relation_in_words(similarity: Similarity, language: Language = Language.ENGLISH) -> str:
    """Such as `the same picture, mirrored`."""
    phrases = _PHRASES[language]
    relation = phrases.relations[similarity.relation]
    return phrases.mirrored.format(relation=relation) if similarity.mirrored else relation


def score_in_words(similarity: Similarity, language: Language = Language.ENGLISH) -> str:
    """Such as `score 0.912`."""
    return _PHRASES[language].score.format(n=f"{similarity.score:.3f}")


def names_above(language: Language = Language.ENGLISH) -> tuple[str, str]:
    """What stands above the reference and above the listing's picture."""
    phrases = _PHRASES[language]
    return phrases.ours_above, phrases.theirs_above


def characters_of(language: Language) -> frozenset[str]:
    """What a font must have to write all this."""
    phrases = _PHRASES[language]
    texts = (getattr(phrases, name) for name in phrases.__dataclass_fields__ if name != "relations")
    return frozenset("".join([*texts, *phrases.relations.values(), _EVERYWHERE]))


def reasons_in_words(
    similarity: Similarity, language: Language = Language.ENGLISH
) -> tuple[str, ...]:
    """The few numbers that matter; empty where none is known by its name.

    Stored reasons may be those of an earlier method, with other names.
    """
    reasons = similarity.reasons or {}
    phrases = _PHRASES[language]
    if reasons.get("blank"):
        return (phrases.blank,)
    return tuple(
        text
        for text in (
            _points(phrases, reasons.get("inliers")),
            *(_overlap(phrases, reasons) if similarity.relation is not Relation.NONE else ()),
            _hashes(phrases, reasons.get("phash_distance")),
        )
        if text
    )


def _points(phrases: _Phrases, number: float | None) -> str:
    if number is None:
        return ""
    return phrases.point if number == 1 else phrases.points.format(n=f"{number:.0f}")


def _overlap(phrases: _Phrases, reasons: Mapping[str, float]) -> tuple[str, ...]:
    """What is shared; where nothing is alike, a place found by chance would be shown as shared."""
    ours, theirs = reasons.get("reference_share"), reasons.get("candidate_share")
    pixels = reasons.get("agreeing")
    return (
        "" if ours is None else phrases.ours.format(n=_percent(phrases, ours)),
        "" if theirs is None else phrases.theirs.format(n=_percent(phrases, theirs)),
        "" if pixels is None else phrases.pixels.format(n=f"{pixels:.2f}"),
    )


def _percent(phrases: _Phrases, part: float) -> str:
    return phrases.under_one if part < 0.01 else f"{100 * min(part, 1.0):.0f} %"


def _hashes(phrases: _Phrases, bits: float | None) -> str:
    return "" if bits is None else phrases.hashes.format(n=f"{bits:.0f}")
