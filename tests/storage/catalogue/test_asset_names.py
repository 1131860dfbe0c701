"""Assets are named after their files, however the files are moved about."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.storage.catalogue import assets
from monitor.storage.db.engine import Connection, Store
from tests.storage.rows import add_watch, found, sync


def _by_path(conn: Connection, watch_id: int) -> dict[str, tuple[int, str]]:
    return {row.path: (row.asset_id, row.asset) for row in assets.iter_references(conn, watch_id)}


def test_two_files_that_swap_their_names_swap_those_of_their_assets(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        sync(conn, watch, found("a.jpg", "A"), found("b.jpg", "B"))
        before = _by_path(conn, watch)
        changes = sync(conn, watch, found("a.jpg", "B"), found("b.jpg", "A"))
        assert changes.renamed == ("a.jpg", "b.jpg")
        assert changes.retired == changes.added == changes.changed == ()
        assert _by_path(conn, watch) == {
            "a.jpg": (before["b.jpg"][0], "a"),
            "b.jpg": (before["a.jpg"][0], "b"),
        }


def test_names_are_handed_on_in_a_row_in_any_order(store: Store) -> None:
    with store.writing() as conn:
        for watch_name, order in (("v", "abc"), ("w", "cba")):
            watch = add_watch(conn, watch_name)
            sync(conn, watch, *(found(f"{name}.jpg", name) for name in "abc"))
            ids = [row[0] for _, row in sorted(_by_path(conn, watch).items())]
            following = {"a": "b", "b": "c", "c": "d"}
            sync(conn, watch, *(found(f"{following[name]}.jpg", name) for name in order))
            assert _by_path(conn, watch) == {
                f"{name}.jpg": (asset_id, name) for name, asset_id in zip("bcd", ids, strict=True)
            }


def test_files_put_into_one_folder_stay_their_assets_and_nothing_is_lost(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        sync(conn, watch, found("a.jpg", "A"), found("b.jpg", "B"))
        before = {asset_id for asset_id, _ in _by_path(conn, watch).values()}
        changes = sync(
            conn, watch, found("set/1.jpg", "A"), found("set/2.jpg", "B"), found("set/3.jpg", "C")
        )
        assert changes.renamed == ("set/1.jpg", "set/2.jpg")
        after = _by_path(conn, watch)
        assert {after["set/1.jpg"][0], after["set/2.jpg"][0]} == before
        assert after["set/1.jpg"][1] == after["set/3.jpg"][1] == "set"


def test_a_name_that_a_retired_asset_bears_is_not_taken_from_it(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        sync(conn, watch, found("a.jpg", "A"), found("b.jpg", "B"))
        ids = {path: asset_id for path, (asset_id, _) in _by_path(conn, watch).items()}
        sync(conn, watch, found("a.jpg", "B"))
        assert _by_path(conn, watch) == {"a.jpg": (ids["b.jpg"], "b")}
        sync(conn, watch, found("a.jpg", "B"), found("c.jpg", "A"))
        assert _by_path(conn, watch)["c.jpg"] == (ids["a.jpg"], "c")


_NUMBERS = itertools.count()
_FOLDERS = st.dictionaries(
    st.sampled_from(["a.jpg", "b.jpg", "c.jpg", "set/1.jpg", "set/2.jpg"]),
    st.sampled_from("ABCDE"),
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(folders=st.lists(_FOLDERS, min_size=2, max_size=6))
def test_whatever_becomes_of_a_folder_a_picture_keeps_its_asset(
    store: Store, folders: list[dict[str, str]]
) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, f"w{next(_NUMBERS)}")
        owners: dict[str, int] = {}
        for folder in folders:
            sync(conn, watch, *(found(path, content) for path, content in folder.items()))
            rows = assets.iter_references(conn, watch)
            assert {row.sha256 for row in rows} == {
                found(path, content).sha256 for path, content in folder.items()
            }
            for row in rows:
                assert owners.setdefault(row.sha256, row.asset_id) == row.asset_id
            assert not any(row.asset.startswith("/") for row in rows)
        assert sync(conn, watch, *(found(p, c) for p, c in folders[-1].items())).added == ()
