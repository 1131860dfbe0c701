from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.config import load
from monitor.errors import ConfigError, Problem
from monitor.schedule.cron import Cron
from monitor.schedule.triggers import Every
from tests.config.configs import GOOD, SECRET, load_text, problems_of, swap, told, write

URL = 'url = "sqlite:///monitor.db"'
EVERY = 'every = "6h"'
APP_KEY = 'app_key = "key"'


def test_a_small_config_gets_the_defaults(tmp_path: Path) -> None:
    config = load_text(tmp_path)
    assert config.database.url == f"sqlite:///{tmp_path}/monitor.db"
    assert config.storage.pictures == tmp_path / "pictures"
    marketplace = config.marketplaces["alibaba"]
    assert (marketplace.name, marketplace.type) == ("alibaba", "guide_1688")
    assert (marketplace.rate, marketplace.daily_quota) == (5.0, None)
    assert (marketplace.canary, marketplace.canary_item) == (None, None)
    assert config.channels["legal"].url.get_secret_value() == "json://127.0.0.1:9000/legal"
    assert config.channels["legal"].group == timedelta(seconds=30)
    assert config.alerts.ops == ["ops"]
    (watch,) = config.watches
    assert watch.images == tmp_path / "brands"
    assert watch.trigger == Every(timedelta(hours=6))
    assert (watch.record_score, watch.alert_score) == (0.50, 0.80)
    assert (watch.own_sellers, watch.jitter) == ([], timedelta(0))
    assert (watch.price_change_percent, watch.tell_gone, watch.remind_after) == (None, False, None)


def test_the_variable_names_the_config_where_no_path_does(tmp_path: Path) -> None:
    file = write(tmp_path)
    assert load(None, {"MONITOR_CONFIG": str(file)}) == load(file, {})


def test_without_a_config_both_ways_to_name_it_are_told() -> None:
    with pytest.raises(ConfigError, match=r"--config PATH.*MONITOR_CONFIG"):
        load(None, {})


def test_a_missing_file_is_told_with_both_ways(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No such file.*--config or MONITOR_CONFIG"):
        load(tmp_path / "none.toml", {})


def test_a_folder_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="directory"):
        load(tmp_path, {})


def test_the_state_directory_holds_database_and_pictures(tmp_path: Path) -> None:
    config = load_text(tmp_path, GOOD, {"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"})
    assert config.database.url == "sqlite:////var/lib/a/monitor.db"
    assert config.storage.pictures == Path("/var/lib/a/pictures")
    assert config.watches[0].images == tmp_path / "brands"


def test_a_canary_is_a_file_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "known.jpg").write_bytes(b"picture")
    keys = 'canary = "known.jpg"\ncanary_item = "123"\ncanary_every = "6h"'
    marketplace = load_text(tmp_path, swap('app_key = "key"', f'app_key = "key"\n{keys}'))
    found = marketplace.marketplaces["alibaba"]
    assert found.canary == tmp_path / "known.jpg"
    assert (found.canary_item, found.canary_every) == ("123", timedelta(hours=6))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('canary = "gone.jpg"', "there is no picture file"),
        ('canary = "brands"', "there is no picture file"),
        ('canary_item = "123"', "this goes with canary only"),
        ('canary_every = "6h"', "this goes with canary only"),
    ],
)
def test_a_canary_that_can_not_be_is_told(tmp_path: Path, line: str, message: str) -> None:
    text = swap('app_key = "key"', f'app_key = "key"\n{line}')
    (problem,) = problems_of(tmp_path, text)
    assert message in problem.message
    assert problem.key == f"marketplaces.alibaba.{line.partition(' ')[0]}"


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("sqlite:////srv/x.db", "sqlite:////srv/x.db"),
        ("postgresql+psycopg://u:p@h/n", "postgresql+psycopg://u:p@h/n"),
        ("postgresql://u:p@h/n?sslmode=require", "postgresql+psycopg://u:p@h/n?sslmode=require"),
        ("postgres:///n", "postgresql+psycopg:///n"),
    ],
)
def test_database_urls_are_brought_to_one_form(tmp_path: Path, written: str, used: str) -> None:
    assert load_text(tmp_path, swap(URL, f'url = "{written}"')).database.url == used


