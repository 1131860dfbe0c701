"""judge: one page of listings, each with its picture, against the assets of a watch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor import matching
from monitor.model import Fingerprints, PictureRecord, ReferencePicture, Scan, Similarity

# (reference sha256, listing picture sha256) -> what the comparison said
Comparisons = dict[tuple[str, str], Similarity]


@dataclass(frozen=True, slots=True)
class Judged:
    """The best similarity of one listing picture to one asset."""

    reference: ReferencePicture
    picture_sha256: str
    similarity: Similarity


class Judge:
    """Compares listing pictures with a watch's reference pictures.

    The searched asset's own pictures are compared one by one, those of the watch's other assets
    through the near-duplicate index.
    """

    def __init__(
        self,
        scan: Scan,
        references: Sequence[ReferencePicture],
        records: Mapping[str, PictureRecord],
    ) -> None:
        self._records = records
        known = [reference for reference in references if reference.sha256 in records]
        if scan.reference.sha256 in records and scan.reference not in known:
            known.append(scan.reference)  # retired since the scan was planned, still asked for
        asset_id = scan.reference.asset_id
        self._own = [reference for reference in known if reference.asset_id == asset_id]
        self._index = matching.Index.build(
            (reference, records[reference.sha256].fingerprints)
            for reference in known
            if reference.asset_id != asset_id
        )

    def candidates(self, prints: Fingerprints) -> list[ReferencePicture]:
        """The reference pictures worth comparing with this listing picture."""
        return [*self._own, *(key for key, _ in self._index.query(prints))]

    def compare(
        self, candidates: Iterable[ReferencePicture], picture: PictureRecord, known: Comparisons
    ) -> Comparisons:
        """The comparisons that `known` lacks, by (reference sha256, picture sha256)."""
        fresh: Comparisons = {}
        for reference in candidates:
            key = (reference.sha256, picture.sha256)
            if key not in known and key not in fresh:
                prints = self._records[reference.sha256].fingerprints
                fresh[key] = matching.compare(prints, picture.fingerprints)
        return fresh


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
    comparisons: Comparisons,
    standing: Standing,
) -> list[Judged]:
    """For each asset among the candidates its best similarity to the picture."""
    best: dict[int, Judged] = {}
    for reference in candidates:
        similarity = comparisons[(reference.sha256, picture_sha256)]
        judged = Judged(reference, picture_sha256, similarity)
        current = best.get(reference.asset_id)
        if current is None or standing.rank(judged) > standing.rank(current):
            best[reference.asset_id] = judged
    return list(best.values())
