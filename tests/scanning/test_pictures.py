"""Stored pictures after an upgrade: fingerprinted again, without a download."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from monitor.errors import StoreError
from monitor.matching import ALGORITHMS, INDEX_ALGORITHMS
from monitor.matching.fingerprint.sketch import SKETCH
from monitor.scanning.pictures import load_index_prints, refresh_stored
from monitor.scanning.policy import MOST_ALIKE
from monitor.storage.catalogue import pictures
from tests.matching.drawing import draw, encode
from tests.scanning.shop import Bench
from tests.storage.rows import never_near


def _stock(bench: Bench) -> list[str]:
    """Three listings whose pictures are stored; the sha256 of all pictures, in order."""
    bench.draw("mug.png", 1)
    bench.shop.pages = [[bench.offer(str(seed), seed) for seed in (50, 51, 52)]]
    bench.scan()
    with bench.store.reading() as conn:
        return sorted(pictures.list_sha256(conn))


def _run(bench: Bench, statement: str) -> None:
    with bench.store.writing() as conn:
        conn.exec_driver_sql(statement)


def _algorithms(bench: Bench) -> dict[str, int]:
    rows = bench.rows("SELECT algorithm, count(*) FROM fingerprints GROUP BY algorithm")
    return {str(name): int(str(count)) for name, count in rows}


def _refresh(bench: Bench) -> int:
    """How many steps it took."""
    steps, after = 0, refresh_stored(bench.store, bench.files, "", bench.clock())
    while after is not None:
        steps += 1
        after = refresh_stored(bench.store, bench.files, after, bench.clock())
    return steps


def test_a_sketch_follows_from_the_stored_points_without_the_file(bench: Bench) -> None:
    shas = _stock(bench)
    before = bench.rows("SELECT sha256, algorithm, value FROM fingerprints ORDER BY 1, 2")
    _run(bench, f"DELETE FROM fingerprints WHERE algorithm = '{SKETCH}'")  # noqa: S608
    for sha256 in shas:
        bench.files.path(sha256).unlink()
    downloads = bench.downloads
    assert _refresh(bench) == 1
    assert bench.rows("SELECT sha256, algorithm, value FROM fingerprints ORDER BY 1, 2") == before
    assert bench.downloads == downloads


def test_what_earlier_algorithms_said_is_removed(bench: Bench) -> None:
    shas = _stock(bench)
    _run(bench, "UPDATE fingerprints SET algorithm = 'old ' || algorithm")
    assert _refresh(bench) == 1
    assert _algorithms(bench) == dict.fromkeys(ALGORITHMS, len(shas))


def test_a_damaged_fingerprint_is_taken_from_the_file_again(bench: Bench) -> None:
    (first, *_) = shas = _stock(bench)
    _run(bench, f"DELETE FROM fingerprints WHERE algorithm = '{SKETCH}'")  # noqa: S608
    with bench.store.writing() as conn:
        whole = pictures.find_fingerprints(conn, shas)
        damaged = pictures.find(conn, [first])[first]
        cut = {name: value[:-1] for name, value in damaged.fingerprints.items()}
        pictures.record(
            conn,
            replace(damaged, fingerprints=cut),
            [],
            never_near,
            bench.clock(),
            most_alike=MOST_ALIKE,
        )
    assert _refresh(bench) == 1
    with bench.store.reading() as conn:
        healed = pictures.find_fingerprints(conn, shas, whole[first])
        assert pictures.find_lacking(conn, shas, ALGORITHMS) == set()
    assert healed == whole


@pytest.mark.parametrize("trouble", ["gone", "damaged", "unreadable", "no picture"])
def test_a_picture_that_cant_be_read_stops_no_other(
    bench: Bench, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    (first, *others) = _stock(bench)
    _run(bench, "UPDATE fingerprints SET algorithm = 'old ' || algorithm")
    path = bench.files.path(first)
    path.unlink()
    if trouble == "damaged":
        path.write_bytes(encode(draw(9)))
    elif trouble == "unreadable":
        path.mkdir()
    with caplog.at_level(logging.WARNING):
        assert _refresh(bench) == 1
    assert first in caplog.text
    assert _algorithms(bench) == {
        **dict.fromkeys(ALGORITHMS, len(others)),
        **dict.fromkeys((f"old {name}" for name in ALGORITHMS), 1),
    }


def test_where_no_file_can_be_read_the_disk_is_away(bench: Bench) -> None:
    shas = _stock(bench)
    _run(bench, "UPDATE fingerprints SET algorithm = 'old ' || algorithm")
    for sha256 in shas:
        bench.files.path(sha256).unlink()
        bench.files.path(sha256).mkdir()
    with pytest.raises(StoreError):
        _refresh(bench)


def test_what_the_index_needs_is_loaded_and_completed(bench: Bench) -> None:
    shas = _stock(bench)
    expected = load_index_prints(bench.context, shas)
    assert sorted(expected) == shas
    assert {tuple(sorted(prints)) for prints in expected.values()} == {
        tuple(sorted(INDEX_ALGORITHMS))
    }
    where = f"WHERE sha256 = '{shas[0]}'"
    _run(bench, f"UPDATE fingerprints SET algorithm = 'old ' || algorithm {where}")  # noqa: S608
    assert load_index_prints(bench.context, [*shas, "unknown"]) == expected
    assert _algorithms(bench) == dict.fromkeys(ALGORITHMS, len(shas))
