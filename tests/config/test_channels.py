"""`[channels.NAME]`: how a channel tells, and what of it contradicts itself."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.alerting.options import ChannelOptions
from monitor.schedule.wall_clock import Digest, QuietHours
from monitor.words import list_languages
from tests.config.configs import GOOD, load_text, swap, told

LANGUAGES = " or ".join(map(repr, list_languages()))

LEGAL = 'url = "json://127.0.0.1:9000/legal"\n'


def with_keys(*lines: str) -> str:
    return swap(LEGAL, LEGAL + "".join(f"{line}\n" for line in lines))


def options(folder: Path, *lines: str) -> ChannelOptions:
    """What of the channel's table is not its address."""
    table = load_text(folder, with_keys(*lines)).channels["legal"]
    return ChannelOptions.model_construct(**{key: item for key, item in table if key != "url"})


def test_without_keys_the_defaults_hold(tmp_path: Path) -> None:
    assert options(tmp_path) == ChannelOptions()


def test_every_key_arrives(tmp_path: Path) -> None:
    found = options(
        tmp_path,
        'group = "1m"',
        'interval = "1h"',
        "in_full = 3",
        'quiet = "22:00-07:00"',
        'timezone = "Asia/Shanghai"',
        'language = "zh"',
        "pictures = false",
        'pace = "20/m"',
    )
    wanted = ChannelOptions(
        group=timedelta(minutes=1),
        interval=timedelta(hours=1),
        in_full=3,
        quiet=QuietHours(time(22, 0), time(7, 0), ZoneInfo("Asia/Shanghai")),
        language="zh",
        pictures=False,
        timezone="Asia/Shanghai",
    ).model_copy(update={"pace": 20})
    assert found == wanted


@pytest.mark.parametrize(
    ("text", "weekday", "at"),
    [("daily 08:00", None, time(8, 0)), ("weekly sun 23:59", 6, time(23, 59))],
)
def test_a_digest_gathers_for_its_own_time(
    tmp_path: Path, text: str, weekday: int | None, at: time
) -> None:
    found = options(tmp_path, f'digest = "{text}"', 'timezone = "Europe/Berlin"')
    assert found.digest == Digest(at, ZoneInfo("Europe/Berlin"), weekday)
    assert found.group == timedelta(seconds=30)  # of operator alerts


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (['digest = "daily 24:00"'], "8 channels.legal.digest: not a digest"),
        (['digest = "weekly 08:00"'], "8 channels.legal.digest: not a digest"),
        (['digest = "daily 08:00"', 'group = "30s"'], "9 channels.legal.group: a digest has"),
        (['digest = "daily 08:00"', 'interval = "1h"'], "9 channels.legal.interval: a digest"),
        (
            ['digest = "daily 23:00"', 'quiet = "22:00-07:00"'],
            "8 channels.legal.digest: it lies in the quiet hours: write 07:00",
        ),
        (['quiet = "22-07"'], "8 channels.legal.quiet: not quiet hours"),
        (['quiet = "22:00-07:60"'], "8 channels.legal.quiet: not quiet hours"),
        (['timezone = "Europe/Berlin"'], "8 channels.legal.timezone: a time zone goes with"),
        (
            ['quiet = "22:00-07:00"', 'timezone = "Berlin"'],
            "9 channels.legal.timezone: 'Berlin' is no IANA time zone",
        ),
        (["in_full = -1"], "8 channels.legal.in_full: input should be greater"),
        (['language = "tlh"'], f"8 channels.legal.language: input should be {LANGUAGES}"),
        (['pictures = "no"'], "8 channels.legal.pictures: input should be a valid boolean"),
        (['pace = "0/m"'], "8 channels.legal.pace: not a pace"),
        (['pace = "5/s"'], "8 channels.legal.pace: not a pace"),
        (["pace = 20"], "8 channels.legal.pace: write a text in quotes"),
        (["interval = 5"], "8 channels.legal.interval: write a text in quotes"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_key(
    tmp_path: Path, lines: list[str], problem: str
) -> None:
    line = GOOD[: GOOD.index(LEGAL)].count("\n") + 1
    shift = line + 1 - 8
    number, rest = problem.split(" ", 1)
    (found,) = told(tmp_path, with_keys(*lines))
    assert found.startswith(f"{int(number) + shift} {rest}")


def test_quiet_hours_that_are_off_hold_no_digest_back(tmp_path: Path) -> None:
    assert options(tmp_path, 'digest = "daily 07:00"', 'quiet = "07:00-07:00"').digest is not None


def test_a_folder_of_templates_counts_from_the_file(tmp_path: Path) -> None:
    text = swap('ops = ["ops"]', 'ops = ["ops"]\ntemplates = "ours"')
    (problem,) = told(tmp_path, text)
    assert "alerts.templates: there is no folder" in problem
    (tmp_path / "ours").mkdir()
    assert load_text(tmp_path, text).alerts.templates == tmp_path / "ours"
