"""What the outside world does wrong: it is told, and never reads as "no matches"."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from monitor.sandbox import Fault
from tests.e2e.rehearsal import Rehearsal, copy


@pytest.mark.parametrize(
    ("fault", "outcome", "word"),
    [
        (Fault.HTML, "blocked", "web page"),
        (Fault.GARBAGE, "failed", ""),
        (Fault.REFUSED, "failed", "rejected"),
        (Fault.UNKNOWN_SHAPE, "failed", ""),
        (Fault.UNAUTHORISED, "failed", "clock"),
        (Fault.PERMISSION, "failed", "permission"),
    ],
)
def test_a_bad_answer_has_its_outcome_and_tells_the_operator_once(
    sqlite_rehearsal: Rehearsal, fault: Fault, outcome: str, word: str
) -> None:
    sqlite_rehearsal.sandbox.faults.order(fault)
    summary = sqlite_rehearsal.scan()
    assert summary.outcomes == {outcome: 2}
    assert not summary.is_complete
    for _ in range(3):
        sqlite_rehearsal.scan()
    # the third failure in a row pauses the marketplace, which is told once; the others are silent
    first, second = sqlite_rehearsal.receiver.received
    assert word in first.body
    assert "is paused after 3 failures in a row" in second.body
    assert sqlite_rehearsal.rows("SELECT * FROM match_history") == []


def test_a_budget_that_is_used_up_pauses_at_once_and_is_told_once(
    sqlite_rehearsal: Rehearsal,
) -> None:
    sqlite_rehearsal.sandbox.faults.order(Fault.QUOTA)
    summary = sqlite_rehearsal.scan()
    assert summary.outcomes == {"quota": 2}
    for _ in range(3):
        sqlite_rehearsal.scan()
    (alert,) = sqlite_rehearsal.receiver.received
    assert "is paused: rehearsal: the site says: 429 the daily quota" in alert.body
    assert sqlite_rehearsal.rows("SELECT * FROM match_history") == []


def test_a_failed_first_scan_is_no_baseline(sqlite_rehearsal: Rehearsal) -> None:
    sqlite_rehearsal.sandbox.faults.order(Fault.REFUSED)
    sqlite_rehearsal.scan()
    sqlite_rehearsal.sandbox.faults.clear()
    sqlite_rehearsal.scan()
    assert sqlite_rehearsal.receiver.received[-1].title == "First scan of watch acme: 2 matches"


def test_an_empty_list_is_empty_and_no_error(sqlite_rehearsal: Rehearsal) -> None:
    sqlite_rehearsal.sandbox.faults.order(Fault.EMPTY)
    summary = sqlite_rehearsal.scan()
    assert summary.outcomes == {"empty": 2}
    assert summary.is_complete


def test_odd_listings_are_stored_and_none_stops_the_others(rehearsal: Rehearsal) -> None:
    odd = {
        "copy_0.jpg": {"itemId": "9223372036854775807", "title": "😀" * 10_000, "price": None},
        "copy_1.jpg": {"itemId": 1234567890123456789, "price": "12.5-30.0"},
        "other_0.jpg": {"imageUrl": None, "itemId": "11"},
        "other_1.jpg": {"imageUrl": "file:///etc/passwd", "itemId": "12"},
        "other_2.jpg": {"imageUrl": "http://169.254.169.254/latest/", "itemId": "13"},
        "other_3.jpg": {"imageUrl": "pictures/../x.jpg", "itemId": "14", "title": "a\x00b\ud800c"},
    }
    (rehearsal.shop / "listings.json").write_text(json.dumps(odd), encoding="utf-8")
    summary = rehearsal.scan()
    assert summary.outcomes == {"ok": 2}
    assert {match.item_id for match in summary.matches} == {
        "9223372036854775807",
        "1234567890123456789",
    }
    rows = rehearsal.rows("SELECT item_id, price_min, price_max FROM match_history")
    prices = {row["item_id"]: (row["price_min"], row["price_max"]) for row in rows}
    assert prices["9223372036854775807"] == (None, None)
    assert tuple(float(str(part)) for part in prices["1234567890123456789"]) == (12.5, 30.0)
    assert len(rehearsal.rows("SELECT DISTINCT item_id FROM listing_history")) == 6


def test_bad_listing_pictures_are_passed_over(sqlite_rehearsal: Rehearsal) -> None:
    shop = sqlite_rehearsal.shop
    (shop / "truncated.jpg").write_bytes((shop / "copy_0.jpg").read_bytes()[:3_000])
    (shop / "page.jpg").write_bytes(b"<html>not a picture</html>")
    (shop / "mislabelled.jpg").write_bytes(_webp(shop / "copy_0.jpg"))
    summary = sqlite_rehearsal.scan()
    assert summary.outcomes == {"ok": 2}
    assert len(summary.matches) == 3  # the mislabelled one is a picture all the same


def _webp(path: object) -> bytes:
    import io

    buffer = io.BytesIO()
    with Image.open(str(path)) as picture:
        picture.save(buffer, "WEBP", quality=70)
    return buffer.getvalue()


def test_an_unreadable_reference_is_named_told_once_and_the_rest_is_scanned(
    sqlite_rehearsal: Rehearsal,
) -> None:
    (sqlite_rehearsal.brand / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    summary = sqlite_rehearsal.scan()
    assert summary.outcomes == {"ok": 2}
    assert [item.path for item in summary.plans["acme"].unreadable] == ["broken.png"]
    sqlite_rehearsal.scan()
    assert sqlite_rehearsal.told.count("broken.png") == 1


def test_a_folder_that_vanishes_retires_nothing(sqlite_rehearsal: Rehearsal) -> None:
    sqlite_rehearsal.scan()
    for path in sqlite_rehearsal.brand.iterdir():
        path.unlink()
    summary = sqlite_rehearsal.scan()
    assert summary.plans["acme"].folder_problem
    assert summary.outcomes == {"ok": 2}
    assert "is it mounted?" in sqlite_rehearsal.told


def test_a_search_that_fails_thrice_is_repeated(sqlite_rehearsal: Rehearsal) -> None:
    sqlite_rehearsal.sandbox.faults.order(Fault.CUT_OFF, 1)
    assert sqlite_rehearsal.scan().outcomes == {"ok": 2}


def test_two_assets_in_one_listing_make_two_matches(sqlite_rehearsal: Rehearsal) -> None:
    brand = sqlite_rehearsal.brand
    copy(brand / "mug.jpg", brand / "mug small.jpg")
    summary = sqlite_rehearsal.scan()
    assert {match.asset for match in summary.matches} == {"mug", "mug small"}
    assert len(summary.matches) == 4
