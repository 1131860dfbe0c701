"""Evidence -> the score: a logistic, fitted as `benchmarks/recognition.py --fit` does.

The score is meant as a chance: of pairs at 0.9 on the benchmark's mix, about nine in ten are
copies (docs/benchmarks.md shows how far that holds).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from monitor.matching.geometry import Fit
from monitor.matching.photometry import Agreement

# In the order of `features_of`.
WEIGHTS: Final = (-6.5714, 1.1887, 0.575, -0.3475, 2.7628, 0.5895, -3.2691, -1.3141, 0.1124, 2.2753)

# Where nothing could be laid on each other: the least there is, rising with what little is alike.
_FAR: Final = -9.0


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


def features_of(evidence: Evidence) -> tuple[float, ...] | None:
    """What the logistic weighs; None where nothing could be compared."""
    fit, found = evidence.fit, evidence.agreement
    if fit is None or found is None:
        return None
    points = math.log1p(fit.inliers)
    larger = max(found.reference_share, found.candidate_share)
    return (
        1.0,
        points,
        fit.inliers / max(1, fit.pairs),
        _spread(found.best),
        found.agreeing,
        math.log1p(found.textured),
        points * math.sqrt(found.replaced),
        found.tint / 16,
        math.log(max(found.reference_share, 0.02)),
        math.log(max(larger, 0.02)),
    )


def _spread(correlation: float) -> float:
    """Fisher's z: spreads correlations near 1 apart; the bounds keep it finite."""
    return math.atanh(max(-0.99, min(0.99, correlation)))


def score_of(evidence: Evidence) -> float:
    """0..1, never quite either."""
    features = features_of(evidence)
    if features is None:
        logit = _FAR + 0.3 * min(evidence.inliers, 3) - 0.05 * evidence.distance
    else:
        logit = sum(weight * value for weight, value in zip(WEIGHTS, features, strict=True))
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
