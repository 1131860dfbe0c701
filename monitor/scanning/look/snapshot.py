"""What judging needs of the store, loaded whole, so that judging itself asks nothing."""

from __future__ import annotations

from collections.abc import Mapping

from monitor import matching
from monitor.model import Fingerprints
from monitor.scanning.context import ScanContext
from monitor.scanning.look.judge import Candidates, Snapshot
from monitor.scanning.look.references import load_reference_prints
from monitor.scanning.pictures import load_prints
from monitor.storage.catalogue import comparisons


def load_snapshot(
    context: ScanContext, candidates: Candidates, in_hand: Mapping[str, Fingerprints]
) -> Snapshot:
    """What is known of listing pictures and their candidates.

    `in_hand` are whole fingerprints, by sha256, that need not be loaded. Of the others only those
    are that today's comparison has not said everything of. Raises StoreError.
    """
    references = {item.sha256 for items in candidates.values() for item in items}
    with context.store.reading() as conn:
        said = comparisons.find(conn, references, set(candidates), matching.METHOD)
    missing = {
        (item.sha256, sha256)
        for sha256, items in candidates.items()
        for item in items
        if (item.sha256, sha256) not in said
    }
    ours = load_reference_prints(context, {reference for reference, _ in missing})
    theirs = load_prints(context, {sha256 for _, sha256 in missing} - in_hand.keys())
    return Snapshot(candidates, said, {**ours, **theirs, **in_hand})
