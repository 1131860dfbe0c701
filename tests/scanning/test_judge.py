"""Which pictures are compared with which, and what counts."""

from __future__ import annotations

from monitor import matching
from monitor.model import PictureRecord, ReferencePicture, Relation, Scan, ScanCounts, Similarity
from monitor.scanning.judge import Judge, Standing, best_per_asset
from tests.e2e.rehearsal import START
from tests.matching.drawing import draw, encode


def _record(seed: int) -> PictureRecord:
    prints = matching.fingerprint(matching.decode(encode(draw(seed))))
    return PictureRecord(f"sha-{seed}", "PNG", 240, 180, 1, fingerprints=prints)


def _reference(number: int, asset_id: int, seed: int) -> ReferencePicture:
    return ReferencePicture(number, asset_id, f"asset {asset_id}", f"sha-{seed}", f"{number}.png")


def _scan(reference: ReferencePicture) -> Scan:
    return Scan(1, 1, 1, "acme", "alibaba", reference, None, 1, ScanCounts(), START)


RECORDS = {f"sha-{seed}": _record(seed) for seed in (1, 2, 3, 4)}
MUG, MUG_TOO, CUP, LAMP = (
    _reference(1, 10, 1),
    _reference(2, 10, 2),
    _reference(3, 20, 3),
    _reference(4, 30, 4),
)


def test_the_searched_asset_is_always_compared_others_when_they_look_alike() -> None:
    judge = Judge(_scan(MUG), [MUG, MUG_TOO, CUP, LAMP], RECORDS)
    assert judge.candidates(_record(50).fingerprints) == [MUG, MUG_TOO]
    assert judge.candidates(_record(3).fingerprints) == [MUG, MUG_TOO, CUP]


def test_a_picture_retired_since_it_was_planned_is_still_asked_for() -> None:
    judge = Judge(_scan(MUG), [CUP], RECORDS)
    assert judge.candidates(_record(50).fingerprints) == [MUG]


def test_a_reference_without_a_fingerprint_is_left_out() -> None:
    judge = Judge(_scan(MUG), [MUG, MUG_TOO], {"sha-2": RECORDS["sha-2"]})
    assert judge.candidates(_record(1).fingerprints) == [MUG_TOO]


def test_what_was_compared_before_is_not_compared_again() -> None:
    judge = Judge(_scan(MUG), [MUG, MUG_TOO], RECORDS)
    known = {("sha-1", "sha-50"): Similarity(0.5, Relation.SAME, "m")}
    assert set(judge.compare([MUG, MUG_TOO], _record(50), known)) == {("sha-2", "sha-50")}


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
