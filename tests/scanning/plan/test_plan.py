"""A watch is due: its folder is read, its scans are planned, its operators told."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest

from monitor.alerting.policy import ROUTE_PATIENCE
from monitor.errors import NotFound
from monitor.model import ScanOutcome
from monitor.scanning.guard.startup import apply_config
from monitor.scanning.plan.plan import Plan, plan_watch
from monitor.storage.catalogue import assets, watches
from monitor.storage.telling import alerts
from tests.e2e.rehearsal import START
from tests.scanning.shop import SHOP, Bench
from tests.told import text_of


def _open_scans(bench: Bench) -> list[tuple[str, str]]:
    rows = bench.rows(
        "SELECT reference_picture, marketplace FROM scan_health WHERE finished_at IS NULL"
    )
    return sorted((str(path), str(marketplace)) for path, marketplace in rows)


def _references(bench: Bench) -> list[str]:
    with bench.store.reading() as conn:
        watch_id = watches.get_id(conn, bench.rules.name)
        return [row.path for row in assets.iter_references(conn, watch_id)]


def _told(bench: Bench) -> list[str]:
    return [text_of(row) for row in reversed(bench.alerts())]


def test_a_scan_is_due_for_each_picture_on_each_marketplace(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    bench.draw("lamp/a.png", 2)
    bench.rules = bench.rules.model_copy(update={"marketplaces": [SHOP, "other"]})
    plan = bench.plan()
    assert (plan.references, plan.unreadable, plan.folder_problem) == (2, (), None)
    assert _open_scans(bench) == [
        ("lamp/a.png", SHOP),
        ("lamp/a.png", "other"),
        ("mug.png", SHOP),
        ("mug.png", "other"),
    ]


def test_what_is_still_open_is_not_planned_again(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    first = bench.plan()
    assert bench.plan().cycle_id is None
    bench.draw("cup.png", 2)
    second = bench.plan()
    assert (first.cycle_id, second.cycle_id) != (None, None)
    assert _open_scans(bench) == [("cup.png", SHOP), ("mug.png", SHOP)]


def test_of_two_processes_one_plans_what_is_due(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    gate = threading.Barrier(2)
    plans: list[Plan] = []

    def run() -> None:
        gate.wait()
        plans.append(
            plan_watch(
                bench.context, bench.rules, START, next_due_at=START.replace(hour=START.hour + 6)
            )
        )

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(plan.cycle_id is None for plan in plans) == [False, True]
    assert sorted(plan.references for plan in plans) == [0, 1]
    assert _open_scans(bench) == [("mug.png", SHOP)]


def test_a_watch_that_the_store_does_not_know_is_refused(sqlite_bench: Bench) -> None:
    with pytest.raises(NotFound, match="acme"):
        plan_watch(
            sqlite_bench.context,
            sqlite_bench.rules.model_copy(update={"name": "acme 2"}),
            sqlite_bench.clock(),
        )


def test_an_unreadable_picture_is_told_once_and_the_rest_is_watched(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    (bench.folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    (bench.folder / "empty.png").touch()
    os.mkfifo(bench.folder / "pipe.png")
    for _ in range(3):
        plan = bench.plan()
    assert sorted(item.path for item in plan.unreadable) == ["broken.jpg", "empty.png", "pipe.png"]
    assert plan.references == 1
    told = _told(bench)
    assert len(told) == 3
    assert all(text.startswith("Not watched: ") for text in told)


def test_a_picture_that_is_unreadable_for_now_is_watched_on(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    bench.draw(os.fsdecode(b"m\xfcg.png"), 2)
    bench.plan()
    known = _references(bench)
    assert len(known) == 2
    for path in bench.folder.iterdir():
        path.write_bytes(b"being copied")
    plan = bench.plan()
    assert len(plan.unreadable) == 2
    assert plan.changes.retired == ()
    assert _references(bench) == known


@pytest.mark.parametrize("content", ["", "file\nmug.png\n"])
def test_an_empty_folder_changes_nothing_and_is_told(sqlite_bench: Bench, content: str) -> None:
    bench = sqlite_bench
    mug = bench.draw("mug.png", 1)
    bench.plan()
    mug.unlink()
    if content:
        (bench.folder / "assets.csv").write_text(content, encoding="utf-8")
    for _ in range(2):
        plan = bench.plan(hours=1)
        assert "is it mounted?" in str(plan.folder_problem)
        assert plan.references == 1
    assert sum("is it mounted?" in text for text in _told(bench)) == 1
    bench.clock.advance(days=1)
    bench.plan()
    assert sum("is it mounted?" in text for text in _told(bench)) == 2  # once a day


def test_a_folder_that_is_gone_or_has_a_bad_list_changes_nothing(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    bench.plan()
    (bench.folder / "assets.csv").write_bytes(b"file\n\xff\n")
    bench.draw("cup.png", 2)
    assert "UTF-8" in str(bench.plan().folder_problem)
    assert _references(bench) == ["mug.png"]
    bench.folder.rename(bench.folder.with_name("elsewhere"))
    assert "can't read the picture folder" in str(bench.plan().folder_problem)
    assert _references(bench) == ["mug.png"]


def test_an_empty_folder_of_a_new_watch_is_no_trouble(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    plan = bench.plan()
    assert (plan.cycle_id, plan.references, plan.folder_problem) == (None, 0, None)
    assert bench.alerts() == []


def test_a_removed_picture_is_retired_although_the_list_still_names_it(bench: Bench) -> None:
    """The row without its file is told; the file is gone all the same."""
    mug = bench.draw("mug.png", 1)
    bench.draw("cup.png", 2)
    (bench.folder / "assets.csv").write_text("file,asset\nmug.png,Mug\n", encoding="utf-8")
    bench.plan()
    mug.unlink()
    plan = bench.plan()
    assert plan.changes.retired == ("mug.png",)
    assert [item.path for item in plan.unreadable] == ["mug.png"]
    assert _references(bench) == ["cup.png"]


def test_rights_from_the_list_reach_the_asset(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    (bench.folder / "assets.csv").write_text(
        "file,asset,right_kind,certificate,tags\nmug.png,Acme Mug,copyright,VA-1,a;b\n",
        encoding="utf-8",
    )
    bench.plan()
    with bench.store.reading() as conn:
        (row,) = assets.list_rows(conn)
    assert (row.name, row.right_kind, row.certificate, row.tags) == (
        "Acme Mug",
        "copyright",
        "VA-1",
        ("a", "b"),
    )


def test_a_file_with_the_bytes_of_another_is_named_and_searched_once(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    mug = bench.draw("mug.png", 1)
    (bench.folder / "same.png").write_bytes(mug.read_bytes())
    plan = bench.plan()
    assert (plan.references, plan.changes.duplicates) == (1, ("same.png",))


def test_swapped_names_stay_with_their_pictures(bench: Bench) -> None:
    mug, cup = bench.draw("mug.png", 1), bench.draw("cup.png", 2)
    bench.shop.pages = [[bench.offer("1", 1)]]
    bench.scan()
    (match,) = bench.matches()
    mug.rename(bench.folder / "x.png")
    cup.rename(mug)
    (bench.folder / "x.png").rename(cup)
    bench.plan()
    (swapped,) = bench.matches()
    assert (match.id, match.asset, match.reference_path) == (swapped.id, "mug", "mug.png")
    assert (swapped.asset, swapped.reference_path) == ("cup", "cup.png")


def test_the_finds_of_a_baseline_do_not_wait_for_a_marketplace_that_was_removed(
    bench: Bench,
) -> None:
    """Nobody will ever run what is due there, so its cycle would stay open for ever."""
    bench.draw("mug.png", 1)
    bench.rules = bench.rules.model_copy(update={"marketplaces": [SHOP, "other"]})
    bench.shop.pages = [[bench.offer("1", 1)]]
    assert bench.scan() == [ScanOutcome.OK]
    with bench.store.reading() as conn:
        assert alerts.find_unrouted(conn, bench.clock(), ROUTE_PATIENCE) == []
    bench.rules = bench.rules.model_copy(update={"marketplaces": [SHOP]})
    bench.plan()
    with bench.store.reading() as conn:
        assert [
            alert.watch for alert in alerts.find_unrouted(conn, bench.clock(), ROUTE_PATIENCE)
        ] == ["acme"]
    ended = bench.rows("SELECT outcome, error FROM scan_health WHERE marketplace = 'other'")
    assert ended == [("failed", "other is no longer a marketplace of this watch")]


@pytest.mark.parametrize("gone", ["marketplace", "watch"])
def test_a_restart_ends_what_a_changed_config_asks_for_no_more(bench: Bench, gone: str) -> None:
    """Not only when the watch is next due, which may be in days."""
    bench.draw("mug.png", 1)
    bench.rules = bench.rules.model_copy(update={"marketplaces": [SHOP, "other"]})
    bench.shop.pages = [[bench.offer("1", 1)]]
    assert bench.scan() == [ScanOutcome.OK]
    rules = bench.rules.model_copy(update={"marketplaces": [SHOP]})
    apply_config(replace(bench.context, watches={"acme": rules} if gone == "marketplace" else {}))
    with bench.store.reading() as conn:
        assert [
            alert.watch for alert in alerts.find_unrouted(conn, bench.clock(), ROUTE_PATIENCE)
        ] == ["acme"]
        assert watches.list_waiting(conn) == []
    apply_config(bench.context)  # there is nothing more to end
    assert [alert.event for alert in bench.alerts()] == ["new_match"]
