"""judge: the pictures of a page against the assets of a watch, from a snapshot. Pure."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from monitor import matching
from monitor.errors import PictureError
from monitor.model import Basis, Fingerprints, ReferencePicture, Similarity
from monitor.scanning.cache import Indexed
from monitor.scanning.look.fetch import SeenListing

log = logging.getLogger(__name__)

# Listing picture -> the reference pictures that it is worth comparing with
Candidates: TypeAlias = Mapping[str, Sequence[ReferencePicture]]
# (reference sha256, listing picture sha256) -> what the comparison said
Comparisons: TypeAlias = dict[tuple[str, str], Similarity]
# Asset -> what a match of it with a listing may rest on
Bases: TypeAlias = dict[int, list[Basis]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What pictures are worth comparing with, and what the store knows of these pairs.

    `said` is what today's comparison has said before; `prints` are the whole fingerprints, by
    sha256, of the pictures of all other pairs. Of pictures that can't be compared there are none.
    """

    candidates: Candidates
    said: Comparisons
    prints: Mapping[str, Fingerprints]


@dataclass(frozen=True, slots=True)
class JudgedListing:
    """A listing, and the assets that it shows. `bases` are from the record score on."""

    seen: SeenListing
    bases: Bases


@dataclass(frozen=True, slots=True)
class JudgedPage:
    """The listings of a page, and the comparisons that were made for it."""

    listings: list[JudgedListing]
    comparisons: Comparisons


def judge_page(seen: Sequence[SeenListing], snapshot: Snapshot, record_score: float) -> JudgedPage:
    """Which assets the listings of a page show, at `record_score` or above."""
    made = compare_new(snapshot)
    said = snapshot.said | made
    judged = [
        JudgedListing(
            item,
            find_bases(snapshot.candidates.get(item.sha256, ()), item.sha256, said, record_score)
            if item.sha256 is not None
            else {},
        )
        for item in seen
    ]
    return JudgedPage(judged, made)


def find_candidates(
    seen: Sequence[SeenListing], searched: ReferencePicture, known: Indexed
) -> dict[str, list[ReferencePicture]]:
    """What each picture on a page is worth comparing with, the searched asset's pictures first.

    Those always are, those of the watch's other assets if the index says so.
    """
    own = [item for item in known.references if item.asset_id == searched.asset_id]
    if searched not in own:
        own.append(searched)  # retired since the scan was planned, still asked for
    found: dict[str, list[ReferencePicture]] = {}
    for item in seen:
        if item.sha256 is None or item.sha256 in found:
            continue
        try:
            alike = known.query(item.sha256, item.prints)
        except PictureError as error:
            log.warning("picture %s can't be looked up: %s", item.sha256, error)
            continue
        others = (other for other in alike if other.asset_id != searched.asset_id)
        found[item.sha256] = [*own, *others]
    return found


def compare_new(snapshot: Snapshot) -> Comparisons:
    """What today's comparison says of the pairs that it has never said anything of."""
    prints, made = snapshot.prints, Comparisons()
    for sha256, candidates in snapshot.candidates.items():
        for reference in dict.fromkeys(item.sha256 for item in candidates):
            pair = (reference, sha256)
            if pair in snapshot.said or reference not in prints or sha256 not in prints:
                continue
            try:
                made[pair] = matching.compare(prints[reference], prints[sha256])
            except PictureError as error:
                log.warning("pictures %s and %s can't be compared: %s", reference, sha256, error)
    return made


def find_bases(
    candidates: Sequence[ReferencePicture],
    picture_sha256: str,
    said: Comparisons,
    record_score: float,
) -> Bases:
    """For each asset among the candidates the similarities that are to be recorded.

    Those that could not be compared are left out.
    """
    bases: Bases = {}
    for reference in candidates:
        similarity = said.get((reference.sha256, picture_sha256))
        if similarity is not None and similarity.score >= record_score:
            basis = Basis(reference.id, picture_sha256, similarity)
            bases.setdefault(reference.asset_id, []).append(basis)
    return bases