@pytest.mark.parametrize(
    "url",
    ["monitor.db", "mysql://u:PASSWORD@h/n", "sqlite://", "sqlite:///:memory:", "sqlite:///a?b=1"],
)
def test_other_databases_are_refused_without_showing_the_url(tmp_path: Path, url: str) -> None:
    (message,) = told(tmp_path, swap(URL, f'url = "{url}"'))
    assert message.startswith("2 database.url: ")
    assert "PASSWORD" not in message


def test_home_is_taken_from_the_environment(tmp_path: Path) -> None:
    text = swap('images = "brands"', 'images = "~/brands"')
    assert load_text(tmp_path, text, {"HOME": str(tmp_path)}).watches[0].images == (
        tmp_path / "brands"
    )


@pytest.mark.parametrize(
    ("rate", "per_second"), [("5/s", 5.0), ("30/m", 0.5), ("0.5/s", 0.5), ("1800/h", 0.5)]
)
def test_rates_become_calls_per_second(tmp_path: Path, rate: str, per_second: float) -> None:
    text = swap(APP_KEY, f'{APP_KEY}\nrate = "{rate}"\ndaily_quota = 5000')
    marketplace = load_text(tmp_path, text).marketplaces["alibaba"]
    assert (marketplace.rate, marketplace.daily_quota) == (per_second, 5000)


def test_a_month_is_spread_unless_said_otherwise(tmp_path: Path) -> None:
    monthly = f"{APP_KEY}\nmonthly_quota = 100_000"
    spread = load_text(tmp_path, swap(APP_KEY, monthly)).marketplaces["alibaba"]
    assert (spread.monthly_quota, spread.spread_quota) == (100_000, True)
    at_once = load_text(tmp_path, swap(APP_KEY, f"{monthly}\nspread_quota = false"))
    assert at_once.marketplaces["alibaba"].spread_quota is False


def test_a_cron_has_a_time_zone(tmp_path: Path) -> None:
    text = swap(EVERY, 'cron = "0 */6 * * *"\ntimezone = "Asia/Shanghai"')
    assert load_text(tmp_path, text).watches[0].trigger == Cron("0 */6 * * *", "Asia/Shanghai")
    text = swap(EVERY, 'cron = "0 */6 * * *"')
    assert load_text(tmp_path, text).watches[0].trigger == Cron("0 */6 * * *", "UTC")


@pytest.mark.parametrize(
    ("schedule", "jitter", "seconds"),
    [
        (EVERY, "5%", 1080),
        (EVERY, "10%", 2160),
        (EVERY, "36m", 2160),
        (EVERY, "0s", 0),
        ('cron = "0 9,10,17 * * *"', "10%", 360),
        ('cron = "0 9,10,17 * * *"', "2m", 120),
    ],
)
def test_jitter_is_a_duration_or_a_percentage(
    tmp_path: Path, schedule: str, jitter: str, seconds: int
) -> None:
    text = swap(EVERY, f'{schedule}\njitter = "{jitter}"')
    assert load_text(tmp_path, text).watches[0].jitter == timedelta(seconds=seconds)


def test_a_channel_may_send_at_once(tmp_path: Path) -> None:
    text = swap("[channels.ops]", 'group = "0s"\n[channels.ops]')
    assert load_text(tmp_path, text).channels["legal"].group == timedelta(0)


def test_an_empty_list_of_channels_records_only(tmp_path: Path) -> None:
    text = swap('channels = ["legal"]', "channels = []")
    assert load_text(tmp_path, text).watches[0].channels == []


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    assert load_text(tmp_path, "\ufeff" + GOOD).watches


def test_text_that_is_not_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    file = write(tmp_path)
    file.write_bytes(GOOD.encode() + b"# caf\xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        load(file, {})
    assert caught.value.problems[0].line == GOOD.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = = 2\n", 2),
        ("[a]\n[a]\n", 2),
        ("a = [\n1,\n", 3),
        ("a = '''\n", 2),
        ("a = 1\na = 2\n", 2),
    ],
)
def test_text_that_is_not_toml_is_told_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert problem.message.startswith("not TOML: ")
    assert problem.line == line


def test_text_that_is_nested_without_end_is_told(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, "a = " + "[" * 100_000)
    assert "nested" in problem.message


