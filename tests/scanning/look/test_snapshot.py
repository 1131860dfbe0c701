"""What judging is given: what the store knows, and nothing that it need not load."""

from __future__ import annotations

import pickle

from monitor import matching
from monitor.matching import ALGORITHMS
from monitor.model import ReferencePicture, Relation, Similarity
from monitor.scanning.look.fetch import SeenListing, fetch_page
from monitor.scanning.look.judge import find_candidates, judge_page
from monitor.scanning.look.references import load_watch
from monitor.scanning.look.snapshot import load_snapshot
from monitor.storage.catalogue import assets, comparisons
from tests.scanning.shop import Bench


def _stock(bench: Bench) -> ReferencePicture:
    """A watch of a mug that has seen one listing with it; the reference picture."""
    bench.draw("mug.png", 1)
    bench.shop.pages = [[bench.offer("1", 1)]]
    bench.scan()
    with bench.store.reading() as conn:
        (mug,) = assets.iter_references(conn, 1)
    return mug


def _fetch(bench: Bench, *seeds: int) -> list[SeenListing]:
    page = [bench.offer(str(seed), seed) for seed in seeds]
    return fetch_page(bench.context, bench.fetcher, page)


def test_of_pairs_that_were_compared_before_no_fingerprints_are_loaded(bench: Bench) -> None:
    mug = _stock(bench)
    (seen,) = _fetch(bench, 1)
    assert seen.sha256 is not None
    snapshot = load_snapshot(bench.context, {seen.sha256: [mug]}, {})
    assert list(snapshot.said) == [(mug.sha256, seen.sha256)]
    assert snapshot.prints == {}


def test_what_another_version_said_is_to_be_compared_again(bench: Bench) -> None:
    mug = _stock(bench)
    (seen,) = _fetch(bench, 1)
    assert seen.sha256 is not None
    with bench.store.writing() as conn:
        conn.exec_driver_sql("DELETE FROM comparisons")
        old = Similarity(0.9, Relation.SAME, f"not {matching.METHOD}")
        comparisons.record(conn, {(mug.sha256, seen.sha256): old})
    snapshot = load_snapshot(bench.context, {seen.sha256: [mug]}, {})
    assert snapshot.said == {}
    assert snapshot.prints.keys() == {mug.sha256, seen.sha256}
    assert all(prints.keys() == set(ALGORITHMS) for prints in snapshot.prints.values())


def test_what_is_in_hand_need_not_be_stored(bench: Bench) -> None:
    mug = _stock(bench)
    (seen,) = _fetch(bench, 50)
    assert seen.fetched is not None
    sha256 = seen.fetched.sha256
    assert load_snapshot(bench.context, {sha256: [mug]}, {}).prints.keys() == {mug.sha256}
    snapshot = load_snapshot(bench.context, {sha256: [mug]}, {sha256: seen.prints})
    assert snapshot.prints.keys() == {mug.sha256, sha256}


def test_a_page_is_judged_alike_by_another_process(bench: Bench) -> None:
    """All that judging is given, and all that it says, can be sent."""
    mug = _stock(bench)
    seen = _fetch(bench, 1, 50, 1)
    in_hand = {item.fetched.sha256: item.prints for item in seen if item.fetched is not None}
    candidates = find_candidates(seen, mug, load_watch(bench.context, 1))
    snapshot = load_snapshot(bench.context, candidates, in_hand)
    here = judge_page(seen, snapshot, 0.6)
    there = judge_page(*pickle.loads(pickle.dumps((seen, snapshot, 0.6))))  # noqa: S301 - our own
    assert pickle.loads(pickle.dumps(there)) == here  # noqa: S301 - our own
    assert [list(item.bases) for item in here.listings] == [[mug.asset_id], [], [mug.asset_id]]
    assert len(here.comparisons) == 1
