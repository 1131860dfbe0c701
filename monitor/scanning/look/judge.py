"""judge: one page of listings, each with its picture, against the assets of a watch."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor import matching
from monitor.errors import PictureError
from monitor.model import Fingerprints, ReferencePicture, Scan, Similarity
from monitor.scanning.cache import Indexed
from monitor.scanning.context import ScanContext
from monitor.scanning.look.references import load_reference_prints
from monitor.scanning.pictures import load_prints
from monitor.storage.catalogue import comparisons

log = logging.getLogger(__name__)

# (reference sha256, listing picture sha256) -> what the comparison said
Comparisons = dict[tuple[str, str], Similarity]


@dataclass(frozen=True, slots=True)
class Judged:
    """The best similarity of one listing picture to one asset."""

    reference: ReferencePicture
    picture_sha256: str
    similarity: Similarity


class Judge:
    """Says which of a watch's reference pictures a listing picture is worth comparing with.

    Those of the searched asset always are, those of the watch's other assets if the index says so.
    """

    def __init__(self, scan: Scan, known: Indexed) -> None:
        self._asset_id = scan.reference.asset_id
        self._own = [item for item in known.references if item.asset_id == self._asset_id]
        if scan.reference not in self._own:
            self._own.append(scan.reference)  # retired since the scan was planned, still asked for
        self._known = known

    def candidates(self, sha256: str, prints: Fingerprints) -> list[ReferencePicture]:
        """The reference pictures worth comparing with this listing picture, its own asset's first.

        Raises PictureError for a damaged fingerprint.
        """
        found = self._known.query(sha256, prints)
        return [*self._own, *(item for item in found if item.asset_id != self._asset_id)]


def compare_all(
    context: ScanContext,
    candidates: Mapping[str, Sequence[ReferencePicture]],
    in_hand: Mapping[str, Fingerprints],
) -> tuple[Comparisons, Comparisons]:
    """(what the store knows, what is said now) of listing pictures and their candidates.

    `candidates` go by the listing picture's sha256, and so does `in_hand`: whole fingerprints that
    need not be loaded. Only what today's comparison has never said is compared. A picture whose
    fingerprints can't be had is left out. Raises StoreError.
    """
    references = {item.sha256 for items in candidates.values() for item in items}
    with context.store.reading() as conn:
        known = comparisons.find(conn, references, set(candidates), matching.METHOD)
    missing = [
        (item.sha256, sha256)
        for sha256, items in candidates.items()
        for item in items
        if (item.sha256, sha256) not in known
    ]
    ours = load_reference_prints(context, {reference for reference, _ in missing})
    shown = {sha256 for _, sha256 in missing}
    theirs = {**load_prints(context, shown - in_hand.keys()), **in_hand}
    fresh: Comparisons = {}
    for reference, sha256 in dict.fromkeys(missing):
        if reference not in ours or sha256 not in theirs:
            continue
        try:
            fresh[reference, sha256] = matching.compare(ours[reference], theirs[sha256])
        except PictureError as error:
            log.warning("pictures %s and %s can't be compared: %s", reference, sha256, error)
    return known, fresh


@dataclass(frozen=True, slots=True)
class Standing:
    """Which similarity a match is to rest on, where an asset has several reference pictures.

    Of those that are told, at `alert_score` or above, one from an `unspecific` picture comes last:
    what rests on it is held.
    """

    alert_score: float
    unspecific: frozenset[int] = frozenset()

    def rank(self, judged: Judged) -> tuple[bool, float]:
        score = judged.similarity.score
        is_told = score >= self.alert_score and judged.reference.id not in self.unspecific
        return is_told, score


def best_per_asset(
    candidates: Iterable[ReferencePicture],
    picture_sha256: str,
    said: Comparisons,
    standing: Standing,
) -> list[Judged]:
    """For each asset among the candidates its best similarity to the picture.

    Those that could not be compared are left out.
    """
    best: dict[int, Judged] = {}
    for reference in candidates:
        similarity = said.get((reference.sha256, picture_sha256))
        if similarity is None:
            continue
        judged = Judged(reference, picture_sha256, similarity)
        current = best.get(reference.asset_id)
        if current is None or standing.rank(judged) > standing.rank(current):
            best[reference.asset_id] = judged
    return list(best.values())
