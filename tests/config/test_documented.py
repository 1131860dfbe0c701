"""The example and the page show every key that the config knows, and nothing else."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from monitor.accounts.options import parse_rate
from monitor.alerting.options import ROUTED_EVENTS, AlertOptions, Route
from monitor.config import load
from monitor.config.file import ChannelConfig, MarketplaceConfig
from monitor.marketplaces.options import with_names
from monitor.marketplaces.registry import options_model
from monitor.model import AlertEvent, Relation
from monitor.options import Options
from monitor.scanning.options import WatchRules
from monitor.schedule.durations import parse_duration
from monitor.storage.options import DatabaseOptions, StorageOptions

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "config.example.toml").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
GUIDE = options_model("guide_1688")

# section of the page -> its table
SECTIONS: dict[str, type[Options]] = {
    "[database]": DatabaseOptions,
    "[storage]": StorageOptions,
    "[marketplaces.NAME]": MarketplaceConfig,
    "[channels.NAME]": ChannelConfig,
    "[alerts]": AlertOptions,
    "[[route]]": Route,
    "[[watch]]": WatchRules,
}


def example(text: str, folder: Path) -> Path:
    (folder / "brands" / "acme").mkdir(parents=True)
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


ENVIRON = {"ALIBABA_APP_SECRET": "secret", "LEGAL_ALERTS_URL": "json://127.0.0.1:9000/legal"}


def test_the_example_loads(tmp_path: Path) -> None:
    config = load(example(EXAMPLE, tmp_path), ENVIRON)
    assert [watch.name for watch in config.watches] == ["acme-mugs"]
    assert config.alerts.ops == ["ops"]


def test_what_the_example_holds_back_loads_too(tmp_path: Path) -> None:
    text = re.sub(
        r"^#(daily_quota|monthly_quota|spread_quota|cron|timezone|marketplaces|sites|tags"
        r"|relations|min_score|max_score|events|interval|quiet|in_full|language|pictures|pace"
        r"|price_change_percent|remind_after|ping_[a-z]+) =",
        r"\1 =",
        EXAMPLE,
        flags=re.MULTILINE,
    )
    text = text.replace('every = "6h"', "").replace('#sort_type = ""', 'sort_type = "price"')
    config = load(example(text, tmp_path), ENVIRON)
    assert config.watches[0].trigger.text == "cron 0 */6 * * * Asia/Shanghai"
    assert config.watches[0].price_change_percent == 10
    assert config.watches[0].remind_after == timedelta(days=14)
    alibaba = config.marketplaces["alibaba"]
    assert (alibaba.daily_quota, alibaba.monthly_quota) == (5000, 100_000)
    (route,) = config.routes
    assert route.events == {AlertEvent(name) for name in ROUTED_EVENTS}
    assert route.relations == set(Relation) - {Relation.NONE}
    assert alibaba.spread_quota is _default(MarketplaceConfig, "spread_quota")
    assert config.alerts.ping_every == _default(AlertOptions, "ping_every")
    assert config.alerts.ping_fail is _default(AlertOptions, "ping_fail")
    legal = config.channels["legal"]
    for key in ("interval", "in_full", "language", "pictures"):
        assert getattr(legal, key) == _default(ChannelConfig, key)
    digest = config.channels["management"].digest
    assert digest is not None
    assert digest.zone.key == "UTC"


def test_the_routes_on_the_page_are_valid() -> None:
    section = PAGE.split("## `[[route]]`\n", 1)[1].split("\n## ", 1)[0]
    (block,) = re.findall(r"```toml\n(.*?)```", section, flags=re.DOTALL)
    routes = [Route.model_validate(item) for item in tomllib.loads(block)["route"]]
    assert [len(route.channels) for route in routes] == [0, 1, 1]


@pytest.mark.parametrize(("heading", "table"), SECTIONS.items())
def test_every_key_is_in_the_example_and_on_the_page(heading: str, table: type[Options]) -> None:
    name = heading.strip("[]").split(".")[0]
    shown = _section_keys(name)
    known = set(table.keys_of({"type": "guide_1688"}))
    for key in known:
        assert key in shown
    assert shown <= known
    rows = _page_keys(heading)
    assert rows == known


def test_every_option_of_the_guide_is_in_the_example() -> None:
    assert set(GUIDE.model_fields) <= _section_keys("marketplaces")


def test_the_defaults_that_are_shown_are_the_defaults() -> None:
    raw = tomllib.loads(EXAMPLE)
    watch, channel = raw["watch"][0], raw["channels"]["legal"]
    assert raw["database"]["url"] == _default(DatabaseOptions, "url")
    assert raw["storage"]["pictures"] == _default(StorageOptions, "pictures")
    assert parse_rate(raw["marketplaces"]["alibaba"]["rate"]) == _default(MarketplaceConfig, "rate")
    for key in ("base_url", "search_type"):
        assert raw["marketplaces"]["alibaba"][key] == _default(GUIDE, key)
    assert parse_duration(channel["group"]) == _default(ChannelConfig, "group")
    for key in ("record_score", "alert_score", "own_sellers", "tell_gone"):
        assert watch[key] == _default(WatchRules, key)
    assert watch["jitter"] == "0s"
    assert _default(WatchRules, "jitter") == timedelta(0)
    for key, table in (("record_score", WatchRules), ("alert_score", WatchRules)):
        assert f"| `{key}` | `{_default(table, key):.2f}` |" in PAGE
    for key in ("base_url", "search_type"):
        text = str(_default(GUIDE, key))
        assert re.search(rf'\| `{key}` \| `"?{re.escape(text)}"?` \|', PAGE)


# What a key needs beside it to be right, and what its table needs in any case.
NEEDED: dict[str, dict[str, object]] = {
    "[marketplaces.NAME]": {
        "type": "guide_1688",
        "app_key": "key",
        "app_secret": "secret",
    },
    "[channels.NAME]": {"url": "json://127.0.0.1:9000/x"},
    "[[route]]": {"channels": ["legal"]},
    "[[watch]]": {
        "name": "a",
        "images": "b",
        "marketplaces": ["c"],
        "channels": [],
        "cron": "0 6 * * *",
    },
}
COMPANIONS: dict[str, dict[str, object]] = {
    "spread_quota": {"monthly_quota": 100},
    "canary_every": {"canary": "a.jpg"},
    "timezone": {"digest": "daily 08:00"},
}


@pytest.mark.parametrize(("heading", "table"), SECTIONS.items())
def test_each_default_on_the_page_is_the_default(heading: str, table: type[Options]) -> None:
    needed = NEEDED.get(heading, {})
    for key, shown in _page_defaults(heading).items():
        item = table.keys_of(needed)[key]
        if shown == "needed":
            assert item.is_required()
        elif shown in ("none", "any", ""):
            assert not item.get_default(call_default_factory=True, validated_data={})
        else:
            beside = COMPANIONS.get(key, {}) if heading != "[[watch]]" else {}
            given = tomllib.loads(f"{key} = {shown}")
            assert _made(table, needed | beside | given) == _made(table, needed | beside)


def _made(table: type[Options], given: dict[str, object]) -> Options:
    named = with_names({"alibaba": given})
    assert isinstance(named, dict)
    return table.model_validate(named["alibaba"] if table is MarketplaceConfig else given)


def _page_defaults(heading: str) -> dict[str, str]:
    """The first two columns of the tables below a heading of the page, without backticks."""
    section = PAGE.split(f"## `{heading}`\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `([a-z_]+)` \| *([^|]*?) *\|", section, flags=re.MULTILINE)
    return {key: shown.strip("`") for key, shown in rows}


def _default(table: type[BaseModel], key: str) -> object:
    value: object = table.model_fields[key].get_default(
        call_default_factory=True, validated_data={}
    )
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value) if isinstance(value, Path) else value


def _section_keys(name: str) -> set[str]:
    """Keys below the headers of a section, those behind a `#` too."""
    found: set[str] = set()
    section = ""
    for line in EXAMPLE.splitlines():
        if header := re.match(r"\[\[?([a-z]+)", line):
            section = header[1]
        elif section == name and (key := re.match(r"#?([a-z_]+) = ", line)):
            found.add(key[1])
    return found


def _page_keys(heading: str) -> set[str]:
    """The first column of the tables below a heading of the page."""
    section = PAGE.split(f"## `{heading}`\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `([a-z_]+)` \|", section, flags=re.MULTILINE))