def test_an_empty_file_lacks_a_watch(tmp_path: Path) -> None:
    assert told(tmp_path, "") == ["0 watch: there is nothing to watch: add a [[watch]]"]


def test_every_problem_is_told_at_once_with_line_and_key(tmp_path: Path) -> None:
    text = """\
[databse]
url = "sqlite:///monitor.db"
[marketplaces.alibaba]
type = "guide_1688"
base_url = "https://api.example.org/search"
app_key = "key"
app_secrt = "x"
rate = 5
daily_quota = 0
[marketplaces.other]
type = "guide_168"
[channels.legal]
url = "slak://T1/A/S3cretValue99/x"
group = "30"
[channels.ops]
[alerts]
ops = ["oops"]
[[watch]]
name = "mugs"
images = "nowhere"
marketplaces = [
    "alibaba",
    "alibabb",
]
every = "6h"
cron = "0 0 31 2 *"
timezone = "Mars/Phobos"
record_score = 0.9
channels = ["legal", "legal"]
[[watch]]
name = "mugs"
images = "config.toml"
marketplaces = []
every = 6
alert_score = 1.5
channels = "legal"
own_seller = ["x"]
[[watch]]
name = "plates"
images = "brands"
marketplaces = ["alibaba"]
channels = ["legal"]
timezone = "Europe/Berlin"
[[watch]]
name = "cups"
images = "brands"
marketplaces = ["alibaba"]
every = "1h"
jitter = "7m"
channels = ["legal"]
"""
    expected = [
        '1 databse: unknown key; did you mean "database"?',
        "3 marketplaces.alibaba.app_secret: missing",
        '7 marketplaces.alibaba.app_secrt: unknown key; did you mean "app_secret"?',
        '8 marketplaces.alibaba.rate: write a text in quotes, such as "5/s"',
        "9 marketplaces.alibaba.daily_quota: input should be greater than 0",
        "11 marketplaces.other.type: there is no marketplace type 'guide_168'",
        "13 channels.legal.url: slak:// is no known service; did you mean slack://?",
        "14 channels.legal.group: not a duration",
        "15 channels.ops.url: missing",
        '17 alerts.ops[0]: there is no [channels.oops]; did you mean "ops"?',
        f"20 watch[0].images: there is no folder {tmp_path}/nowhere",
        '23 watch[0].marketplaces[1]: there is no [marketplaces.alibabb]; did you mean "alibaba"?',
        "26 watch[0].cron: cron '0 0 31 2 *' never comes",
        "26 watch[0].cron: one of every and cron is needed, both are given",
        "27 watch[0].timezone: 'Mars/Phobos' is no IANA time zone",
        "28 watch[0].record_score: record_score (0.9) must not be above alert_score (0.8)",
        '29 watch[0].channels[1]: "legal" is listed twice',
        '31 watch[1].name: there is a watch "mugs" already, on line 19',
        f"32 watch[1].images: {tmp_path}/config.toml is not a folder",
        "33 watch[1].marketplaces: list should have at least 1 item",
        '34 watch[1].every: write a text in quotes, such as "6h"',
        "35 watch[1].alert_score: input should be less than or equal to 1",
        "36 watch[1].channels: input should be a valid list",
        '37 watch[1].own_seller: unknown key; did you mean "own_sellers"?',
        "38 watch[2]: one of every and cron is needed, neither is given",
        "43 watch[2].timezone: a time zone goes with cron only",
        "49 watch[3].jitter: too much: at most 10 % of the interval, here 360s",
    ]
    found = told(tmp_path, text)
    for line, wanted in zip(found, expected, strict=False):
        assert line.startswith(wanted)
    assert len(found) == len(expected)
    assert SECRET not in "".join(found)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[[watch]]", "[watch]", "write [[watch]], with double brackets"),
        (EVERY, 'every = "0s"', "too short: at least 1s"),
        (EVERY, 'every = "9999d"', "too long: at most 366d"),
        (EVERY, 'every = "6 hours"', "not a duration"),
        (EVERY, f'{EVERY}\njitter = "11%"', "too much: at most 10%"),
        (EVERY, f'{EVERY}\njitter = "a bit"', "a percentage or a duration"),
        (EVERY, f"{EVERY}\nalert_score = nan", "finite number"),
        (EVERY, f"{EVERY}\nprice_change_percent = 0", "greater than 0"),
        (EVERY, f"{EVERY}\nprice_change_percent = 1001", "less than or equal to 1000"),
        (EVERY, f'{EVERY}\nprice_change_percent = "10%"', "valid number"),
        (EVERY, f'{EVERY}\ntell_gone = "yes"', "valid boolean"),
        (EVERY, f"{EVERY}\nremind_after = 14", "write a text in quotes"),
        (EVERY, f'{EVERY}\nalert_score = "0.9"', "valid number"),
        (EVERY, f"{EVERY}\nalert_score = 0.4", "must not be above alert_score (0.4)"),
        ('name = "acme-mugs"', 'name = ""', "at least 1 character"),
        ('name = "acme-mugs"', 'name = " x "', "without spaces around it"),
        ('name = "acme-mugs"', 'name = "a\\nb"', "visible text"),
        ('name = "acme-mugs"', f'name = "{"x" * 101}"', "1 to 100 characters"),
        (APP_KEY, f'{APP_KEY}\nrate = "0/s"', "not a rate"),
        (APP_KEY, f'{APP_KEY}\nname = "x"', "unknown key"),
        (APP_KEY, f"{APP_KEY}\nmonthly_quota = 0", "greater than 0"),
        (APP_KEY, f"{APP_KEY}\nmonthly_quota = 9.5", "valid integer"),
        (APP_KEY, f"{APP_KEY}\ndaily_quota = 6\nmonthly_quota = 5", "so no day reaches it"),
        (APP_KEY, f"{APP_KEY}\nspread_quota = false", "goes with monthly_quota only"),
        ("[channels.ops]", "[channels.ops]\nname = 'x'", "unknown key; known are url, group"),
        ("[channels.ops]", '[channels."o\\tps"]', "visible text"),
        ("[channels.legal]", "[channels]\nlegal = 5\n[channels.leg]", "dictionary"),
        ('images = "brands"', 'images = "a\\u0000b"', "can't be read: not a path"),
    ],
)
def test_a_wrong_value_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert any(message in line for line in told(tmp_path, swap(old, new)))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.integers(0, len(GOOD)),
    st.integers(0, 30),
    st.text("[]{}=\"'.,#\n\\ abc01\t\0é", max_size=12),
)
def test_a_damaged_config_is_a_list_of_problems_or_a_config(
    tmp_path: Path, start: int, length: int, inserted: str
) -> None:
    text = GOOD[:start] + inserted + GOOD[start + length :]
    problems: list[Problem] | None = None
    try:
        load_text(tmp_path, text)
    except ConfigError as error:
        problems = error.problems
    assert problems is None or problems
    assert all(item.line <= text.count("\n") + 1 for item in problems or [])


