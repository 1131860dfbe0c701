"""`monitor silence`: what is typed, what is answered, what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import cli
from monitor.cli.silence import parse_instant
from monitor.errors import InputError, MonitorError
from tests.e2e.rehearsal import Rehearsal, rehearse

NOW = datetime(2026, 11, 25, 8, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def scanned(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    home = tmp_path_factory.mktemp("silence")
    with rehearse(home, f"sqlite:///{home / 'monitor.db'}") as rehearsal:
        assert _run(rehearsal, "scan").return_value == 0
        yield rehearsal


def _run(rehearsal: Rehearsal, *words: str) -> Result:
    result = CliRunner().invoke(
        cli, ["--config", str(rehearsal.config), *words], standalone_mode=False
    )
    if result.exception is not None and not isinstance(result.exception, MonitorError):
        raise result.exception
    return result


def _listed(rehearsal: Rehearsal, *words: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(
        _run(rehearsal, "silence", "list", "--json", *words).stdout
    )
    return rows


def test_a_silence_is_added_listed_and_removed(scanned: Rehearsal) -> None:
    added = _run(
        scanned,
        *(
            "silence",
            "add",
            "--seller",
            "Shop",
            "--site",
            "1688",
            "--asset",
            "mug",
            "--until",
            "7d",
        ),
        *("--reason", "they pay now", "--author", "anne"),
    )
    assert added.stdout.startswith("silence 1 holds asset mug, site 1688, seller Shop until 2")
    assert added.stdout.endswith(" UTC; 0 deliveries that were not sent yet are held\n")
    (row,) = _listed(scanned)
    assert (row["id"], row["state"], row["author"], row["held"]) == (1, "active", "anne", 0)
    assert (row["reason"], row["asset"], row["site"]) == ("they pay now", "mug", "1688")
    assert "they pay now" in _run(scanned, "silence", "list").stdout
    assert "Silences: 1, held deliveries: 0" in _run(scanned, "status").stdout

    removed = _run(scanned, "silence", "remove", "1")
    assert removed.stdout == "silence 1 removed; 0 deliveries are due now\n"
    assert _listed(scanned) == []
    assert [row["state"] for row in _listed(scanned, "--all")] == ["removed"]
    assert "Silences" not in _run(scanned, "status").stdout


def test_what_is_held_is_seen_with_its_silence(scanned: Rehearsal) -> None:
    """As if the daemon had not sent it yet."""
    from monitor.storage.db.engine import Store

    store = Store.open(scanned.database_url)
    with store.writing() as conn:
        conn.exec_driver_sql("UPDATE deliveries SET state = 'due', next_try_at = created_at")
    store.close()
    words = ("silence", "add", "--watch", "acme", "--until", "2099-12-31", "--reason", "x")
    added = _run(scanned, *words).stdout
    assert added.endswith(
        "until 2099-12-31 00:00 UTC; 2 deliveries that were not sent yet are held\n"
    )
    rows = json.loads(_run(scanned, "alerts", "list", "--state", "held", "--json").stdout)
    ids = {row["silence_id"] for row in rows}
    assert [row["held_by"] for row in rows] == ["silence", "silence"]
    assert _run(scanned, "silence", "remove", str(*ids)).stdout.endswith(
        "; 2 deliveries are due now\n"
    )
    assert _run(scanned, "alerts", "list", "--state", "held", "--json").stdout == "[]\n"


def test_one_may_begin_later(scanned: Rehearsal) -> None:
    words = ("--site", "1688", "--from", "1d", "--until", "2d", "--reason", "x")
    added = _run(scanned, "silence", "add", *words)
    assert "holds site 1688 " in added.stdout
    (row,) = _listed(scanned)
    assert row["state"] == "pending"
    _run(scanned, "silence", "remove", str(row["id"]))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "a silence of everything is refused"),
        (["--watch", "nobody"], "no watch 'nobody'"),
        (["--seller", "nobody"], "no seller 'nobody' yet"),
        (["--watch", "acme", "--until", "2020-01-01"], "in the future"),
        (["--watch", "acme", "--until", "soon"], "'soon': not a duration"),
        (["--watch", "acme", "--from", "9d"], "ends after it begins"),
        (["--watch", "acme", "--reason", ""], "needs a reason"),
    ],
)
def test_what_makes_no_silence_is_refused(
    scanned: Rehearsal, words: list[str], message: str
) -> None:
    before = _listed(scanned, "--all")
    result = _run(scanned, "silence", "add", "--until", "7d", "--reason", "x", *words)
    assert isinstance(result.exception, MonitorError)
    assert (result.exception.exit_code, message in str(result.exception)) == (2, True)
    assert _listed(scanned, "--all") == before


def test_what_is_not_there_can_not_be_removed(scanned: Rehearsal) -> None:
    result = _run(scanned, "silence", "remove", "99")
    assert "no silence 99" in str(result.exception)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("7d", NOW + timedelta(days=7)),
        ("90m", NOW + timedelta(minutes=90)),
        ("2026-12-31", datetime(2026, 12, 31, tzinfo=UTC)),
        ("2026-12-31 18:30", datetime(2026, 12, 31, 18, 30, tzinfo=UTC)),
        ("2026-12-31T18:30:00+08:00", datetime(2026, 12, 31, 10, 30, tzinfo=UTC)),
        ("2026-12-31T18:30:00Z", datetime(2026, 12, 31, 18, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_written_in_one_of_these_ways(text: str, instant: datetime) -> None:
    assert parse_instant(text, NOW) == instant


@pytest.mark.parametrize(
    "text",
    ["", "7", "7w", "0d", "999d", "soon", "2026-02-30", "31.12.2026", "9999-12-31T23:59-12:00"],
)
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(InputError):
        parse_instant(text, NOW)
