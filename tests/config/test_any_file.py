"""Whatever stands in the file: a config, or a list of problems with their places and no secret."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.alerting.options import AlertOptions, Route
from monitor.config import Config, load
from monitor.config.file import ChannelConfig, MarketplaceConfig
from monitor.errors import ConfigError, Problem
from monitor.options import Options
from monitor.scanning.options import WatchRules
from monitor.storage.options import DatabaseOptions, StorageOptions
from tests.config.configs import SECRET, write

# header -> the options whose keys stand below it
TABLES: dict[str, type[Options]] = {
    "[database]": DatabaseOptions,
    "[storage]": StorageOptions,
    "[marketplaces.alibaba]": MarketplaceConfig,
    "[marketplaces.other]": MarketplaceConfig,
    "[channels.legal]": ChannelConfig,
    "[alerts]": AlertOptions,
    "[[route]]": Route,
    "[[watch]]": WatchRules,
}
# what is right for one key is wrong for the next
VALUES = st.one_of(
    st.booleans(),
    st.integers(-1, 10**9),
    st.floats(),
    st.sampled_from(
        [
            *("", "x", "brands", "alibaba", "legal", "acme", "sqlite:///x.db"),
            *("6h", "0s", "5%", "90%", "5/s", "20/m", "0 6 * * *", "* * 31 2 *", "UTC", "Mars"),
            *("daily 08:00", "weekly mon 08:00", "22:00-07:00", "en", "guide_1688", "folder"),
            *("same", "new_match", "scan_failed", "0.5"),
        ]
    ),
    st.text(max_size=8),
)
NESTED = st.one_of(
    VALUES,
    st.lists(VALUES, max_size=3),
    st.dictionaries(st.sampled_from(["env", "file", "credential", "x"]), VALUES, max_size=2),
)

SECRET_KEYS = {"url", "ping_url", "proxy", "app_secret"}
SECRETS = st.sampled_from(
    [
        *(SECRET, f"json://h/{SECRET}", f"slak://{SECRET}", f"http://a:{SECRET}@h:1", SECRET[:2]),
        *(f"postgresql://u:{SECRET}@h/n", f"mysql://u:{SECRET}@h/n", [SECRET], {"env": "x"}),
        *({"file": "none"}, {SECRET: "x"}, {"env": SECRET, "file": "x"}, "", 5),
    ]
)


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, float):
        return repr(value) if value == value else "nan"
    text = json.dumps(value, ensure_ascii=True)
    return text if not isinstance(value, str) else text.replace("\\ud", "\\u0")


@st.composite
def files(draw: st.DrawFn) -> str:
    lines: list[str] = []
    for header in draw(st.lists(st.sampled_from(sorted(TABLES)), unique=True)):
        lines.append(header)
        known = sorted(TABLES[header].keys_of({"type": "guide_1688"}))
        keys = draw(st.lists(st.sampled_from([*known, "unknown"]), unique=True, max_size=8))
        lines += [
            f"{key} = {toml(draw(SECRETS if key in SECRET_KEYS else NESTED))}" for key in keys
        ]
    return "\n".join(lines) + "\n"


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files())
def test_a_file_is_a_config_or_a_list_of_problems(tmp_path: Path, text: str) -> None:
    found: Config | list[Problem]
    try:
        found = load(write(tmp_path, text), {"x": SECRET})
    except ConfigError as error:
        found = error.problems
    assert found
    assert SECRET not in repr(found)
    if isinstance(found, list):
        assert all(0 <= item.line <= text.count("\n") for item in found)
        assert len(set(found)) == len(found)
