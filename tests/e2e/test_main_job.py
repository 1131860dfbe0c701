"""From a folder of pictures to an alert, over real HTTP and real databases."""

from __future__ import annotations

from tests.e2e.rehearsal import Rehearsal, copy, draw


def test_copies_are_found_stored_and_told_in_one_message(rehearsal: Rehearsal) -> None:
    summary = rehearsal.scan()
    assert summary.outcomes == {"ok": 2}
    assert {match.asset for match in summary.matches} == {"mug"}
    assert len(summary.matches) == 2
    (alert,) = rehearsal.receiver.received
    assert alert.title == "First scan of watch acme: 2 matches"
    rows = rehearsal.rows("SELECT listing_url FROM match_history")
    assert len(rows) == 2
    assert all(str(row["listing_url"]) in alert.body for row in rows)


def test_a_second_scan_downloads_nothing_adds_nothing_and_tells_nothing(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.scan()
    pictures, listings = rehearsal.sandbox.counts["pictures"], _count(rehearsal, "listings")
    summary = rehearsal.scan()
    assert rehearsal.sandbox.counts["pictures"] == pictures
    assert _count(rehearsal, "listings") == listings
    assert len(rehearsal.receiver.received) == 1
    assert summary.matches == ()
    seen = rehearsal.rows("SELECT times_seen FROM match_history")
    assert all(int(str(row["times_seen"])) > 1 for row in seen)


def test_a_new_copy_after_the_baseline_is_told_with_a_drawing(rehearsal: Rehearsal) -> None:
    rehearsal.scan()
    copy(rehearsal.brand / "shirt.jpg", rehearsal.shop / "brand_new.jpg")
    rehearsal.scan()
    alert = rehearsal.receiver.received[-1]
    assert alert.title.startswith("shirt found on 1688")
    (name,) = alert.attachments
    assert name.startswith("why-shirt-")
    assert name.endswith(".jpg")
    for part in (
        "Asset: shirt",
        "Marketplace: rehearsal",
        "Title: brand new",
        "Price: CNY ",
        "Why: ",
    ):
        assert part in alert.body
    for part in ("Seller: not given", "Score: ", "Link: https://detail.1688.com/offer/"):
        assert part in alert.body
    assert "First seen: 2026-01-05" in alert.body
    assert "Alert: al-" in alert.body


def test_a_picture_added_later_has_a_baseline_of_its_own(rehearsal: Rehearsal) -> None:
    rehearsal.scan()
    draw(rehearsal.brand / "plate.jpg", 24)
    copy(rehearsal.brand / "plate.jpg", rehearsal.shop / "plate_copy.jpg")
    rehearsal.scan()
    assert rehearsal.receiver.received[-1].title == "First scan of watch acme: 1 match"


def test_a_renamed_picture_is_the_same_picture(rehearsal: Rehearsal) -> None:
    rehearsal.scan()
    (rehearsal.brand / "mug.jpg").rename(rehearsal.brand / "cat mug.jpg")
    summary = rehearsal.scan()
    assert summary.plans["acme"].changes.renamed
    assert len(rehearsal.receiver.received) == 1
    assert _count(rehearsal, "match_history") == 2


def test_a_removed_picture_is_searched_no_more_and_its_history_stays(rehearsal: Rehearsal) -> None:
    rehearsal.scan()
    (rehearsal.brand / "mug.jpg").unlink()
    summary = rehearsal.scan()
    assert len(summary.scans) == 1
    assert _count(rehearsal, "match_history") == 2


def test_a_changed_listing_picture_is_looked_at_again(rehearsal: Rehearsal) -> None:
    rehearsal.scan()
    copy(rehearsal.brand / "shirt.jpg", rehearsal.shop / "other_0.jpg")
    rehearsal.scan()
    assert rehearsal.receiver.received[-1].title.startswith("shirt found on 1688")


def test_a_failed_download_is_tried_at_the_next_sighting(rehearsal: Rehearsal) -> None:
    from monitor.sandbox import Fault

    rehearsal.sandbox.faults.order(Fault.PICTURE_MISSING)
    first = rehearsal.scan()
    assert first.outcomes == {"ok": 2}
    assert first.matches == ()
    rehearsal.sandbox.faults.clear()
    assert len(rehearsal.scan().matches) == 2


def test_own_sellers_and_settled_verdicts_are_never_told(rehearsal: Rehearsal) -> None:
    from monitor.cases.decide import decide
    from monitor.model import Verdict

    first = rehearsal.scan()
    with rehearsal.app() as app, app.store.writing() as conn:
        for match in first.matches:
            decide(conn, match.id, Verdict.NOT_OURS, "me", None, rehearsal.clock())
    rehearsal.scan()
    assert len(rehearsal.receiver.received) == 1
    verdicts = rehearsal.rows("SELECT verdict FROM match_history")
    assert {row["verdict"] for row in verdicts} == {"not_ours"}


def test_an_alert_survives_a_receiver_that_is_down(rehearsal: Rehearsal) -> None:
    rehearsal.receiver.status = 503
    summary = rehearsal.scan()
    assert (summary.alerts_sent, rehearsal.receiver.received) == (0, [])
    assert summary.alerts_waiting == 2
    rehearsal.receiver.status = 200
    rehearsal.clock.advance(minutes=10)
    rehearsal.scan()
    assert "First scan of watch acme: 2 matches" in rehearsal.told


def _count(rehearsal: Rehearsal, table: str) -> int:
    statement = f"SELECT count(*) AS n FROM {table}"  # noqa: S608
    return int(str(rehearsal.rows(statement)[0]["n"]))
