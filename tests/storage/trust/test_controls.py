"""Control pictures: a random sample of what has nothing to do with an asset."""

from __future__ import annotations

import pytest

from monitor.cases.decide import decide
from monitor.model import Basis, Fingerprints, PictureRecord, Verdict
from monitor.scanning.policy import (
    CONTROLS_WINDOW,
    MOST_ALIKE,
    MOST_CONTROLS_WINDOWS,
    OBSERVE_EVERY,
)
from monitor.storage.catalogue import listings, pictures
from monitor.storage.db.engine import Connection, Store
from monitor.storage.matches import matches
from monitor.storage.searches import sightings
from monitor.storage.trust import controls
from tests.storage.rows import (
    SHOP,
    START,
    Shelf,
    found,
    listing,
    sha,
    similarity,
    stock,
    sync,
)


def _find(conn: Connection, asset_id: int, seed: str, most: int) -> list[str]:
    """As the check asks for them."""
    return controls.find(
        conn, asset_id, seed, most, window=CONTROLS_WINDOW, most_windows=MOST_CONTROLS_WINDOWS
    )


def _same(_a: Fingerprints, _b: Fingerprints) -> bool:
    return True


def _keep(conn: Connection, name: str, cluster: int) -> None:
    """A picture of that cluster; of none where it is 0."""
    record = PictureRecord(sha(name), "JPEG", 800, 600, 1234, {"any-1": b"any"})
    pictures.record(
        conn, record, [(0, cluster)] if cluster else [], _same, START, most_alike=MOST_ALIKE
    )


def _show(conn: Connection, shelf: Shelf, name: str, cluster: int, asset_id: int) -> int:
    """A listing with that picture, returned by a search for the asset."""
    _keep(conn, name, cluster)
    row = listings.record(
        conn, shelf.scan.id, listing(name), sha(name), None, START, observe_every=OBSERVE_EVERY
    )
    sightings.record(conn, asset_id, row.id)
    return row.id


def _assets(conn: Connection, shelf: Shelf) -> tuple[int, int]:
    """The ids of two assets."""
    sync(conn, shelf.watch_id, found("mug.jpg", "mug"), found("lamp.jpg", "lamp"))
    rows = conn.exec_driver_sql("SELECT id FROM assets ORDER BY name DESC").scalars().all()
    return int(rows[0]), int(rows[1])


def _names(conn: Connection, asset_id: int, names: list[str]) -> set[str]:
    by_sha = {sha(name): name for name in names}
    return {by_sha[sha256] for sha256 in _find(conn, asset_id, "seed", 99)}


def test_what_has_to_do_with_the_asset_is_no_control(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        mug, lamp = _assets(conn, shelf)
        _keep(conn, "our other picture", 5)
        sync(
            conn,
            shelf.watch_id,
            found("mug.jpg", "our other picture", "mug"),
            found("lamp.jpg", "lamp"),
        )
        _show(conn, shelf, "of a lamp's search", 1, lamp)
        both = _show(conn, shelf, "of both searches", 2, lamp)
        sightings.record(conn, mug, both)
        _show(conn, shelf, "of the mug's search", 3, mug)
        _show(conn, shelf, "in a cluster with that", 3, lamp)
        _show(conn, shelf, "in a cluster with ours", 5, lamp)
        _show(conn, shelf, "blank", 0, lamp)
        ruled = _show(conn, shelf, "ruled to be a copy", 7, lamp)
        decide(conn, _match(conn, shelf, mug, ruled), Verdict.INFRINGING, "me", None, START)
        names = [
            "of a lamp's search",
            "of both searches",
            "of the mug's search",
            "in a cluster with that",
            "in a cluster with ours",
            "blank",
            "ruled to be a copy",
        ]
        assert _names(conn, mug, names) == {"of a lamp's search"}
        assert _names(conn, lamp, names) == set()


def _match(conn: Connection, shelf: Shelf, asset_id: int, listing_id: int) -> int:
    return matches.record(
        conn,
        watch_id=shelf.watch_id,
        asset_id=asset_id,
        listing_id=listing_id,
        bases=[Basis(shelf.references[0].id, sha("ruled to be a copy"), similarity())],
        marketplace=SHOP,
        provider_score=None,
        own_seller=False,
        now=START,
    ).id


def test_each_cluster_gives_one(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        mug, lamp = _assets(conn, shelf)
        for number in range(20):
            _show(conn, shelf, f"picture {number}", 1 + number % 4, lamp)
        assert (
            len(
                controls.find(
                    conn,
                    mug,
                    "seed",
                    99,
                    window=CONTROLS_WINDOW,
                    most_windows=MOST_CONTROLS_WINDOWS,
                )
            )
            == 4
        )
        assert controls.newest_cluster(conn) == 4


def test_the_sample_is_the_same_for_the_same_seed_and_another_for_another(
    sqlite_store: Store,
) -> None:
    with sqlite_store.writing() as conn:
        shelf = stock(conn)
        mug, lamp = _assets(conn, shelf)
        for number in range(60):
            _show(conn, shelf, f"picture {number}", 1 + number, lamp)
        samples = {seed: _find(conn, mug, seed, 10) for seed in ("a", "b", "c", "d")}
        assert {seed: _find(conn, mug, seed, 10) for seed in samples} == samples
        assert len({tuple(sample) for sample in samples.values()}) == 4
        assert all(len(set(sample)) == 10 for sample in samples.values())
        # wherever it begins, it goes round
        for seed in samples:
            assert (
                len(
                    controls.find(
                        conn,
                        mug,
                        seed,
                        99,
                        window=CONTROLS_WINDOW,
                        most_windows=MOST_CONTROLS_WINDOWS,
                    )
                )
                == 60
            )


@pytest.mark.parametrize("window", [1, 7, 60])
def test_small_windows_give_what_a_large_one_gives(sqlite_store: Store, window: int) -> None:
    with sqlite_store.writing() as conn:
        shelf = stock(conn)
        mug, lamp = _assets(conn, shelf)
        for number in range(60):
            _show(conn, shelf, f"picture {number}", 1 + number % 50, lamp)
        expected = _find(conn, mug, "seed", 99)
        chosen = controls.find(conn, mug, "seed", 99, window=window, most_windows=99)
        assert chosen == expected


def test_a_database_of_one_asset_is_not_looked_through_for_ever(sqlite_store: Store) -> None:
    with sqlite_store.writing() as conn:
        shelf = stock(conn)
        mug, lamp = _assets(conn, shelf)
        for number in range(60):
            _show(conn, shelf, f"picture {number}", 1 + number, mug if number % 2 else lamp)
        assert (
            len(
                controls.find(
                    conn,
                    mug,
                    "seed",
                    99,
                    window=CONTROLS_WINDOW,
                    most_windows=MOST_CONTROLS_WINDOWS,
                )
            )
            == 30
        )
        few = controls.find(conn, mug, "seed", 99, window=5, most_windows=3)
        assert 0 < len(few) < 15
