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
    through the index.
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
        return [*self._own, *(found.key for found in self._index.query(prints))]

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


def best_per_asset(
    candidates: Iterable[ReferencePicture], picture_sha256: str, comparisons: Comparisons
) -> list[Judged]:
    """For each asset among the candidates its best similarity to the picture."""
    best: dict[int, Judged] = {}
    for reference in candidates:
        similarity = comparisons[(reference.sha256, picture_sha256)]
        current = best.get(reference.asset_id)
        if current is None or similarity.score > current.similarity.score:
            best[reference.asset_id] = Judged(reference, picture_sha256, similarity)
    return list(best.values())
