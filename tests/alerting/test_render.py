"""What a message says."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.render import IN_FULL, MAX_ATTACHED_BYTES, one_line, render
from monitor.model import AlertEvent, Price, Relation, Verdict
from monitor.storage import PictureFiles
from monitor.storage.deliveries import DueDelivery
from monitor.storage.matches import MatchRow

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def match(number: int, files: PictureFiles, **fields: object) -> MatchRow:
    values: dict[str, object] = {
        "id": number,
        "watch": "acme",
        "asset": "mug",
        "score": 0.9 + number / 1_000,
        "relation": Relation.SAME,
        "mirrored": False,
        "method": "m-1",
        "region": None,
        "marketplace": "alibaba",
        "site": "1688",
        "item_id": str(1_000 + number),
        "url": f"https://detail.1688.com/offer/{1_000 + number}.html",
        "title": f"Mug {number}",
        "price": Price(Decimal("12.5"), Decimal("30"), "CNY", "12.5-30"),
        "seller_id": None,
        "seller": None,
        "provider_score": None,
        "verdict": Verdict.UNREVIEWED,
        "verdict_at": None,
        "verdict_by": None,
        "verdict_note": None,
        "first_seen_at": NOW,
        "last_seen_at": NOW,
        "times_seen": 1,
        "reference_sha256": files.put(b"\xff\xd8\xff reference"),
        "reference_path": "mug.jpg",
        "picture_sha256": files.put(f"\x89PNG {number}".encode("latin-1")),
    }
    return MatchRow(**{**values, **fields})  # type: ignore[arg-type]


def due(
    number: int,
    found: MatchRow | None,
    *,
    baseline: int | None = None,
    event: AlertEvent = AlertEvent.NEW_MATCH,
    text: str | None = None,
) -> DueDelivery:
    return DueDelivery(
        id=number,
        alert_id=f"al-{number:03d}",
        channel="legal",
        attempts=1,
        created_at=NOW,
        due_from_at=NOW,
        event=event,
        watch="acme",
        text=text,
        baseline_cycle_id=baseline,
        match=found,
    )


def test_one_match_is_told_in_full_with_both_pictures(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    message = render([due(1, match(1, files))], files)
    assert message.title == "mug found on 1688 (score 0.90)"
    for line in (
        "Asset: mug",
        "Marketplace: alibaba (1688)",
        "Title: Mug 1",
        "Price: CNY 12.50 - 30.00",
        "Seller: not given",
        "Score: 0.901 (same)",
        "Link: https://detail.1688.com/offer/1001.html",
        "First seen: 2026-01-05 08:00 UTC",
        "Alert: al-001",
    ):
        assert line in message.body.splitlines()
    assert [item.name for item in message.attachments] == ["yours-mug.jpg", "listing-1001.png"]


def test_a_drawing_stands_for_both_pictures_and_the_reasons_are_told(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    drawing = tmp_path / "1.jpg"
    drawing.write_bytes(b"\xff\xd8\xff drawing")
    reasons = {"inliers": 212.0, "reference_share": 0.96, "agreeing": 0.93, "phash_distance": 4.0}
    drawn = match(1, files, asset="Mug 1/2", mirrored=True, reasons=reasons)
    other = match(2, files, item_id="55")
    message = render([due(1, drawn), due(2, other)], files, {1: drawing})
    assert [(item.name, item.path) for item in message.attachments] == [
        ("yours-mug.jpg", files.path(other.reference_sha256)),
        ("listing-55.png", files.path(other.picture_sha256)),
        ("why-Mug-1-2-1001.jpg", drawing),
    ]
    lines = message.body.splitlines()
    assert "Score: 0.901 (same, mirrored)" in lines
    assert [line for line in lines if line.startswith("Why: ")] == [
        "Why: 212 points agree, 96 % of your picture, pixels agree 0.93, hash distance 4 of 64"
    ]


def test_a_long_group_has_a_line_link_and_id_for_every_match(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    batch = [due(number, match(number, files), baseline=7) for number in range(1, 61)]
    message = render(batch, files)
    assert message.title == "First scan of watch acme: 60 matches"
    for number in range(1, 61):
        assert f"offer/{1_000 + number}.html" in message.body
        assert f"al-{number:03d}" in message.body
    assert len(message.attachments) == 1 + IN_FULL


def test_a_title_can_not_forge_a_line(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    title = "Mug\nAlert: al-999\r\u2028Score: 0.000\u202e"
    message = render([due(1, match(1, files, title=title, asset="a\nb"))], files)
    assert "Alert: al-999" not in message.body.splitlines()
    assert "\n" not in message.title
    assert sum(line.startswith("Score:") for line in message.body.splitlines()) == 1


@given(st.text(max_size=500))
def test_one_line_is_one_line(text: str) -> None:
    plain = one_line(text, 100)
    assert len(plain) <= 100
    assert len(plain.splitlines()) <= 1


def test_pictures_that_are_gone_or_too_large_are_named(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    large = files.put(b"\xff\xd8\xff" + bytes(MAX_ATTACHED_BYTES))
    found = match(1, files, picture_sha256=large, reference_sha256="0" * 64)
    message = render([due(1, found)], files)
    assert message.attachments == ()
    assert "yours-mug (no longer stored)" in message.body
    assert "listing-1001 (too large for a message)" in message.body


def test_operator_alerts_say_what_happened(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    batch = [
        due(1, None, event=AlertEvent.SCAN_BLOCKED, text="Watch acme on alibaba: scan blocked"),
        due(2, None, event=AlertEvent.CHANNEL_BROKEN, text="Channel legal is down"),
    ]
    message = render(batch, files)
    assert message.title == "Infringement Monitor: 2 things need your attention"
    assert "scan blocked" in message.body
    assert "Channel legal is down" in message.body
    assert render(batch[:1], files).title == "Infringement Monitor: scan blocked"
