"""Pictures, what came from which URL, clusters and comparisons."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest
import sqlalchemy as sa

from monitor.model import Fingerprints, PictureRecord, Region, Relation, Similarity
from monitor.scanning.policy import MOST_ALIKE
from monitor.storage.catalogue import comparisons, pictures
from monitor.storage.db.engine import Connection, Store
from monitor.storage.tables import pictures as table
from tests.storage.rows import START, keep, never_near, picture, sha


def _near(a: Fingerprints, b: Fingerprints) -> bool:
    """Names that begin alike look alike."""
    return a["test-1"][:1] == b["test-1"][:1]


def _clusters(conn: Connection) -> dict[str, int | None]:
    rows = conn.execute(sa.select(table.c.sha256, table.c.cluster_id))
    return {row.sha256: row.cluster_id for row in rows}


def test_a_picture_is_found_with_its_fingerprints(store: Store) -> None:
    with store.writing() as conn:
        keep(conn, "a", "b")
        keep(conn, "a")
        assert pictures.find(conn, {sha("a"), sha("z")}) == {sha("a"): picture("a")}
        assert sorted(pictures.list_sha256(conn)) == sorted([sha("a"), sha("b")])


def _with_prints(name: str, **prints: bytes) -> PictureRecord:
    return replace(picture(name), fingerprints=prints)


def _record(conn: Connection, *records: PictureRecord) -> None:
    for record in records:
        pictures.record(conn, record, [], never_near, START, most_alike=MOST_ALIKE)


def test_only_the_fingerprints_that_are_asked_for_are_read(store: Store) -> None:
    both = _with_prints("a", small=b"s", large=b"l" * 9_000)
    with store.writing() as conn:
        _record(conn, both, picture("b"))
        wanted = {sha("a"), sha("b"), sha("z")}
        assert pictures.find_fingerprints(conn, wanted, ["small"]) == {sha("a"): {"small": b"s"}}
        assert pictures.find_fingerprints(conn, wanted, []) == {}
        assert pictures.find_fingerprints(conn, {sha("a")}) == {sha("a"): both.fingerprints}
        found = pictures.find(conn, wanted, ["small"])
        assert {key: record.fingerprints for key, record in found.items()} == {
            sha("a"): {"small": b"s"},
            sha("b"): {},
        }


def test_pictures_that_lack_a_fingerprint_are_named(store: Store) -> None:
    with store.writing() as conn:
        _record(conn, _with_prints("a", one=b"1", two=b"2"), _with_prints("b", one=b"1", old=b"0"))
        wanted = {sha("a"), sha("b"), sha("z")}
        assert pictures.find_lacking(conn, wanted, ["one", "two"]) == {sha("b")}
        assert pictures.find_lacking(conn, {sha("a")}, ["one", "three"]) == {sha("a")}
        assert pictures.find_lacking(conn, wanted, ["one"]) == set()
        stale = pictures.find_stale(conn, ["one", "two"], "", 10)
        assert {key: record.fingerprints for key, record in stale.items()} == {
            sha("b"): {"one": b"1"}
        }
        assert pictures.find_stale(conn, ["one", "two"], sha("b"), 10) == {}


def test_fingerprints_that_are_no_longer_used_are_removed(store: Store) -> None:
    with store.writing() as conn:
        _record(conn, *(_with_prints(name, new=b"1", old=b"0") for name in ("a", "b")))
        pictures.drop_fingerprints(conn, {sha("a")}, keep=["new", "newer"])
        assert pictures.find_fingerprints(conn, {sha("a"), sha("b")}) == {
            sha("a"): {"new": b"1"},
            sha("b"): {"new": b"1", "old": b"0"},
        }


def test_a_cluster_is_decided_by_the_fingerprints_that_count(store: Store) -> None:
    seen: list[set[str]] = []

    def near(_: Fingerprints, other: Fingerprints) -> bool:
        seen.append(set(other))
        return True

    with store.writing() as conn:
        for name in ("a", "b"):
            record = _with_prints(name, small=b"s", large=b"l")
            pictures.record(conn, record, [(0, 1)], near, START, ["small"], most_alike=MOST_ALIKE)
    assert seen == [{"small"}]


def test_more_pictures_than_one_statement_holds(store: Store) -> None:
    names = [str(number) for number in range(1_001)]
    with store.writing() as conn:
        keep(conn, *names)
        assert len(pictures.find(conn, {sha(name) for name in names})) == 1_001


def test_near_identical_pictures_share_a_cluster(store: Store) -> None:
    with store.writing() as conn:
        for name in ("a1", "a2", "b1"):
            pictures.record(
                conn, picture(name), [(0, 1), (1, 2)], _near, START, most_alike=MOST_ALIKE
            )
        pictures.record(conn, picture("a3"), [(0, 9), (1, 9)], _near, START, most_alike=MOST_ALIKE)
        found = _clusters(conn)
    assert found[sha("a1")] == found[sha("a2")] is not None
    # no shared band, so it was no candidate; or a candidate that does not look alike
    assert len(set(found.values())) == 3


def test_a_picture_that_links_two_clusters_makes_them_one(store: Store) -> None:
    with store.writing() as conn:
        pictures.record(conn, picture("a1"), [(0, 1)], _near, START, most_alike=MOST_ALIKE)
        pictures.record(conn, picture("a2"), [(0, 2)], _near, START, most_alike=MOST_ALIKE)
        first = _clusters(conn)[sha("a1")]
        assert first is not None
        pictures.record(conn, picture("a3"), [(0, 1), (1, 5)], _near, START, most_alike=MOST_ALIKE)
        pictures.record(conn, picture("a4"), [(0, 2), (1, 5)], _near, START, most_alike=MOST_ALIKE)
        assert set(_clusters(conn).values()) == {first}


def test_a_blank_picture_has_no_cluster(store: Store) -> None:
    with store.writing() as conn:
        pictures.record(conn, picture("a1"), [], _near, START, most_alike=MOST_ALIKE)
        assert _clusters(conn) == {sha("a1"): None}


def test_a_url_gives_what_was_last_downloaded_from_it(store: Store) -> None:
    long = "https://example.com/" + secrets.token_hex(4_000)
    with store.writing() as conn:
        keep(conn, "a", "b")
        pictures.record_url(conn, "https://example.com/1.jpg", sha("a"), START)
        pictures.record_url(conn, "https://example.com/1.jpg", sha("b"), START)
        pictures.record_url(conn, long, sha("a"), START)
        urls = ["https://example.com/1.jpg", long, "https://example.com/2.jpg"]
        assert pictures.find_by_url(conn, urls) == {urls[0]: sha("b"), long: sha("a")}


@pytest.mark.parametrize("region", [None, Region(((0.0, 0.1),) * 4, ((0.5, 1.0),) * 4)])
def test_a_comparison_comes_back_as_it_was_made(store: Store, region: Region | None) -> None:
    made = Similarity(0.123456789, Relation.PARTIAL, "compare-1", region, True, {"hash": 0.25})
    other = Similarity(0.5, Relation.SAME, "compare-1")
    with store.writing() as conn:
        keep(conn, "mug", "copy")
        comparisons.record(conn, {(sha("mug"), sha("copy")): made})
        comparisons.record(conn, {(sha("mug"), sha("copy")): other})  # made before: stays
        pair = (sha("mug"), sha("copy"))
        assert comparisons.find(conn, {pair[0]}, {pair[1]}, "compare-1") == {pair: made}
        assert comparisons.find(conn, {pair[0]}, {pair[1]}, "compare-2") == {}


def test_a_picture_without_candidates_never_asks(store: Store) -> None:
    with store.writing() as conn:
        pictures.record(conn, picture("a1"), [(0, 1)], never_near, START, most_alike=MOST_ALIKE)
        pictures.record(conn, picture("a2"), [(0, 1)], never_near, START, most_alike=MOST_ALIKE)
        assert len(set(_clusters(conn).values())) == 2
