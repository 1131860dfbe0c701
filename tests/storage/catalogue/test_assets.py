"""A watch's folder and its rows: what is the same, new, changed or gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.cli.hints import explain
from monitor.errors import NotFound
from monitor.model import FoundPicture, Rights
from monitor.scanning.policy import MOST_ALIKE
from monitor.storage.catalogue import assets, pictures
from monitor.storage.db.engine import Connection, Store
from tests.storage.rows import START, add_watch, found, never_near, picture, sync


def _by_path(conn: Connection, watch_id: int) -> dict[str, str]:
    return {row.path: row.asset for row in assets.iter_references(conn, watch_id)}


def test_each_file_is_an_asset_and_a_folder_is_one(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        changes = sync(
            conn, watch, found("a.jpg", "A"), found("set/1.jpg", "1"), found("set/2.jpg", "2")
        )
        assert changes.added == ("a.jpg", "set/1.jpg", "set/2.jpg")
        assert [row.name for row in assets.list_rows(conn)] == ["a", "set"]
        assert assets.get(conn, "set").reference_pictures == ("set/1.jpg", "set/2.jpg")


def test_reading_the_same_folder_again_changes_nothing(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        sync(conn, watch, found("a.jpg", "A"))
        assert sync(conn, watch, found("a.jpg", "A")) == assets.AssetChanges()


def test_a_renamed_file_stays_the_same_asset(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        sync(conn, watch, found("a.jpg", "A"))
        before = assets.iter_references(conn, watch)[0]
        assert sync(conn, watch, found("b.jpg", "A")).renamed == ("b.jpg",)
        after = assets.iter_references(conn, watch)[0]
        assert (after.id, after.asset_id, after.asset) == (before.id, before.asset_id, "b")


def test_a_picture_that_leaves_its_folder_keeps_its_asset(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        sync(conn, watch, found("set/1.jpg", "1"), found("set/2.jpg", "2"))
        sync(conn, watch, found("set/1.jpg", "1"), found("2.jpg", "2"))
        assert _by_path(conn, watch) == {"2.jpg": "set", "set/1.jpg": "set"}
        # and so do new bytes under its new path
        assert sync(conn, watch, found("set/1.jpg", "1"), found("2.jpg", "22")).changed == (
            "2.jpg",
        )
        assert _by_path(conn, watch) == {"2.jpg": "set", "set/1.jpg": "set"}


def test_new_bytes_are_a_new_picture_of_the_same_asset(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        sync(conn, watch, found("a.jpg", "A"))
        old = assets.iter_references(conn, watch)[0]
        changes = sync(conn, watch, found("a.jpg", "A2"))
        assert (changes.changed, changes.retired) == (("a.jpg",), ("a.jpg",))
        new = assets.iter_references(conn, watch)[0]
        assert new.asset_id == old.asset_id
        assert new.id != old.id


def test_a_new_picture_under_the_name_of_a_moved_one_is_another_asset(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        sync(conn, watch, found("mug.jpg", "A"))
        old = assets.iter_references(conn, watch)[0]
        changes = sync(conn, watch, found("mug.jpg", "B"), found("old-mug.jpg", "A"))
        assert (changes.added, changes.renamed) == (("mug.jpg",), ("old-mug.jpg",))
        rows = {row.path: row for row in assets.iter_references(conn, watch)}
        assert rows["old-mug.jpg"].asset_id == old.asset_id
        assert rows["mug.jpg"].asset_id != old.asset_id


def test_a_removed_file_retires_and_comes_back_as_it_was(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        sync(conn, watch, found("a.jpg", "A"), found("b.jpg", "B"))
        before = _by_path(conn, watch)
        ids = {row.path: row.id for row in assets.iter_references(conn, watch)}
        assert sync(conn, watch, found("b.jpg", "B")).retired == ("a.jpg",)
        assert assets.get(conn, "a").retired_at is not None
        assert sync(conn, watch, found("a.jpg", "A"), found("b.jpg", "B")).added == ("a.jpg",)
        assert _by_path(conn, watch) == before
        assert {row.path: row.id for row in assets.iter_references(conn, watch)} == ids
        assert assets.get(conn, "a").retired_at is None


def test_a_file_that_is_unreadable_for_now_keeps_its_picture(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        sync(conn, watch, found("a.jpg", "A"), found("b.jpg", "B"))
        assert sync(conn, watch, found("b.jpg", "B"), unreadable={"a.jpg"}).retired == ()
        assert set(_by_path(conn, watch)) == {"a.jpg", "b.jpg"}


def test_of_two_files_with_the_same_bytes_the_first_counts(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        changes = sync(conn, watch, found("a.jpg", "A"), found("b.jpg", "A"))
        assert (changes.added, changes.duplicates) == (("a.jpg",), ("b.jpg",))


def test_rights_given_for_one_file_hold_for_the_whole_asset(store: Store) -> None:
    rights = Rights("copyright", "VA-1", "CN", "https://example.com/1", "2019")
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        sync(
            conn,
            watch,
            found("set/1.jpg", "1", rights=rights, tags=("mug", "red")),
            found("set/2.jpg", "2", tags=("red", "blue")),
        )
        row = assets.get(conn, "set", watch="w")
        assert (row.right_kind, row.certificate, row.territory) == ("copyright", "VA-1", "CN")
        assert row.tags == ("mug", "red", "blue")
        sync(conn, watch, found("set/1.jpg", "1"), found("set/2.jpg", "2"))
        assert assets.get(conn, "set").certificate is None


def test_names_that_cannot_be_stored_are_cleaned(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        sync(conn, watch, found("a\udce9.jpg", "A"))
        sync(conn, watch, found("a\udce9.jpg", "A2"))
        assert _by_path(conn, watch) == {"a\ufffd.jpg": "a\ufffd"}


def test_the_same_name_in_two_watches_must_be_told_apart(store: Store) -> None:
    with store.writing() as conn:
        first = add_watch(conn, "w", "v")
        sync(conn, first, found("a.jpg", "A"))
        sync(conn, first + 1, found("a.jpg", "A"))
        with pytest.raises(NotFound) as caught:
            assets.get(conn, "a")
        assert "--watch" in explain(caught.value)
        assert assets.get(conn, "a", watch="v").watch == "v"
        with pytest.raises(NotFound, match="no asset"):
            assets.get(conn, "z")


def test_the_state_of_a_watchs_pictures_is_that_of_those_in_use(store: Store) -> None:
    a, b = found("a.jpg", "A"), found("b.jpg", "B")
    with store.writing() as conn:
        watch = add_watch(conn, "w", "other")

        def state_with(*files: FoundPicture) -> tuple[object, ...]:
            sync(conn, watch, *files)
            return assets.find_state(conn, watch, ["test-1"])

        states = [state_with(), state_with(a), state_with(a, b), state_with(b)]
        assert len(set(states)) == 4
        assert state_with(a, b) == states[2]
        assert state_with(a, found("renamed.jpg", "B")) == states[2]
        assert assets.find_state(conn, watch + 1, ["test-1"]) == states[0]


def test_the_state_of_a_watchs_pictures_tells_what_fingerprints_they_have(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        sync(conn, watch, found("a.jpg", "A"))
        before = assets.find_state(conn, watch, ["test-1"])
        for algorithm, is_seen in (("another", False), ("test-1", True)):
            record = replace(picture("A"), fingerprints={algorithm: b"x"})
            pictures.record(conn, record, [], never_near, START, most_alike=MOST_ALIKE)
            assert (assets.find_state(conn, watch, ["test-1"]) != before) == is_seen
