"""Findings: typed, told from one place in every language, and the same for all who read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor.cli import cli
from monitor.health import findings
from monitor.health.findings import Facts, Finding, describe
from monitor.model.events import DiskLow, Lacking, StoredIn, WatchLate, WatchUnplanned, Written
from monitor.sandbox import Fault
from monitor.words import Words, list_languages, read_words
from tests.e2e.rehearsal import Rehearsal, rehearse

AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
LATER = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
KINDS = [
    kind
    for kind in vars(findings).values()
    if isinstance(kind, type) and issubclass(kind, Facts) and kind is not Facts
]

# Each kind as it is told in English, with what may be missing and without.
TOLD: list[tuple[Finding, str]] = [
    (
        Finding.of("acme", findings.WatchState(2, 3, AT)),
        "Watch acme: 2 pictures, 3 open matches, last scanned 2026-01-05 08:00 UTC",
    ),
    (
        Finding.of("acme", findings.WatchState(2, 0, None)),
        "Watch acme: 2 pictures, 0 open matches, not scanned yet",
    ),
    (Finding.of("acme", findings.WatchNeverRun()), "Watch acme: never run"),
    (
        Finding.of("acme", findings.PicturesUnspecific(1, 20)),
        "Watch acme: unspecific pictures: 1, held deliveries: 20; `monitor assets list` shows "
        "which, `monitor assets trust` sends them",
    ),
    (
        Finding.of("acme", findings.PicturesFeatureless(4)),
        "Watch acme: featureless pictures, of which no copy would be told: 4; "
        "`monitor assets list` shows which",
    ),
    (
        Finding.of("", findings.SilencesHold(1, 2)),
        "Silences: 1, held deliveries: 2; `monitor silence list` shows which",
    ),
    (
        Finding.of("shop", findings.BudgetUse("shop", 3, None, None, 1203, None, None, None, 7)),
        "Marketplace shop: 3 calls today, 1,203 this month (UTC)",
    ),
    (
        Finding.of("shop", findings.BudgetUse("shop", 0, 0, None, 9000, 9000, 133.4, 0.0, 7)),
        "Marketplace shop: 0 of 0 calls today, 9,000 of 9,000 this month, a usual day takes 133, "
        "the rest lasts 0.0 such days, the month 7 more (UTC)",
    ),
    (
        Finding.of("shop", findings.BudgetUse("shop", 1, 5, 5, 9, None, 4.0, None, 7)),
        "Marketplace shop: 1 of 5 calls today, 9 this month, a usual day takes 4 (UTC)",
    ),
    (Finding.of("shop", findings.CanaryState(None)), "Canary of shop: not found yet"),
    (
        Finding.of("shop", findings.CanaryState(AT)),
        "Canary of shop: last found 2026-01-05 08:00 UTC",
    ),
    (
        Finding.of("acme", findings.WatchUnknown()),
        "watch acme is not in the database yet: run `monitor scan` or the daemon",
    ),
    (
        Finding.of("acme", findings.WatchOverdue(), AT),
        "watch acme is overdue since 2026-01-05 08:00 UTC",
    ),
    (
        Finding.of("acme", findings.WatchWithoutPictures()),
        "watch acme has no picture to search for",
    ),
    (
        Finding("watch_late", "acme", WatchLate("acme", AT, Lacking.PLANNED), LATER),
        "Watch acme is late: the cycle that was due at 2026-01-05 08:00 UTC is not planned yet. "
        "The daemon was down, hangs, or a cycle takes longer than the watch's interval: see "
        "`monitor status` and the log.",
    ),
    (
        Finding("watch_late", "acme", WatchLate("acme", AT, Lacking.DONE), LATER),
        "Watch acme is late: the cycle that was due at 2026-01-05 08:00 UTC is not done yet. "
        "The daemon was down, hangs, or a cycle takes longer than the watch's interval: see "
        "`monitor status` and the log.",
    ),
    (
        Finding("watch_unplanned", "acme", WatchUnplanned("acme", "KeyError")),
        "Watch acme can't be planned, so it is not searched: unexpected KeyError. The log says "
        "where; it is tried again every hour.",
    ),
    (
        Finding(
            "disk_low",
            "host:/srv",
            DiskLow("host", StoredIn.DATABASE, "/srv", 49 * 10**8, 100 * 10**9),
        ),
        "Only 4.9 of 100 GB are free on host for the database in /srv. When the disk is full "
        "nothing can be stored and no new alert be written: make room.",
    ),
    (
        Finding("disk_low", "host:/p", DiskLow("host", StoredIn.PICTURES, "/p", 9 * 10**8, 10**10)),
        "Only 0.9 of 10 GB are free on host for the pictures in /p. When the disk is full "
        "nothing can be stored and no new alert be written: make room.",
    ),
    (
        Finding.of("shop", findings.MarketplacePaused(3, LATER, "HTTP 403"), AT),
        "marketplace shop is paused since 2026-01-05 08:00 UTC after 3 failures, tried again from "
        "2026-01-05 09:30 UTC on: HTTP 403",
    ),
    (
        Finding.of("shop", findings.MarketplacePaused(3, None, "HTTP 403")),
        "marketplace shop is paused since an unknown time after 3 failures, tried again from "
        "an unknown time on: HTTP 403",
    ),
    (
        Finding.of("shop", findings.CanaryLost("mug.jpg", 1, "not returned"), AT),
        "marketplace shop: its canary mug.jpg was missed once, since 2026-01-05 08:00 UTC: "
        "not returned",
    ),
    (
        Finding.of("shop", findings.CanaryLost("mug.jpg", 2, "not returned"), AT),
        "marketplace shop: its canary mug.jpg was missed 2 times in a row, since "
        "2026-01-05 08:00 UTC: not returned",
    ),
    (
        Finding.of("acme", findings.YieldDropped("shop", 2, 5)),
        "watch acme on shop: 2 of 5 scans of the last cycle saw less than half of what is usual: "
        "it may be blind",
    ),
    (
        Finding.of("acme", findings.ScansIncomplete("shop", "blocked", 2, "a web page")),
        "watch acme on shop: 2 scans blocked in the last cycle: a web page",
    ),
    (
        Finding.of("acme", findings.ScansIncomplete("shop", "open", 1, None)),
        "watch acme on shop: 1 scans open in the last cycle: no reason stored",
    ),
    (
        Finding.of("cdn.example", findings.PicturesUnavailable(12, 20, "HTTP 403")),
        "pictures from cdn.example: 12 of 20 failed in the last day, mostly: HTTP 403; listings "
        "without a picture are compared with nothing: see whether this machine's name server or "
        "the host itself refuses us",
    ),
    (
        Finding.of("cdn.example", findings.PicturesUnavailable(12, 20, None)),
        "pictures from cdn.example: 12 of 20 failed in the last day; listings "
        "without a picture are compared with nothing: see whether this machine's name server or "
        "the host itself refuses us",
    ),
    (
        Finding.of("shop", findings.BudgetUsedUp("month", 9000)),
        "marketplace shop: all 9,000 calls of the month (UTC) are used up",
    ),
    (
        Finding.of("shop", findings.BudgetUsedUp("day", 20)),
        "marketplace shop: all 20 calls of the day (UTC) are used up",
    ),
    (
        Finding.of("shop", findings.BudgetUsedUp("share", 19)),
        "marketplace shop: the day's share of the month, 19 calls, is used up until midnight "
        "(UTC): search less often, or see spread_quota",
    ),
    (Finding.of("legal", findings.ChannelOverdue(2, None)), "channel legal: 2 alerts wait"),
    (
        Finding.of("legal", findings.ChannelOverdue(2, "HTTP 503"), AT),
        "channel legal: 2 alerts wait: HTTP 503",
    ),
    (
        Finding.of("legal", findings.ChannelRefuses(2, "HTTP 401"), AT),
        "channel legal refuses messages since 2026-01-05 08:00 UTC, 2 alerts were given up: "
        "HTTP 401; give it another URL, or mend it and run `monitor alerts retry --all`",
    ),
    (
        Finding.of("legal", findings.ChannelRefuses(2, "HTTP 401")),
        "channel legal refuses messages, 2 alerts were given up: HTTP 401; give it another URL, "
        "or mend it and run `monitor alerts retry --all`",
    ),
    (
        Finding.of("legal", findings.ChannelGaveUp(1)),
        "channel legal: 1 alerts were given up; mend it, then `monitor alerts retry --all`",
    ),
    (
        Finding.of("", findings.AlertsHomeless(3)),
        "3 operator alerts of the last day had no channel to go to: name one in [alerts] ops, "
        "and see `monitor alerts list`",
    ),
    (
        Finding.of("", findings.AlertsStranded(1)),
        "1 alert has no channel to go to, as the watch is not in the config any more: name one "
        "in [alerts] ops to be told",
    ),
    (
        Finding.of("", findings.AlertsStranded(2)),
        "2 alerts have no channel to go to, as the watch is not in the config any more: name one "
        "in [alerts] ops to be told",
    ),
    (
        Finding.of("look shop", findings.StepHangs(2.0)),
        "look shop has hung for more than 2 hours",
    ),
    (Finding.of("", findings.StoreUnusable("the disk is full")), "the disk is full"),
    (Finding("watch_late", "acme", Written("It is late.")), "It is late."),
    (Finding("watch_lost", "acme", Written()), "acme: watch_lost"),
]


@pytest.mark.parametrize(("finding", "text"), TOLD, ids=lambda given: getattr(given, "kind", ""))
def test_each_is_told_in_words(finding: Finding, text: str) -> None:
    assert describe(finding) == text


def test_every_kind_is_told_above() -> None:
    of_their_own = {finding.kind for finding, _ in TOLD if isinstance(finding.facts, Facts)}
    assert of_their_own == {kind.kind for kind in KINDS}
    assert len({kind.kind for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("language", list_languages())
def test_every_language_has_a_text_for_every_kind_and_shows_what_it_knows(language: str) -> None:
    words = read_words(language)
    for finding, _ in TOLD:
        text = describe(finding, words)
        assert text
        assert "{" not in text
        if isinstance(finding.facts, Facts):
            known = {*finding.facts.for_words(), "subject", "since"}
            unknown = _asked_for(words, finding.kind) - known
            assert not unknown, (finding.kind, unknown)


def _asked_for(words: Words, kind: str) -> set[str]:
    """The facts that a kind's texts show and choose by."""
    start = f"findings.{kind}."
    entries = {
        key.removeprefix(start): entry
        for key, entry in words.entries.items()
        if key.startswith(start)
    }
    asked = {name for entry in entries.values() for name in entry.placeholders}
    return (asked | {entry.by for entry in entries.values() if entry.by}) - entries.keys()


