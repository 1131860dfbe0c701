"""What a message says."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.options import ChannelOptions
from monitor.alerting.rendering.attaching import MAX_ATTACHED_BYTES
from monitor.alerting.rendering.escaping import one_line
from monitor.model import AlertEvent
from monitor.storage.catalogue.files import PictureFiles
from tests.alerting.messages import due, match, write


def test_one_match_is_told_in_full_with_both_pictures(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    message = write([due(1, match(1, files))], files)[0].message
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
    (part,) = write([due(1, drawn), due(2, other)], files, drawings={1: drawing})
    message = part.message
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
    options = ChannelOptions(in_full=3)
    message = write(batch, files, options=options)[0].message
    assert message.title == "First scan of watch acme: 60 matches"
    for number in range(1, 61):
        assert f"offer/{1_000 + number}.html" in message.body
        assert f"al-{number:03d}" in message.body
    assert len(message.attachments) == 1 + options.in_full


def test_a_title_can_not_forge_a_line(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    title = "Mug\nAlert: al-999\r\u2028Score: 0.000\u202e"
    message = write([due(1, match(1, files, title=title, asset="a\nb"))], files)[0].message
    assert "Alert: al-999" not in message.body.splitlines()
    assert "\n" not in message.title
    assert sum(line.startswith("Score:") for line in message.body.splitlines()) == 1


@given(st.text(max_size=500))
def test_one_line_is_one_line(text: str) -> None:
    plain = one_line(text, 100)
    assert len(plain) <= 100
    assert len(plain.splitlines()) <= 1
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in plain)


def test_pictures_that_are_gone_or_too_large_are_named(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    large = files.put(b"\xff\xd8\xff" + bytes(MAX_ATTACHED_BYTES))
    found = match(1, files, picture_sha256=large, reference_sha256="0" * 64)
    message = write([due(1, found)], files)[0].message
    assert message.attachments == ()
    assert "yours-mug (no longer stored)" in message.body
    assert "listing-1001 (too large for a message)" in message.body


def test_operator_alerts_say_what_happened(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    batch = [
        due(1, None, event=AlertEvent.SCAN_BLOCKED, text="Watch acme on alibaba: scan blocked"),
        due(2, None, event=AlertEvent.CHANNEL_BROKEN, text="Channel legal is down"),
    ]
    message = write(batch, files)[0].message
    assert message.title == "Infringement Monitor: 2 things need your attention"
    assert "scan blocked" in message.body
    assert "Channel legal is down" in message.body
    assert write(batch[:1], files)[0].message.title == "Infringement Monitor: scan blocked"
