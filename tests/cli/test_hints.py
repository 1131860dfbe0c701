"""What the command line adds to an error: the command or the option that helps."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import monitor
from monitor.cli.hints import explain
from monitor.errors import Ambiguous, MonitorError, NotFound, SchemaMismatch, Unknown


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Unknown("match", 99), "there is no match 99; `monitor matches list` shows all"),
        (Unknown("asset", "mug"), "there is no asset 'mug'; `monitor assets list` shows all"),
        (Unknown("silence", 3), "there is no silence 3; `monitor silence list --all` shows all"),
        (
            Ambiguous("listing", "1", 2, ["1688", "taobao"]),
            "several sites (1688, taobao) have a listing '1': say --site",
        ),
        (
            Ambiguous("asset", "mug", 2, ["a", "b"], "watches"),
            "several watches (a, b) have an asset 'mug': say which with --watch",
        ),
        (
            Ambiguous("seller", "Shop", 2),
            "2 sellers fit 'Shop': say which by id, or with --site",
        ),
        (
            SchemaMismatch(
                "it is old: stop the daemon, back up, then upgrade it", is_outdated=True
            ),
            "it is old: stop the daemon, back up, then upgrade it with `monitor db upgrade`",
        ),
        (SchemaMismatch("it is new"), "it is new"),
        (NotFound("picture x is gone"), "picture x is gone"),
    ],
)
def test_an_error_says_what_helps(error: MonitorError, words: str) -> None:
    assert explain(error) == words


def test_everything_that_may_be_unknown_has_a_command_that_lists_it() -> None:
    """Whatever noun storage says it doesn't know."""
    calls = [
        node
        for path in (Path(monitor.__file__).parent / "storage").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Unknown"
    ]
    nouns = {
        ast.literal_eval(call.args[0]) for call in calls if isinstance(call.args[0], ast.Constant)
    }
    assert {"alert", "asset", "listing", "match", "seller", "silence", "watch"} <= nouns
    for noun in nouns | {"cluster", "marketplace", "site"}:
        assert "shows all" in explain(Unknown(noun, "x"))
