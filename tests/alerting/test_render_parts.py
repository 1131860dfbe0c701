"""However long a batch is and however little a channel takes, every alert is told, once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.alerting.options import ChannelOptions
from monitor.alerting.rendering import Part, told_with_pictures
from monitor.alerting.rendering.attaching import MAX_ATTACHED_BYTES
from monitor.channels import Capacity
from monitor.model import AlertEvent, MessageFormat, Relation, Verdict
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.telling.deliveries import DueDelivery
from monitor.words import list_languages
from tests.alerting.messages import MAIL, MARKDOWN, PLAIN, WECOM, due, match, write

OPERATOR = AlertEvent.SCAN_BLOCKED
MATCHES = [event for event in AlertEvent if event.is_match]
# Pieces of text that have broken something somewhere, and anything else.
HOSTILE = st.one_of(
    st.sampled_from(
        [
            "<!channel> [click](http://evil.example) @everyone",
            "<script>alert(1)</script>" * 20,
            "`**_~~||" * 60,
            "防晒衣女" * 200,
            "{{ 7 * 7 }} {% raw %} {n} %s",
            "a\nAlert: x\r\n\u2028\u202e\x00",
        ]
    ),
    st.text(max_size=60),
)
ADDRESSES = st.one_of(
    st.sampled_from(
        ["https://x.example/a?b=1&c=2", "file:///goods/a b.png", "javascript:alert(1)"]
    ),
    st.text(max_size=40).map("https://detail.1688.com/offer/{}.html".format),
    st.integers(0, 3_000).map(lambda length: "https://x.example/" + "9" * length),
)


def fits(parts: Sequence[Part], capacity: Capacity) -> bool:
    return all(capacity.fits(f"{part.message.title}\n{part.message.body}") for part in parts)


@st.composite
def batches(draw: st.DrawFn, files: PictureFiles) -> list[DueDelivery]:
    made: list[DueDelivery] = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        if draw(st.booleans()):
            made.append(due(number, None, event=OPERATOR, text=draw(HOSTILE) * 3))
            continue
        found = match(
            number,
            files,
            title=draw(HOSTILE),
            seller=draw(HOSTILE),
            asset=draw(HOSTILE),
            watch=draw(HOSTILE),
            site=draw(HOSTILE),
            url=draw(ADDRESSES),
            verdict=draw(st.sampled_from(Verdict)),
            relation=draw(st.sampled_from(Relation)),
        )
        baseline = draw(st.sampled_from([None, None, 7]))
        item = due(number, found, baseline=baseline, event=draw(st.sampled_from(MATCHES)))
        made.append(replace(item, watch=draw(st.none() | HOSTILE)))
    return made


@pytest.mark.parametrize("form", list(MessageFormat))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_every_part_fits_and_every_alert_is_in_exactly_one(
    tmp_path: Path, form: MessageFormat, data: st.DataObject
) -> None:
    files = PictureFiles(tmp_path)
    batch = data.draw(batches(files))
    capacity = Capacity(
        data.draw(st.integers(400, 6_000)),
        in_bytes=data.draw(st.booleans()),
        takes_pictures=data.draw(st.booleans()),
        format=form,
        is_compact=data.draw(st.booleans()),
    )
    options = ChannelOptions(
        in_full=data.draw(st.integers(0, 5)),
        language=data.draw(st.sampled_from(list_languages())),
        pictures=data.draw(st.booleans()),
    )
    parts = write(batch, files, capacity, options)
    assert fits(parts, capacity)
    told = [number for part in parts for number in part.delivery_ids]
    assert sorted(told) == [item.id for item in batch]
    by_id = {item.id: item for item in batch}
    for part in parts:
        ids = re.findall(r"al-\d{3}", part.message.body)
        assert sorted(ids) == sorted(by_id[number].alert_id for number in part.delivery_ids)
        assert len(part.message.title.splitlines()) == 1


def test_300_matches_to_wecom_are_as_many_parts_as_needed(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    found = match(1, files, title="防晒衣女" * 9)
    batch = [
        due(number, replace(found, id=number, url=f"https://detail.1688.com/offer/{number}.html"))
        for number in range(1, 301)
    ]
    parts = write(batch, files, WECOM)
    assert fits(parts, WECOM)
    assert 30 < len(parts) < 60
    titles = [part.message.title for part in parts]
    assert titles[0] == f"300 listings use your pictures (1/{len(parts)})"
    assert titles[-1].endswith(f"({len(parts)}/{len(parts)})")
    for part in parts:
        for number in part.delivery_ids:
            assert f"https://detail.1688.com/offer/{number}.html" in part.message.body
            assert f"[al-{number:03d}]" in part.message.body


def test_a_baseline_of_thousands_is_said_in_the_first_part_only(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    found = match(1, files)
    batch = [due(number, found, baseline=7) for number in range(1, 3_001)]
    parts = write(batch, files, PLAIN)
    assert sum(len(part.delivery_ids) for part in parts) == 3_000
    assert "3000 listings were already there" in parts[0].message.body
    assert all("already there" not in part.message.body for part in parts[1:])


def test_the_best_are_told_in_full_and_the_rest_by_a_line(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    batch = [due(number, match(number, files)) for number in range(1, 6)]
    options = ChannelOptions(in_full=2)
    (part,) = write(batch, files, options=options)
    assert part.delivery_ids == (5, 4, 3, 2, 1)
    assert part.message.body.count("Seller: ") == 2
    assert [found.id for found in told_with_pictures(batch, options, PLAIN)] == [5, 4]
    assert [item.name for item in part.message.attachments] == [
        "yours-mug.jpg",
        "listing-1005.png",
        "listing-1004.png",
    ]


@pytest.mark.parametrize(
    ("options", "capacity"),
    [(ChannelOptions(pictures=False), PLAIN), (ChannelOptions(), WECOM)],
    ids=["not wanted", "not taken"],
)
def test_pictures_go_along_only_where_they_are_wanted_and_taken(
    tmp_path: Path, options: ChannelOptions, capacity: Capacity
) -> None:
    files = PictureFiles(tmp_path)
    batch = [due(1, match(1, files))]
    (part,) = write(batch, files, capacity, options)
    assert part.message.attachments == ()
    assert told_with_pictures(batch, options, capacity) == []


def test_where_no_pictures_can_go_along_the_text_says_where_they_are(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    found = match(1, files)
    (part,) = write([due(1, found)], files, replace(PLAIN, takes_pictures=False))
    assert str(files.path(found.picture_sha256)) in part.message.body


def test_the_pictures_of_each_part_are_counted_by_themselves(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    big = [files.put(b"\x89PNG" + bytes([n]) * (MAX_ATTACHED_BYTES // 2)) for n in range(3)]
    batch = [due(n + 1, match(n + 1, files, picture_sha256=sha)) for n, sha in enumerate(big)]
    (part,) = write(batch, files, PLAIN)
    assert part.message.body.count("too large for a message") == 2
    parts = write(batch, files, replace(PLAIN, max_size=500))
    assert len(parts) == 3
    assert all("too large" not in part.message.body for part in parts)
    assert [len(part.message.attachments) for part in parts] == [2, 2, 2]


def test_two_pictures_never_have_one_name(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    batch = [
        due(1, match(1, files, asset="杯子", reference_sha256=files.put(b"\x89PNG a"))),
        due(2, match(2, files, asset="衣服", reference_sha256=files.put(b"\x89PNG b"))),
    ]
    (part,) = write(batch, files, MAIL)
    names = [item.name for item in part.message.attachments]
    assert len(set(names)) == len(names) == 4
    assert all(name.isascii() for name in names)
    assert sorted(re.findall(r'src="cid:([^"]+)"', part.message.body)) == sorted(names)


def test_a_part_about_one_asset_has_its_thread(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    one, other = due(1, match(1, files)), due(2, match(2, files, asset="cup"))
    notice = due(3, None, event=OPERATOR, text="blocked")
    assert write([one], files)[0].message.thread == "mug"
    assert write([one, other], files)[0].message.thread is None
    assert write([one, notice], files)[0].message.thread is None
    assert write([notice], files)[0].message.thread is None


def test_a_digest_says_what_it_holds_and_has_a_heading_for_each_kind(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    batch = [
        due(1, None, event=AlertEvent.MATCHES_HELD, text="7 new matches of a.png held"),
        due(2, match(2, files), event=AlertEvent.SCORE_CROSSED),
        due(3, match(3, files), baseline=4),
        due(4, match(4, files)),
        due(5, None, event=OPERATOR, text="Watch acme: blocked"),
    ]
    (part,) = write(batch, files, options=ChannelOptions(in_full=0))
    assert part.message.title == "3 matches, 2 notices"
    assert part.delivery_ids == (5, 4, 3, 2, 1)
    assert re.findall(r"^== (.+) ==$", part.message.body, re.MULTILINE) == [
        "About the monitor itself",
        "New matches",
        "First scan of watch acme",
        "Score has risen to where it is told",
        "Held matches",
    ]


def test_what_is_too_long_for_a_part_is_shortened_title_first(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    found = match(1, files, title="Mug " * 70)
    whole, cut = (
        write([due(1, found)], files, replace(MARKDOWN, max_size=size))[0] for size in (2_000, 500)
    )
    assert "Mug " * 60 in whole.message.body
    assert "…" in cut.message.body
    for line in ("- **Seller:** not given", "- **Alert:** al-001"):
        assert line in cut.message.body.splitlines()


def test_a_link_that_no_message_can_hold_is_named_by_its_match(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    found = match(1, files, url="https://x.example/" + "9" * 3_000)
    (part,) = write([due(1, found)], files, WECOM)
    assert "[al-001] the link is too long for this channel: monitor matches show 1" in (
        part.message.body
    )


def test_an_empty_batch_is_no_message(tmp_path: Path) -> None:
    assert write([], PictureFiles(tmp_path)) == ()