def test_no_language_has_a_text_for_a_kind_that_there_is_not() -> None:
    told = {key.split(".")[1] for key in read_words().entries if key.startswith("findings.")}
    assert told == {"noted", *(kind.kind for kind in KINDS)}


# -- the same for all who read them


@pytest.fixture
def rehearsal(tmp_path: Path, database_url: str) -> Iterator[Rehearsal]:
    with rehearse(tmp_path / "home", database_url, copies=1, others=0) as running:
        yield running


def _status(rehearsal: Rehearsal, *options: str) -> tuple[str, int]:
    given = ["--config", str(rehearsal.config), "status", *options]
    result = CliRunner().invoke(cli, given, standalone_mode=False)
    assert result.exception is None
    return result.output, result.return_value


def test_json_has_what_the_text_says_as_values(rehearsal: Rehearsal) -> None:
    rehearsal.clock.now = datetime.now(UTC) - timedelta(hours=1)
    rehearsal.sandbox.faults.order(Fault.HTML)
    rehearsal.scan()
    lines, code = _status(rehearsal)
    answer = json.loads(_status(rehearsal, "--json")[0])
    assert code == 1
    assert answer["healthy"] is False
    told = [*answer["facts"], *(f"Problem: {problem}" for problem in answer["problems"])]
    assert lines.splitlines() == [*told, "NOT healthy"]
    state, *_ = answer["findings"]
    assert state.keys() == {"kind", "subject", "problem", "facts", "since"}
    assert (state["kind"], state["subject"], state["problem"]) == ("watch_state", "acme", False)
    assert state["facts"]["reference_pictures"] == 2
    (blocked,) = [item for item in answer["findings"] if item["problem"]]
    assert (blocked["kind"], blocked["subject"]) == ("scans_incomplete", "acme")
    assert blocked["facts"].keys() == {"marketplace", "outcome", "scans", "error"}
    assert (blocked["facts"]["outcome"], blocked["facts"]["scans"]) == ("blocked", 2)


def test_json_says_since_when_a_watch_is_overdue(rehearsal: Rehearsal) -> None:
    rehearsal.clock.now = datetime.now(UTC) - timedelta(hours=8)
    rehearsal.scan()
    due_at = rehearsal.clock.now + timedelta(hours=6)
    answer = json.loads(_status(rehearsal, "--json")[0])
    (overdue,) = [item for item in answer["findings"] if item["kind"] == "watch_overdue"]
    since = datetime.fromisoformat(overdue["since"])
    assert abs(since - due_at) < timedelta(minutes=1)
    assert f"watch acme is overdue since {since:%Y-%m-%d %H:%M} UTC" in answer["problems"]
