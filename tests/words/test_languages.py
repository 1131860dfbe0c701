"""Languages: files that are read, checked against English, and asked for their texts."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import get_type_hints

import pytest

import monitor
from monitor.errors import InputError
from monitor.model import AlertEvent, Price, Relation, ScanOutcome, Verdict
from monitor.model.events import Event, Fact, Written, iter_events
from monitor.words import PACKAGED, list_languages, read_words
from monitor.words.entries import write
from monitor.words.languages import _parse
from tests.told import EVENTS

ENGLISH = (PACKAGED / "en.toml").read_text(encoding="utf-8")


def written(folder: Path, text: str) -> Path:
    (folder / "xx.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("language", list_languages())
def test_every_language_has_every_entry_and_placeholder_and_no_other(language: str) -> None:
    words, complete = read_words(language), read_words()
    assert words.language == language
    assert words.entries.keys() == complete.entries.keys()
    for key, entry in words.entries.items():
        assert entry.placeholders == complete.entries[key].placeholders, key
        assert entry.by == complete.entries[key].by, key


@pytest.mark.parametrize("language", list_languages())
def test_every_event_relation_and_verdict_has_its_words(language: str) -> None:
    words = read_words(language)
    for event in AlertEvent:
        assert words.say(f"events.{event}.name")
        for name in ("section", "one", "many"):
            assert (f"events.{event}.{name}" in words.entries) == event.is_match
    assert words.table("relations").keys() == set(Relation)
    assert words.table("verdicts").keys() == set(Verdict)
    assert words.entries["drawing.relation"].variants.keys() == set(Relation)


def test_a_copied_file_is_a_language(tmp_path: Path) -> None:
    folder = written(tmp_path, ENGLISH)
    assert list_languages(folder) == ["xx"]
    words = read_words("xx", folder)
    assert words.language == "xx"
    assert words.entries == read_words().entries


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('not_given = "not given"\n', "", "message.not_given is missing"),
        ('not_given = "not given"', 'not_given = "no"\nodd = "x"', "message.odd is no entry"),
        ('gone since {gone_since}"', 'gone"', "events.reappeared.text lacks {gone_since}"),
        ("{gone_since}", "{gone_since}{odd}", "has {odd}, which is not known"),
        ("{gone_since}", "{gone_since", "events.reappeared.text: "),
        ("{change_percent:percent}", "{change_percent:d}", "the kinds are "),
        ('by = "relation"', 'by = "score"', "has its variants by score, not by relation"),
        ('same = "the same picture"\n', "", "drawing.relation lacks the variant same"),
        ('same = "the same picture"', 'same = "a"\nodd = "b"', "drawing.relation has no odd"),
        ("fonts = []\n", "", "'fonts' is missing"),
        ("fonts = []", "fonts = 1", "not iterable"),
        ('title = "Title"', "title = 1", "message.title: takes a text"),
        ("[message]", "[message", ""),
    ],
)
def test_a_file_that_is_not_as_english_is_refused(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    assert old in ENGLISH
    folder = written(tmp_path, ENGLISH.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_words("xx", folder)
    assert "xx.toml" in str(caught.value)
    assert problem in str(caught.value)


def test_a_language_needs_no_form_of_its_own_for_one(tmp_path: Path) -> None:
    text = ENGLISH.replace('one = "1 match", other = "{n} matches"', 'other = "{n} m"')
    words = read_words("xx", written(tmp_path, text))
    assert [words.say("message.some_matches", n=n) for n in (0, 1, 2)] == ["0 m", "1 m", "2 m"]


def test_a_language_that_there_is_not_names_those_there_are() -> None:
    with pytest.raises(InputError, match="no words in tlh; there are "):
        read_words("tlh")
    with pytest.raises(InputError, match="no words in"):
        read_words("../words/en")


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("mug", "", "mug"),
        (Relation.SAME, "", "same"),
        (1_234, "", "1234"),
        (1_234, "count", "1,234"),
        (12.5, "", "12.5"),
        (datetime(2026, 1, 5, 8, 0, 59, tzinfo=UTC), "", "2026-01-05 08:00 UTC"),
        (Price(Decimal("12.5"), Decimal(30), "CNY", "x"), "", "CNY 12.50 - 30.00"),
        (0.9, "score", "0.90"),
        (0.9, "score_in_full", "0.900"),
        (Decimal("4.25"), "percent", "+4.2 %"),
        (-25, "percent", "-25.0 %"),
        (0.963, "share", "96 %"),
        (20_000_000_000, "gigabytes", "20"),
        (950_000_000, "gigabytes", "0.9"),
    ],
)
def test_values_are_written_by_kind(value: Fact, kind: str, text: str) -> None:
    assert write(value, kind) == text


def test_a_variant_is_chosen_by_a_fact_and_parts_are_put_in(tmp_path: Path) -> None:
    text = """fonts = []
[test]
whole = "{what}{since}{shared}"
since = { by = "gone_since", none = "", other = " since {gone_since}" }
what = { by = "is_gone", yes = "gone", no = "there" }
count = { by = "n", none = "nothing", one = "one", other = "{n}" }
[parts]
shared = { by = "relation", same = "!", other = "?" }
"""
    words = _parse(written(tmp_path, text) / "xx.toml")
    at = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
    said = [
        words.say("test.whole", is_gone=True, gone_since=at, relation=Relation.SAME),
        words.say("test.whole", is_gone=False, gone_since=None, relation=Relation.NONE),
    ]
    assert said == ["gone since 2026-01-05 08:00 UTC!", "there?"]
    assert [words.say("test.count", n=n) for n in (0, 1, 2)] == ["nothing", "one", "2"]
    assert words.fill(
        "test.whole", {"is_gone": True, "gone_since": "<T>", "relation": ""}, repr
    ) == ("gone since '<T>'?")


@pytest.mark.parametrize("language", list_languages())
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_is_told_in_every_language(language: str, event: Event) -> None:
    text = read_words(language).tell(event)
    assert "{" not in text
    assert bool(text) == bool(fields(event))
    if language == "zh":
        assert text != read_words().tell(event) or not text


@pytest.mark.parametrize("language", list_languages())
def test_every_value_that_chooses_a_variant_has_one(language: str) -> None:
    entries = read_words(language).entries
    types = {kind: get_type_hints(kind) for kind in iter_events()}
    for key, entry in entries.items():
        if entry.by is None or not key.startswith(("events.", "parts.")):
            continue
        name = key.split(".")[1] if key.startswith("events.") else None
        hints = {
            hints[entry.by]
            for kind, hints in types.items()
            if entry.by in hints and (name is None or kind.name == name)
        }
        for hint in hints:
            is_enum = isinstance(hint, type) and issubclass(hint, StrEnum)
            if is_enum and "other" not in entry.variants:
                some = {ScanOutcome.OK, ScanOutcome.EMPTY} if hint is ScanOutcome else set()
                assert set(hint) - some <= entry.variants.keys(), key


def test_what_was_written_by_an_earlier_version_is_told_as_it_was() -> None:
    assert read_words("zh").tell(Written("Channel legal is down")) == "Channel legal is down"


def test_every_text_that_the_code_asks_for_is_there() -> None:
    entries, asked = read_words().entries, set[str]()
    for path in Path(monitor.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                asked.add(node.value)
    literal = {text for text in asked if re.fullmatch(r"(message|drawing|parts)\.\w+", text)}
    assert literal <= entries.keys()
