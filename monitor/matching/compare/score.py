"""Evidence -> the score: two logistics, fitted as `benchmarks/recognition.py --fit` does.

The first says how likely both pictures show one thing at all, against honest pairs. The second how
likely it is the photograph itself, against variants of it: another print, another colour, another
view. The score is their product, and so the chance of a copy: of pairs at 0.9 on the benchmark's
mix, about nine in ten are copies (docs/benchmarks.md shows how far that holds).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monitor.matching.compare.geometry import Fit
from monitor.matching.compare.photometry import Agreement

# In the order of `thing_features` and `photograph_features`.
THING: Final = (-11.439, 2.91, 1.471, 3.342, 1.249, 1.477, 1.884, -1.083, -0.405, -3.386)
PHOTOGRAPH: Final = (0.511, 5.805, -2.378, -0.501, -8.343, -3.078)

# Windows that must agree for them to say anything, and what is taken off where none do: a tiny mark
# on an empty page is like many others. Of 3,000 copies on the tuning half four have fewer.
_ENOUGH_SEEN: Final = 60.0
_NOT_SEEN: Final = 8.0
# Where many points are alike, the share that must agree, and what is taken off where none do: the
# lines of two texts fall on each other without one letter in its place. Seven of those copies.
_MANY_PAIRS: Final = 20
_LEAST_AGREEING: Final = 0.12
_STREWN: Final = 5.0

# Where nothing could be laid on each other: the least there is, rising with what little is alike.
_FAR: Final = -11.0


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the score is made of. `distance` is that of the nearest hashes, in bits of 64.

    `agreement` is None where no place was found, or too small a one.
    """

    distance: int
    fit: Fit | None = None
    agreement: Agreement | None = None
    mirrored: bool = False

    @property
    def inliers(self) -> int:
        return 0 if self.fit is None else self.fit.inliers


@dataclass(frozen=True, slots=True)
class Chances:
    """Each 0..1, never quite either: that both show one thing, and that it is one photograph."""

    thing: float
    photograph: float

    @property
    def score(self) -> float:
        return self.thing * self.photograph


def thing_features(fit: Fit, found: Agreement) -> tuple[float, ...]:
    """What the first logistic weighs."""
    return (
        1.0,
        fit.inliers / max(1, fit.pairs),
        _spread(found.best),
        found.core,
        found.agreeing,
        math.log1p(found.textured),
        math.log(max(found.reference_share, found.candidate_share, 0.02)),
        math.sqrt(found.replaced),
        math.log1p(found.tint),
        found.contrast,
    )


def photograph_features(found: Agreement) -> tuple[float, ...]:
    """What the second logistic weighs."""
    return (
        1.0,
        found.core,
        math.sqrt(found.replaced),
        math.log1p(found.tint),
        found.split,
        found.contrast,
    )


def _spread(correlation: float) -> float:
    """Fisher's z: spreads correlations near 1 apart; the bounds keep it finite."""
    return math.atanh(max(-0.99, min(0.99, correlation)))


def chances_of(evidence: Evidence) -> Chances:
    """Both chances. Without a place to compare, the second says nothing."""
    fit, found = evidence.fit, evidence.agreement
    if fit is None or found is None:
        far = _FAR + 0.3 * min(evidence.inliers, 3) - 0.05 * evidence.distance
        return Chances(_logistic(far), 1.0)
    return Chances(
        _logistic(_weigh(THING, thing_features(fit, found)) - _doubt(fit, found)),
        _logistic(_weigh(PHOTOGRAPH, photograph_features(found))),
    )


def _doubt(fit: Fit, found: Agreement) -> float:
    """What is taken off for what no brand owns: a tiny mark on an empty page, pages of text."""
    unseen = max(0.0, 1.0 - found.textured / _ENOUGH_SEEN)
    agree = fit.inliers / _LEAST_AGREEING / max(1, fit.pairs)
    strewn = max(0.0, 1.0 - agree) if fit.pairs >= _MANY_PAIRS else 0.0
    return _NOT_SEEN * unseen + _STREWN * strewn


def score_of(evidence: Evidence) -> float:
    """0..1, never quite either."""
    return chances_of(evidence).score


def _weigh(weights: Sequence[float], features: Sequence[float]) -> float:
    return sum(weight * value for weight, value in zip(weights, features, strict=True))


def _logistic(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
