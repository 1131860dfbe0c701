"""Two fingerprints -> how alike the pictures are, and why.

Two stages, one score. Hashes that are near say where one picture lies in the other; where that
settles it, nothing else is asked. Else points of both pictures are matched, upright and mirrored.
Whatever place is found, the small pictures are laid on each other there and their pixels compared:
a shared frame, banner or template agrees in geometry, but not in what it frames.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from monitor.matching.compare.align import align
from monitor.matching.compare.geometry import Doubles, Fit, Pairs, find_fit, fit_of, pair_points
from monitor.matching.compare.photometry import Agreement, agree
from monitor.matching.compare.region import points_of, region_of
from monitor.matching.compare.score import Chances, Evidence, chances_of, score_of
from monitor.matching.fingerprint.fingerprint import Print, is_blank, unpack
from monitor.matching.fingerprint.keypoints import Features, mirrored, small_grey, unpack_features
from monitor.model import DEFAULT_ALERT_SCORE, Fingerprints, Relation, Similarity

METHOD: Final = "hash-keypoints-1"

# Hash distance (bits of 64) up to which the hashes propose a place: 5 % of honest pairs, and all
# but a few in a thousand of the lightly edited copies.
SECOND_LOOK: Final = 18
# Orientations whose distances differ by no more than this are both looked at.
_UNDECIDED: Final = 2
# Point pairs that agree, below which a place is not worth the pixels.
_WORTH: Final = 4
# With so many, and most of all, the other orientation is not tried.
_PLENTY: Final = 25
_BLANK_SCORE: Final = 1e-6
# Chances from which the pictures are related at all, and from which they are one photograph: a
# variant is never told unasked.
_SAME_THING: Final = 0.5
_SAME_PHOTOGRAPH: Final = DEFAULT_ALERT_SCORE
# Point pairs that agree, as a number and as a share of all, the part of the reference they lie in,
# and what must agree in its middle, from which it is one thing even so: a shared screen or frame
# has the points, but another middle.
_VARIANT_POINTS: Final = 20
_VARIANT_SHARE: Final = 0.3
_VARIANT_OVERLAP: Final = 0.3
_VARIANT_CORE: Final = 0.25
# Parts of both pictures that must be shared for `same`.
_WHOLE: Final = 0.55


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the comparison says, and the points it rests on, each in parts of both pictures."""

    similarity: Similarity
    points: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = ()


def compare(reference: Fingerprints, candidate: Fingerprints) -> Similarity:
    """How alike the two pictures are, and in what relation.

    `same` and `partial` where both show one photograph; `variant` where they show one thing but its
    pixels differ, always with a score below 0.80; else `none`. A blank or near-uniform picture is
    `none` to everything.
    Raises PictureError if one lacks a sound fingerprint.
    """
    return _compare(reference, candidate)[0]


def examine(reference: Fingerprints, candidate: Fingerprints) -> Comparison:
    """As `compare`, with the points that agree."""
    similarity, evidence = _compare(reference, candidate)
    if evidence is None:
        return Comparison(similarity)
    ours, theirs = unpack_features(reference), unpack_features(candidate)
    return Comparison(similarity, points_of(evidence, ours, theirs))


def _compare(
    reference: Fingerprints, candidate: Fingerprints
) -> tuple[Similarity, Evidence | None]:
    """The similarity and what it rests on; None where one of both is blank."""
    one, other = unpack(reference), unpack(candidate)
    if is_blank(one) or is_blank(other):
        detail = min(one.detail, other.detail)
        reasons = {"blank": 1.0, "detail": detail}
        return Similarity(_BLANK_SCORE, Relation.NONE, METHOD, reasons=reasons), None
    ours, theirs = unpack_features(reference), unpack_features(candidate)
    evidence = gather(one, other, ours, theirs)
    chances = chances_of(evidence)
    relation = relate(evidence, chances)
    is_related = relation is not Relation.NONE
    similarity = Similarity(
        chances.score,
        relation,
        METHOD,
        region=region_of(evidence, ours, theirs) if is_related else None,
        mirrored=is_related and evidence.mirrored,
        reasons=_reasons(evidence, chances, one, other),
    )
    return similarity, evidence


