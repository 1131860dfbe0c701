"""A stored similarity, made again: the points it rests on are not stored, but found anew."""

from __future__ import annotations

from typing import Final

from monitor.errors import PictureError
from monitor.matching.compare.compare import METHOD, Comparison, examine
from monitor.model import Fingerprints, Similarity

# Scores are sums of floats; a difference below this is the processor's.
EQUAL: Final = 1e-6


def recall(
    stored: Similarity, reference: Fingerprints, candidate: Fingerprints
) -> tuple[Comparison, str]:
    """The comparison with its points if it comes out as it is stored, and "".

    Else what is stored, without points, and why: what is drawn never says anything else than what
    was told.
    """
    if stored.method != METHOD:
        return Comparison(stored), name_change(stored, None)
    try:
        now = examine(reference, candidate)
    except PictureError as error:
        return Comparison(stored), str(error)
    change = name_change(stored, now.similarity)
    return (Comparison(stored), change) if change else (now, "")


def name_change(stored: Similarity, now: Similarity | None) -> str:
    """What makes a comparison made now differ from the stored one; empty if nothing does."""
    if stored.method != METHOD:
        return f"it was found with the method {stored.method}, today's is {METHOD}"
    if now is not None and abs(now.score - stored.score) > EQUAL:
        return (
            f"the score comes out as {now.score:.6f} with the same method: "
            "another version of a library, or another machine"
        )
    return ""
