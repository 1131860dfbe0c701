"""Matches: how two pictures relate, and what a person ruled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias


class Relation(StrEnum):
    """How a candidate picture relates to a reference picture."""

    SAME = "same"
    PARTIAL = "partial"
    VARIANT = "variant"
    NONE = "none"


class Verdict(StrEnum):
    """What a person ruled on a match."""

    UNREVIEWED = "unreviewed"
    INFRINGING = "infringing"
    AUTHORISED = "authorised"
    NOT_OURS = "not_ours"
    IGNORED = "ignored"
    UNSURE = "unsure"

    @property
    def is_settled(self) -> bool:
        """Whether it ends the match's alerts."""
        return self in (Verdict.AUTHORISED, Verdict.NOT_OURS, Verdict.IGNORED)


# For queries, which can't ask the noun.
SETTLED_VERDICTS: Final = tuple(verdict.value for verdict in Verdict if verdict.is_settled)


# What a watch records and tells from, unless it says otherwise: docs/benchmarks.md has the reasons.
DEFAULT_RECORD_SCORE: Final = 0.50
DEFAULT_ALERT_SCORE: Final = 0.80

# Corners in parts of width and height (0..1), clockwise from the top left of the upright picture.
Polygon: TypeAlias = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Region:
    """What the two pictures share: the same content as a polygon in each."""

    reference: Polygon
    candidate: Polygon


@dataclass(frozen=True, slots=True)
class Similarity:
    """The result of comparing two fingerprints; `score` is 0..1 and rises with the evidence.

    `method` names the comparison and its version, `reasons` the evidence in numbers.
    """

    score: float
    relation: Relation
    method: str
    region: Region | None = None
    mirrored: bool = False
    reasons: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """What a match may rest on: a reference picture, a picture of the listing, their similarity."""

    reference_id: int
    picture_sha256: str
    similarity: Similarity


def best_basis(bases: Iterable[Basis], alert_score: float, unspecific: Collection[int]) -> Basis:
    """The one that a match is to rest on; of equals the first.

    The highest score, but that among those that are told, from `alert_score` on, one from an
    `unspecific` reference picture (by id) comes last: what rests on it is held.
    """

    def rank(basis: Basis) -> tuple[bool, float]:
        score = basis.similarity.score
        return score >= alert_score and basis.reference_id not in unspecific, score

    return max(bases, key=rank)
