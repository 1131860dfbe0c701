"""Templates of the user's stand in for ours, and a broken one loses no alert."""

from __future__ import annotations

import logging
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from monitor.alerting.options import ChannelOptions
from monitor.alerting.rendering.template_set import BUILT_IN, Book
from monitor.alerting.rendering.views import MatchView, NoticeView
from monitor.channels import Capacity
from monitor.model import AlertEvent, MessageFormat, Verdict
from monitor.model.events import read_event
from monitor.storage.catalogue.files import PictureFiles
from monitor.words import read_words
from tests.alerting.messages import MAIL, MARKDOWN, PLAIN, WECOM, due, match, write

T = "2026-01-04 07:00 UTC"
PAGE = (Path(__file__).parents[2] / "docs/messages.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "templates"
    made.mkdir()
    return made


@pytest.fixture
def files(tmp_path: Path) -> PictureFiles:
    return PictureFiles(tmp_path / "pictures")


def test_a_file_of_the_same_name_stands_in_for_ours(folder: Path, files: PictureFiles) -> None:
    (folder / "match.txt").write_text(
        "Look: {{ match.title }} {{ match.link }} {{ match.alert_id }}"
    )
    (part,) = write([due(1, match(1, files))], files, templates=folder)
    assert part.message.body == "Look: Mug 1 https://detail.1688.com/offer/1001.html al-001"


def test_a_template_may_build_on_ours(folder: Path, files: PictureFiles) -> None:
    (folder / "line.md").write_text('{% include "ours/line.md" %}\n(please review)')
    (part,) = write(
        [due(1, match(1, files))], files, MARKDOWN, ChannelOptions(in_full=0), templates=folder
    )
    assert part.message.body.startswith("**0.901** mug: Mug 1")
    assert part.message.body.endswith("(please review)")


def test_what_a_template_of_the_users_shows_is_escaped_too(
    folder: Path, files: PictureFiles
) -> None:
    shown = "{{ match.title }} {{ match.link }} {{ match.alert_id }}"
    (folder / "match.html").write_text(shown)
    (folder / "match.md").write_text(shown)
    batch = [due(1, match(1, files, title="<b>*x*"))]
    assert "<b>" not in write(batch, files, MAIL, templates=folder)[0].message.body
    assert r"\*x\*" in write(batch, files, MARKDOWN, templates=folder)[0].message.body


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("match.txt", "{{ match.titel }}", "no attribute 'titel'"),
        ("match.txt", "{% if %}", "line 1: "),
        ("match.txt", "{{ 1 / 0 }}", "division by zero"),
        ("match.txt", b"\xff\xfe\xff", "codec can't decode"),
        ("match.txt", "{{ match.title }}", "it leaves out the alert id"),
        ("match.txt", "{{ match.alert_id }}", "it leaves out the link"),
        ("match.txt", '{% include "line.xyz" %}', "line.xyz"),
        ("message.txt", "Hello", "it changes the content"),
        ("message.txt", "{{ content }}" + "x" * 20_000, "too little room"),
    ],
)
def test_a_broken_template_loses_no_alert_and_is_named_once(
    folder: Path,
    files: PictureFiles,
    caplog: pytest.LogCaptureFixture,
    name: str,
    text: str | bytes,
    problem: str,
) -> None:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    batch = [due(1, match(1, files)), due(2, match(2, files))]
    (ours,) = write(batch, files)
    for _ in range(2):
        (part,) = write(batch, files, templates=folder)
    told = part.message.body
    assert told.startswith(ours.message.body)
    assert re.search(rf"Your template {name} was not used: .*{re.escape(problem)}", told)
    warnings = [item for item in caplog.records if item.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert problem in warnings[0].getMessage()


def test_two_broken_templates_are_both_left_aside(folder: Path, files: PictureFiles) -> None:
    for kind in ("line", "notice"):
        (folder / f"{kind}.txt").write_text("{{ nothing }}")
    batch = [due(1, match(1, files)), due(2, None, event=AlertEvent.SCAN_FAILED, text="down")]
    (part,) = write(batch, files, options=ChannelOptions(in_full=0), templates=folder)
    assert "al-001" in part.message.body
    assert "al-002" in part.message.body
    assert part.message.body.count("was not used") == 2


def test_a_template_that_is_mended_is_used_again(folder: Path, files: PictureFiles) -> None:
    path = folder / "notice.txt"
    item = due(1, None, event=AlertEvent.SCAN_FAILED, text="down")
    path.write_text("{{ nothing }}")
    assert "was not used" in write([item], files, templates=folder)[0].message.body
    path.write_text("NOTICE {{ notice.text }} {{ notice.alert_id }}")
    assert write([item], files, templates=folder)[0].message.body == "NOTICE down al-001"


def test_a_folder_that_is_not_there_is_as_none(tmp_path: Path, files: PictureFiles) -> None:
    batch = [due(1, match(1, files))]
    assert write(batch, files, templates=tmp_path / "none") == write(batch, files)


@pytest.mark.parametrize("capacity", [PLAIN, MARKDOWN, MAIL, WECOM])
def test_nothing_but_names_and_operator_texts_is_english_in_chinese(
    files: PictureFiles, capacity: Capacity
) -> None:
    names = {"id": 1, "asset": "作品甲", "watch": "任务甲", "marketplace": "阿里", "title": "杯子"}
    found = match(1, files, **{**names, "verdict": Verdict.INFRINGING, "mirrored": True})
    reasons = {"inliers": 212.0, "reference_share": 0.96, "agreeing": 0.93, "phash_distance": 4.0}
    whole = replace(found, reasons=reasons)
    batch = [due(1, whole), due(2, whole, event=AlertEvent.SCORE_CROSSED)]
    batch.append(due(3, None, event=AlertEvent.SCAN_BLOCKED))
    options = ChannelOptions(language="zh", in_full=1, pictures=False)
    (part,) = write(batch, files, capacity, options)
    told = re.sub(r"<[^>]*>|https?://[^\s)]*", " ", f"{part.message.title} {part.message.body}")
    told = re.sub(r"al-\d+|CNY|UTC", "", told)
    assert re.findall(r"[A-Za-z]{2,}", told) == []


@pytest.mark.parametrize(
    ("event", "detail", "english", "chinese"),
    [
        (
            "price_change",
            {"old_price": "CNY 12.00", "new_price": "CNY 9.00", "change_percent": "-25.0"},
            "CNY 12.00 → CNY 9.00 (-25.0 %)",
            "CNY 12.00 → CNY 9.00（-25.0 %）",
        ),
        (
            "relisted",
            {
                "relisted_from": "77",
                "relisted_from_url": "https://x.example/77",
                "last_seen_at": T,
            },
            f"earlier item 77, last seen {T}",
            "原商品编号 77",
        ),
        ("reappeared", {"gone_since": T}, f"gone since {T}", f"自 {T} 起"),
        ("gone", {"last_seen_at": T}, f"last seen {T}", f"最后一次见到：{T}"),
        ("reminder", {"first_told_at": T}, f"first told {T}", f"首次通知：{T}"),
    ],
)
def test_what_an_event_says_is_told_in_both_languages(
    event: str, detail: dict[str, str], english: str, chinese: str
) -> None:
    for language, expected in (("en", english), ("zh", chinese)):
        words = read_words(language)
        assert expected in words.tell(read_event(AlertEvent(event), detail))
        assert "{asset}" in words.entries[f"events.{event}.one"].variants[""].source
        assert "{n}" in words.entries[f"events.{event}.many"].variants[""].source


def test_what_an_event_says_stands_in_full_and_in_a_line(files: PictureFiles) -> None:
    assert "events.score_crossed.text" not in read_words().entries
    item = due(1, match(1, files), event=AlertEvent.SCORE_CROSSED)
    (part,) = write([item], files)
    assert part.message.title == "mug on 1688: score has risen to 0.90"
    assert "What happened: Score has risen" in part.message.body.splitlines()


def test_details_that_nobody_knows_are_no_harm(files: PictureFiles) -> None:
    told = read_event(AlertEvent.SCORE_CROSSED, {"odd": "{x}"})
    item = due(1, match(1, files), event=AlertEvent.SCORE_CROSSED)
    (part,) = write([replace(item, told=told)], files)
    assert "al-001" in part.message.body


def test_every_template_of_ours_is_listed_in_the_page() -> None:
    names = {path.name for path in BUILT_IN.iterdir()}
    kinds = {name.rsplit(".", 1)[0] for name in names}
    for kind in kinds:
        assert f"`{kind}`" in PAGE
    for form in MessageFormat:
        for kind in kinds - {"chat"}:
            assert Book(form).name(kind) in names


def section(title: str) -> str:
    return PAGE.split(f"### {title}\n")[1].split("\n#")[0]


@pytest.mark.parametrize(("title", "kind"), [("`match`", MatchView), ("`notice`", NoticeView)])
def test_the_variables_of_the_page_are_those_there_are(title: str, kind: type) -> None:
    listed = re.findall(r"^\| `(\w+)` \|", section(title), re.MULTILINE)
    assert sorted(listed) == sorted(field.name for field in fields(kind))


def test_the_variables_of_the_whole_message_are_those_there_are(
    folder: Path, files: PictureFiles
) -> None:
    listed = re.findall(r"^\| `(\w+)` \|", section("Around the alerts"), re.MULTILINE)
    assert "words" in listed
    shown = "".join(f"{{{{ {name} is defined }}}}" for name in listed)
    (folder / "message.txt").write_text(shown + "{{ content }}")
    (part,) = write([due(1, match(1, files))], files, templates=folder)
    assert part.message.body.startswith("True" * len(listed))


def test_the_words_of_the_page_are_those_there_are() -> None:
    names = {*read_words().table("message"), "language"}
    used = set(re.findall(r"words\.(\w+)", PAGE))
    for path in BUILT_IN.iterdir():
        used |= set(re.findall(r"words\.(\w+)", path.read_text(encoding="utf-8")))
    assert used
    assert used <= names
    # a template would be given the method of that name
    assert names.isdisjoint(dir(dict))


def test_the_examples_of_the_page_work(folder: Path, files: PictureFiles) -> None:
    examples = re.findall(r"`(\w+\.\w+)`:\n+```jinja\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) >= 2
    for name, text in examples:
        (folder / name).write_text(text, encoding="utf-8")
    batch = [due(1, match(1, files)), due(2, match(2, files))]
    for capacity in (PLAIN, MARKDOWN, MAIL, WECOM):
        for part in write(batch, files, capacity, ChannelOptions(in_full=1), templates=folder):
            assert "was not used" not in part.message.body
