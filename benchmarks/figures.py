"""Scores of copies and of honest pairs -> recall at false-match rates, precision, calibration."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np

Doubles: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

RATES: Final = (1e-2, 1e-3, 1e-4)


def threshold(honest: Doubles, rate: float) -> float:
    """The least score that at most this share of the honest pairs exceeds."""
    ordered = np.sort(honest)[::-1]
    return float(ordered[min(len(ordered) - 1, int(rate * len(ordered)))])


def recall(copies: Doubles, limit: float) -> float:
    """The share of copies above the limit; equal counts as not found."""
    return float((copies > limit).mean()) if len(copies) else float("nan")


def average_precision(copies: Doubles, honest: Doubles) -> float:
    """The mean, over copies, of the precision at each one's score, as if there were as many honest
    pairs as copies."""
    weight = len(copies) / len(honest)
    scores = np.concatenate([copies, honest])
    is_copy = np.concatenate([np.ones(len(copies)), np.zeros(len(honest))])
    order = np.lexsort((is_copy, -scores))  # among equals, honest ones first
    found = np.cumsum(is_copy[order])
    wrong = np.cumsum((1 - is_copy[order]) * weight)
    precision = found / (found + wrong)
    return float(precision[is_copy[order] == 1].mean())


def reliability(
    scores: Doubles, is_copy: Doubles, weights: Doubles, bins: int = 10
) -> list[tuple[float, float, float, float]]:
    """Per bin of the score: (share of all, mean score, share of copies, weight)."""
    place = np.minimum((scores * bins).astype(int), bins - 1)
    rows = []
    for number in range(bins):
        chosen = place == number
        mass = float(weights[chosen].sum())
        if mass == 0:
            rows.append((0.0, float("nan"), float("nan"), 0.0))
            continue
        mean = float((scores[chosen] * weights[chosen]).sum()) / mass
        copies = float((is_copy[chosen] * weights[chosen]).sum()) / mass
        rows.append((mass / float(weights.sum()), mean, copies, mass))
    return rows


def calibration_error(rows: list[tuple[float, float, float, float]]) -> float:
    """Expected calibration error: mean distance of score and share of copies, by mass."""
    return sum(share * abs(mean - copies) for share, mean, copies, mass in rows if mass)


def fit_logistic(design: Doubles, target: Doubles, weights: Doubles, ridge: float) -> Doubles:
    """Weighted logistic regression by Newton's method; the ridge spares the first column."""
    found = np.zeros(design.shape[1])
    held = ridge * float(weights.sum()) * np.eye(design.shape[1])
    held[0, 0] = 0.0
    for _ in range(60):
        chance = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        slope = design.T @ (weights * (chance - target)) + held @ found
        curve = (design * (weights * chance * (1 - chance))[:, None]).T @ design + held
        found = found - np.linalg.solve(curve, slope)
    return found
