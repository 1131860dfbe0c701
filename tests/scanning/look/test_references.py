"""The watch's reference pictures: loaded once, and again as soon as the store says otherwise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from monitor.matching import ALGORITHMS
from monitor.model import ReferencePicture
from monitor.scanning.cache import Indexed, ScanCache
from monitor.scanning.look.references import load_reference_prints, load_watch
from monitor.storage.catalogue import assets
from tests.scanning.shop import Bench

WATCH_ID = 1


def _load(bench: Bench) -> Indexed:
    return load_watch(bench.context, WATCH_ID)


def _names(known: Indexed) -> list[str]:
    return sorted(reference.asset for reference in known.references)


def _reference(bench: Bench, asset: str) -> ReferencePicture:
    with bench.store.reading() as conn:
        references = assets.iter_references(conn, WATCH_ID)
    return next(reference for reference in references if reference.asset == asset)


def _stock(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    bench.draw("cup.png", 2)
    bench.plan()


def test_an_index_is_kept_while_nothing_changes(bench: Bench) -> None:
    _stock(bench)
    known = _load(bench)
    assert (_names(known), len(known.index)) == (["cup", "mug"], 2)
    bench.plan()
    assert _load(bench) is known


def test_what_another_process_changes_is_seen(bench: Bench) -> None:
    _stock(bench)
    _load(bench)
    mine, bench.cache = bench.cache, ScanCache()  # the other has a cache of its own
    (bench.folder / "cup.png").unlink()
    bench.draw("lamp.png", 3)
    bench.plan()
    bench.cache = mine
    known = _load(bench)
    assert (_names(known), len(known.index)) == (["lamp", "mug"], 2)


def test_a_picture_that_could_not_be_fingerprinted_comes_back_with_its_file(bench: Bench) -> None:
    _stock(bench)
    cup = _reference(bench, "cup")
    with bench.store.writing() as conn:
        conn.exec_driver_sql(f"DELETE FROM fingerprints WHERE sha256 = '{cup.sha256}'")  # noqa: S608
    data = bench.files.read(cup.sha256)
    bench.files.path(cup.sha256).unlink()
    known = _load(bench)
    assert (_names(known), len(known.index)) == (["cup", "mug"], 1)
    assert load_reference_prints(bench.context, [cup.sha256]) == {}
    bench.files.put(data)
    bench.plan()
    assert load_reference_prints(bench.context, [cup.sha256])[cup.sha256].keys() == set(ALGORITHMS)
    bench.cache = ScanCache()
    assert len(_load(bench).index) == 2
    assert bench.count("fingerprints") == 2 * len(ALGORITHMS)


def test_scans_that_start_together_build_one_index(bench: Bench) -> None:
    _stock(bench)
    with ThreadPoolExecutor(4) as pool:
        known = list(pool.map(lambda _: _load(bench), range(8)))
    assert len({id(item) for item in known}) == 1


def test_whole_fingerprints_are_read_once(bench: Bench) -> None:
    _stock(bench)
    mug = _reference(bench, "mug").sha256
    first = load_reference_prints(bench.context, [mug])
    with bench.store.writing() as conn:
        conn.exec_driver_sql("DELETE FROM fingerprints")
    assert load_reference_prints(bench.context, [mug]) == first