SECOND = """
[marketplaces.wide]
type = "guide_1688"
base_url = "https://api.example.org/search"
app_key = "key"
app_secret = "other"
search_type = "both"
"""


def test_marketplaces_of_one_account_must_agree_on_its_limits(tmp_path: Path) -> None:
    text = swap("[channels.legal]", f'{SECOND}rate = "50/s"\ndaily_quota = 9\n[channels.legal]')
    first, second = told(tmp_path, text)
    assert "wide.daily_quota: alibaba is the same account: give both the same" in first + second
    assert "wide.rate: alibaba is the same account: give both the same rate" in first + second


def test_marketplaces_of_one_account_share_its_pace_and_memory(tmp_path: Path) -> None:
    config = load_text(tmp_path, swap("[channels.legal]", f"{SECOND}[channels.legal]"))
    one, other = config.marketplaces.values()
    assert one.account_key == other.account_key


def test_a_proxy_is_a_secret_address(tmp_path: Path) -> None:
    text = swap(APP_KEY, f'{APP_KEY}\nproxy = "http://anna:geheim@proxy.example:3128"')
    proxy = load_text(tmp_path, text).marketplaces["alibaba"].proxy
    assert proxy is not None
    assert proxy.get_secret_value().endswith("@proxy.example:3128")
    wrong = swap(APP_KEY, f'{APP_KEY}\nproxy = "socks5://anna:geheim@proxy.example"')
    (problem,) = told(tmp_path, wrong)
    assert "address of a proxy" in problem
    assert "geheim" not in problem