def gather(one: Print, other: Print, ours: Features, theirs: Features) -> Evidence:
    """The best evidence for any place; the pictures must be worth a look (see `is_blank`)."""
    bits = np.bitwise_count(one.parts[0][None, :, None] ^ other.parts[:, None, :])
    upright, flipped = (int(least) for least in bits.reshape(2, -1).min(axis=1))
    distance, found = min(upright, flipped), [Evidence(min(upright, flipped))]
    turns = [False, True] if upright <= flipped else [True, False]
    pictures = {False: theirs, True: mirrored(theirs)}
    pairs: dict[bool, Pairs] = {}
    if distance <= SECOND_LOOK:
        for turn in turns if abs(upright - flipped) <= _UNDECIDED else turns[:1]:
            pairs[turn] = pair_points(ours, pictures[turn])
            matrix = _place_by_hash(ours, theirs, is_mirrored=turn)
            fit = fit_of(matrix, pairs[turn])
            found.append(_look(distance, ours, theirs, fit, is_mirrored=turn))
            if _is_settled(found[-1]):
                return found[-1]
    fits: list[tuple[Fit, bool]] = []
    for turn in turns:
        if turn not in pairs:
            pairs[turn] = pair_points(ours, pictures[turn])
        fit_here = find_fit(pairs[turn], ours)
        if fit_here is not None:
            fits.append((fit_here, turn))
        if fit_here is not None and fit_here.inliers >= max(_PLENTY, 0.7 * fit_here.pairs):
            break
    most = max((fit.inliers for fit, _ in fits), default=0)
    for fit_here, turn in fits:
        if fit_here.inliers >= max(_WORTH, most / 2):
            found.append(_look(distance, ours, theirs, fit_here, is_mirrored=turn))
        elif fit_here.inliers == most:
            found.append(Evidence(distance, fit_here, None, mirrored=turn))
    # A place that many points agree on is where they lie, also where its pixels speak against it.
    trusted = max(evidence.inliers for evidence in found) / 3
    return max((e for e in found if e.inliers >= trusted), key=score_of)


def _look(
    distance: int, ours: Features, theirs: Features, fit: Fit, *, is_mirrored: bool
) -> Evidence:
    agreement = agree(ours, theirs, fit, flipped=is_mirrored)
    return Evidence(distance, fit, agreement, mirrored=is_mirrored)


def _is_settled(evidence: Evidence) -> bool:
    """Whether the pixels agree so well under the hashes' own place that no other can be better."""
    found = evidence.agreement
    return (
        found is not None
        and evidence.inliers >= _PLENTY
        and found.structure > 0.9
        and found.agreeing > 0.97
        and min(found.reference_share, found.candidate_share) > 0.8
    )


def _place_by_hash(ours: Features, theirs: Features, *, is_mirrored: bool) -> Doubles:
    """Where the small pictures lie best on each other, as a map of working pixels."""
    one, other = small_grey(ours.jpeg), small_grey(theirs.jpeg)
    found = align(one, other[:, ::-1] if is_mirrored else other)
    rows = []
    for axis, ((low, high), our_size, their_size) in enumerate(
        ((found.x, ours.width, theirs.width), (found.y, ours.height, theirs.height))
    ):
        # In parts of the side: theirs = start + factor * ours.
        kept = 1.0 - low - high
        factor, start = (1.0 / kept, -low / kept) if found.is_first else (kept, low)
        row = [0.0, 0.0, (start + factor * 0.5 / our_size) * their_size - 0.5]
        row[axis] = factor * their_size / our_size
        rows.append(row)
    return np.array(rows)


def relate(evidence: Evidence, chances: Chances) -> Relation:
    """A variant shows the same thing, but by its pixels not the same photograph."""
    found = evidence.agreement
    if found is None:
        return Relation.NONE
    if chances.thing < _SAME_THING or chances.photograph < _SAME_PHOTOGRAPH:
        is_one_thing = chances.thing >= _SAME_THING or _has_one_geometry(evidence, found)
        return Relation.VARIANT if is_one_thing else Relation.NONE
    shares = (found.reference_share, found.candidate_share)
    return Relation.SAME if min(shares) >= _WHOLE else Relation.PARTIAL


def _has_one_geometry(evidence: Evidence, found: Agreement) -> bool:
    """Whether points alone say so: another view or colour leaves few of the pixels alike."""
    fit = evidence.fit
    return (
        fit is not None
        and fit.inliers >= max(_VARIANT_POINTS, _VARIANT_SHARE * fit.pairs)
        and found.reference_share >= _VARIANT_OVERLAP
        and found.core >= _VARIANT_CORE
    )


def _reasons(evidence: Evidence, chances: Chances, one: Print, other: Print) -> dict[str, float]:
    orientation = int(evidence.mirrored)
    whole = int(one.parts[0, 0] ^ other.parts[orientation, 0]).bit_count()
    reasons = {
        "phash_distance": float(whole),
        "dhash_distance": float((one.dhashes[0] ^ other.dhashes[orientation]).bit_count()),
        "nearest_part_distance": float(evidence.distance),
        "inliers": float(evidence.inliers),
        "point_pairs": float(0 if evidence.fit is None else evidence.fit.pairs),
        "same_thing": round(chances.thing, 4),
        "same_photograph": round(chances.photograph, 4),
    }
    if evidence.agreement is not None:
        numbers = asdict(evidence.agreement)
        reasons |= {name: round(value, 4) for name, value in numbers.items()}
    return reasons
