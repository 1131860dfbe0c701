"""Which pictures are compared with which, and what counts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from monitor import matching
from monitor.matching import Index
from monitor.model import (
    Fingerprints,
    Observation,
    ReferencePicture,
    Relation,
    Similarity,
    best_basis,
)
from monitor.scanning.cache import Indexed
from monitor.scanning.look.fetch import SeenListing
from monitor.scanning.look.judge import (
    Snapshot,
    compare_new,
    find_bases,
    find_candidates,
    judge_page,
)
from tests.matching.compare.test_relations import busy
from tests.matching.drawing import encode


@cache
def _prints(seed: int) -> Fingerprints:
    return matching.fingerprint(matching.decode(encode(busy(seed, 320, 240))))


def _reference(number: int, asset_id: int, seed: int) -> ReferencePicture:
    return ReferencePicture(number, asset_id, f"asset {asset_id}", f"sha-{seed}", f"{number}.png")


MUG, MUG_TOO, CUP, LAMP = (
    _reference(1, 10, 1),
    _reference(2, 10, 2),
    _reference(3, 20, 3),
    _reference(4, 30, 4),
)


def _known(*references: ReferencePicture) -> Indexed:
    index = Index.build((item, _prints(int(item.sha256[4:]))) for item in references)
    return Indexed(None, references, index)


def _seen(sha256: str, prints: Fingerprints) -> SeenListing:
    offer = Observation("1688", "1", "https://1688.com/1", "Mug", picture_url=None)
    return SeenListing(offer, sha256, prints)


def _candidates(searched: ReferencePicture, known: Indexed, seed: int) -> list[ReferencePicture]:
    """What the picture of that seed is worth comparing with."""
    sha256 = f"sha-{seed}"
    return find_candidates([_seen(sha256, _prints(seed))], searched, known)[sha256]


def test_the_searched_asset_is_always_compared_others_when_they_look_alike() -> None:
    known = _known(MUG, MUG_TOO, CUP, LAMP)
    assert _candidates(MUG, known, 50) == [MUG, MUG_TOO]
    assert _candidates(MUG, known, 3) == [MUG, MUG_TOO, CUP]


def test_the_searched_asset_is_no_candidate_twice() -> None:
    assert _candidates(MUG, _known(MUG, MUG_TOO, CUP, LAMP), 2) == [MUG, MUG_TOO]


def test_a_picture_retired_since_it_was_planned_is_still_asked_for() -> None:
    assert _candidates(MUG, _known(CUP), 50) == [MUG]


def test_a_picture_that_is_met_again_has_the_same_candidates() -> None:
    known = _known(MUG, CUP, LAMP)
    assert [_candidates(MUG, known, 3) for _ in range(2)] == [[MUG, CUP]] * 2


def test_a_listing_without_a_picture_or_with_a_damaged_one_stops_no_other() -> None:
    damaged = dict.fromkeys(_prints(3), b"?")
    none = replace(_seen("", {}), sha256=None)
    page = [none, _seen("sha-bad", damaged), _seen("sha-3", _prints(3)), _seen("sha-3", {})]
    found = find_candidates(page, MUG, _known(MUG, CUP))
    assert found == {"sha-3": [MUG, CUP]}


def test_only_what_was_never_said_is_compared() -> None:
    prints = {f"sha-{seed}": _prints(seed) for seed in (1, 2, 3)}
    said = {("sha-1", "sha-3"): Similarity(0.5, Relation.NONE, "m")}
    made = compare_new(Snapshot({"sha-3": [MUG, MUG_TOO]}, said, prints))
    assert list(made) == [("sha-2", "sha-3")]


def test_what_has_no_usable_fingerprints_is_compared_with_nothing() -> None:
    damaged = dict.fromkeys(_prints(3), b"?")
    prints = {"sha-1": _prints(1), "sha-3": _prints(3), "sha-bad": damaged}
    candidates = {"sha-3": [MUG, LAMP], "sha-bad": [MUG], "sha-none": [MUG]}
    assert list(compare_new(Snapshot(candidates, {}, prints))) == [("sha-1", "sha-3")]


def test_each_listing_of_a_page_is_judged_by_its_picture() -> None:
    said = {(CUP.sha256, "copy"): Similarity(0.8, Relation.SAME, "m")}
    page = [_seen("copy", {}), replace(_seen("", {}), sha256=None), _seen("copy", {})]
    judged = judge_page(page, Snapshot({"copy": [CUP]}, said, {}), 0.6)
    assert [list(item.bases) for item in judged.listings] == [[CUP.asset_id], [], [CUP.asset_id]]
    assert [item.seen for item in judged.listings] == page
    assert judged.comparisons == {}


def test_what_could_not_be_compared_is_left_out() -> None:
    said = {(CUP.sha256, "seen"): Similarity(0.8, Relation.SAME, "m")}
    assert list(find_bases([MUG, CUP], "seen", said, 0.6)) == [CUP.asset_id]


def test_what_lies_below_the_record_score_is_left_out() -> None:
    said = {
        (MUG.sha256, "seen"): Similarity(0.6, Relation.SAME, "m"),
        (MUG_TOO.sha256, "seen"): Similarity(0.59, Relation.SAME, "m"),
        (CUP.sha256, "seen"): Similarity(0.59, Relation.SAME, "m"),
    }
    bases = find_bases([MUG, MUG_TOO, CUP], "seen", said, 0.6)
    assert {key: [basis.reference_id for basis in of] for key, of in bases.items()} == {
        MUG.asset_id: [MUG.id]
    }


# -- which of an asset's pictures a match rests on


def _best(
    scores: dict[ReferencePicture, float], unspecific: frozenset[int] = frozenset()
) -> dict[str, float]:
    """Path of the reference picture -> score, of the best of each asset."""
    paths = {reference.id: reference.path for reference in scores}
    said = {
        (reference.sha256, "seen"): Similarity(score, Relation.SAME, "m")
        for reference, score in scores.items()
    }
    bases = find_bases(list(scores), "seen", said, 0.6).values()
    best = [best_basis(of_asset, 0.85, unspecific) for of_asset in bases]
    return {paths[basis.reference_id]: basis.similarity.score for basis in best}


def test_each_asset_has_its_best_picture() -> None:
    scores = {MUG: 0.7, MUG_TOO: 0.9, CUP: 0.8}
    assert _best(scores) == {MUG_TOO.path: 0.9, CUP.path: 0.8}


def test_what_is_told_rests_on_an_unspecific_picture_last() -> None:
    unspecific = frozenset({MUG.id, CUP.id})
    assert _best({MUG: 0.99, MUG_TOO: 0.86, CUP: 0.9}, unspecific) == {
        MUG_TOO.path: 0.86,
        CUP.path: 0.9,
    }
    # else nothing would be told of it, nor held
    assert _best({MUG: 0.99, MUG_TOO: 0.84}, unspecific) == {MUG.path: 0.99}


def test_of_equals_the_first_stays() -> None:
    assert _best({MUG_TOO: 0.9, MUG: 0.9}) == {MUG_TOO.path: 0.9}
