"""Which pictures are compared with which, and what counts."""

from __future__ import annotations

from functools import cache

from monitor import matching
from monitor.matching import Index
from monitor.model import Fingerprints, ReferencePicture, Relation, Scan, ScanCounts, Similarity
from monitor.scanning.cache import Indexed
from monitor.scanning.look.judge import Judge, Standing, best_per_asset
from tests.e2e.rehearsal import START
from tests.matching.compare.test_relations import busy
from tests.matching.drawing import encode


@cache
def _prints(seed: int) -> Fingerprints:
    return matching.fingerprint(matching.decode(encode(busy(seed, 320, 240))))


def _reference(number: int, asset_id: int, seed: int) -> ReferencePicture:
    return ReferencePicture(number, asset_id, f"asset {asset_id}", f"sha-{seed}", f"{number}.png")


def _scan(reference: ReferencePicture) -> Scan:
    return Scan(1, 1, 1, "acme", "alibaba", reference, None, 1, ScanCounts(), START)


MUG, MUG_TOO, CUP, LAMP = (
    _reference(1, 10, 1),
    _reference(2, 10, 2),
    _reference(3, 20, 3),
    _reference(4, 30, 4),
)


def _known(*references: ReferencePicture) -> Indexed:
    index = Index.build((item, _prints(int(item.sha256[4:]))) for item in references)
    return Indexed(None, references, index)


def test_the_searched_asset_is_always_compared_others_when_they_look_alike() -> None:
    judge = Judge(_scan(MUG), _known(MUG, MUG_TOO, CUP, LAMP))
    assert judge.candidates("sha-50", _prints(50)) == [MUG, MUG_TOO]
    assert judge.candidates("sha-3", _prints(3)) == [MUG, MUG_TOO, CUP]


def test_the_searched_asset_is_no_candidate_twice() -> None:
    judge = Judge(_scan(MUG), _known(MUG, MUG_TOO, CUP, LAMP))
    assert judge.candidates("sha-2", _prints(2)) == [MUG, MUG_TOO]


def test_a_picture_retired_since_it_was_planned_is_still_asked_for() -> None:
    judge = Judge(_scan(MUG), _known(CUP))
    assert judge.candidates("sha-50", _prints(50)) == [MUG]


def test_a_picture_that_is_met_again_has_the_same_candidates() -> None:
    judge = Judge(_scan(MUG), _known(MUG, CUP, LAMP))
    assert [judge.candidates("sha-3", _prints(3)) for _ in range(2)] == [[MUG, CUP]] * 2


def test_what_could_not_be_compared_is_left_out() -> None:
    said = {(CUP.sha256, "seen"): Similarity(0.8, Relation.SAME, "m")}
    assert [
        best.reference for best in best_per_asset([MUG, CUP], "seen", said, Standing(0.75))
    ] == [CUP]


def _best(scores: dict[ReferencePicture, float], standing: Standing) -> dict[str, float]:
    """Path of the reference picture -> score, of the best of each asset."""
    comparisons = {
        (reference.sha256, "seen"): Similarity(score, Relation.SAME, "m")
        for reference, score in scores.items()
    }
    best = best_per_asset(list(scores), "seen", comparisons, standing)
    return {judged.reference.path: judged.similarity.score for judged in best}


def test_each_asset_has_its_best_picture() -> None:
    scores = {MUG: 0.7, MUG_TOO: 0.9, CUP: 0.8}
    assert _best(scores, Standing(0.85)) == {MUG_TOO.path: 0.9, CUP.path: 0.8}


def test_what_is_told_rests_on_an_unspecific_picture_last() -> None:
    standing = Standing(0.85, frozenset({MUG.id, CUP.id}))
    assert _best({MUG: 0.99, MUG_TOO: 0.86, CUP: 0.9}, standing) == {
        MUG_TOO.path: 0.86,
        CUP.path: 0.9,
    }
    # else nothing would be told of it, nor held
    assert _best({MUG: 0.99, MUG_TOO: 0.84}, standing) == {MUG.path: 0.99}
