"""The example and the page show every key that the config knows, and nothing else."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from monitor.config import load
from monitor.config.tables import (
    ROUTED_EVENTS,
    AlertsTable,
    ChannelTable,
    DatabaseTable,
    MarketplaceTable,
    RouteTable,
    StorageTable,
    WatchTable,
)
from monitor.config.values import parse_rate
from monitor.marketplaces.registry import options_model
from monitor.model import AlertEvent, Relation
from monitor.schedule.durations import parse_duration

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "config.example.toml").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
GUIDE = options_model("guide_1688")

# section of the page -> its table
SECTIONS: dict[str, type[BaseModel]] = {
    "[database]": DatabaseTable,
    "[storage]": StorageTable,
    "[marketplaces.NAME]": MarketplaceTable,
    "[channels.NAME]": ChannelTable,
    "[alerts]": AlertsTable,
    "[[route]]": RouteTable,
    "[[watch]]": WatchTable,
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
    assert alibaba.spread_quota is _default(MarketplaceTable, "spread_quota")
    assert config.alerts.ping_every == _default(AlertsTable, "ping_every")
    assert config.alerts.ping_fail is _default(AlertsTable, "ping_fail")
    legal = config.channels["legal"]
    for key in ("interval", "in_full", "language", "pictures"):
        assert getattr(legal, key) == _default(ChannelTable, key)
    digest = config.channels["management"].digest
    assert digest is not None
    assert digest.zone.key == "UTC"


def test_the_routes_on_the_page_are_valid() -> None:
    section = PAGE.split("## `[[route]]`\n", 1)[1].split("\n## ", 1)[0]
    (block,) = re.findall(r"```toml\n(.*?)```", section, flags=re.DOTALL)
    routes = [RouteTable.model_validate(item) for item in tomllib.loads(block)["route"]]
    assert [len(route.channels) for route in routes] == [0, 1, 1]


@pytest.mark.parametrize(("heading", "table"), SECTIONS.items())
def test_every_key_is_in_the_example_and_on_the_page(heading: str, table: type[BaseModel]) -> None:
    name = heading.strip("[]").split(".")[0]
    shown = _section_keys(name)
    for key in table.model_fields:
        assert key in shown
    options = set(GUIDE.model_fields) if table is MarketplaceTable else set()
    assert shown <= set(table.model_fields) | options
    rows = _page_keys(heading)
    assert rows == set(table.model_fields) | options


def test_every_option_of_the_guide_is_in_the_example() -> None:
    assert set(GUIDE.model_fields) <= _section_keys("marketplaces")


def test_the_defaults_that_are_shown_are_the_defaults() -> None:
    raw = tomllib.loads(EXAMPLE)
    watch, channel = raw["watch"][0], raw["channels"]["legal"]
    assert raw["database"]["url"] == _default(DatabaseTable, "url")
    assert raw["storage"]["pictures"] == _default(StorageTable, "pictures")
    assert parse_rate(raw["marketplaces"]["alibaba"]["rate"]) == _default(MarketplaceTable, "rate")
    for key in ("base_url", "search_type"):
        assert raw["marketplaces"]["alibaba"][key] == _default(GUIDE, key)
    assert parse_duration(channel["group"]) == _default(ChannelTable, "group")
    for key in ("record_score", "alert_score", "own_sellers", "tell_gone"):
        assert watch[key] == _default(WatchTable, key)
    assert watch["jitter"] == "0s"
    assert _default(WatchTable, "jitter") == timedelta(0)
    for key, table in (("record_score", WatchTable), ("alert_score", WatchTable)):
        assert f"| `{key}` | `{_default(table, key):.2f}` |" in PAGE
    for key in ("base_url", "search_type"):
        text = str(_default(GUIDE, key))
        assert re.search(rf'\| `{key}` \| `"?{re.escape(text)}"?` \|', PAGE)


def _default(table: type[BaseModel], key: str) -> object:
    value: object = table.model_fields[key].get_default(call_default_factory=False)
    return value.get_secret_value() if isinstance(value, SecretStr) else value


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
