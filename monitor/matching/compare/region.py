"""What two pictures share, as a polygon in each."""

from __future__ import annotations

import math

import numpy as np

from monitor.matching.compare.geometry import Doubles, Fit, apply
from monitor.matching.compare.score import Evidence
from monitor.matching.fingerprint.keypoints import Features
from monitor.matching.working_copy import opencv
from monitor.model import Polygon, Region

# Corners nearer to the edge than this part of the side are put on it.
_SNAP = 0.012


def region_of(evidence: Evidence, ours: Features, theirs: Features) -> Region | None:
    """The overlap of both pictures under the map that was found; None where there is none."""
    fit = evidence.fit
    if fit is None:
        return None
    shared = _overlap(fit, ours, theirs)
    if shared is None:
        return None
    there = apply(fit.matrix, shared)
    if evidence.mirrored:
        there[:, 0] = theirs.width - 1 - there[:, 0]
    return Region(_polygon(shared, ours), _polygon(there, theirs))


def points_of(
    evidence: Evidence, ours: Features, theirs: Features
) -> tuple[tuple[tuple[float, float], tuple[float, float]], ...]:
    """The point pairs that agree, in parts of the side of either picture."""
    fit = evidence.fit
    if fit is None:
        return ()
    there = fit.candidate.copy()
    if evidence.mirrored:
        there[:, 0] = theirs.width - 1 - there[:, 0]
    one = (fit.reference + 0.5) / (ours.width, ours.height)
    other = (there + 0.5) / (theirs.width, theirs.height)
    return tuple(
        ((float(a), float(b)), (float(c), float(d)))
        for (a, b), (c, d) in zip(one, other, strict=True)
    )


def _corners(width: int, height: int) -> Doubles:
    """Of the picture's area, in its pixels: centres are whole numbers."""
    right, bottom = width - 0.5, height - 0.5
    return np.array([(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)])


def _overlap(fit: Fit, ours: Features, theirs: Features) -> Doubles | None:
    """The part of the reference that the candidate shows, in the reference's working pixels."""
    linear, shift = fit.matrix[:, :2], fit.matrix[:, 2]
    if abs(np.linalg.det(linear)) < 1e-9:
        return None
    back = (_corners(theirs.width, theirs.height) - shift) @ np.linalg.inv(linear).T
    own = _corners(ours.width, ours.height)
    area, shared = opencv().intersectConvexConvex(own.astype(np.float32), back.astype(np.float32))
    if area < 1.0 or shared is None:
        return None
    return np.asarray(shared, dtype=np.float64).reshape(-1, 2)


def _polygon(places: Doubles, picture: Features) -> Polygon:
    """In parts of the side, clockwise from the corner nearest to the top left."""
    parts = (places + 0.5) / (picture.width, picture.height)
    parts = np.where(np.abs(parts) < _SNAP, 0.0, np.where(np.abs(parts - 1) < _SNAP, 1.0, parts))
    corners = [(float(x), float(y)) for x, y in np.clip(parts, 0.0, 1.0).round(4)]
    corners = [place for n, place in enumerate(corners) if place != corners[n - 1]]
    middle = np.mean(corners, axis=0)
    corners.sort(key=lambda place: math.atan2(place[1] - middle[1], place[0] - middle[0]))
    first = min(range(len(corners)), key=lambda n: corners[n][0] + corners[n][1])
    return tuple(corners[first:] + corners[:first])
