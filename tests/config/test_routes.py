"""`[[route]]`: what each key becomes, and every way to get one wrong, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.alerting.options import Route
from monitor.model import AlertEvent, Relation
from tests.config.configs import GOOD, load_text, told

FIRST_LINE = GOOD.count("\n") + 1


def test_a_route_says_who_is_told_of_what(tmp_path: Path) -> None:
    text = """[[route]]
watches = ["acme-mugs"]
marketplaces = ["alibaba"]
sites = ["1688"]
tags = ["Vip"]
relations = ["same", "partial"]
events = ["new_match"]
min_score = 0.9
max_score = 1
channels = ["legal", "ops"]
also = true
[[route]]
channels = []
"""
    assert load_text(tmp_path, GOOD + text).routes == [
        Route(
            channels=("legal", "ops"),
            watches=frozenset({"acme-mugs"}),
            marketplaces=frozenset({"alibaba"}),
            sites=frozenset({"1688"}),
            tags=frozenset({"Vip"}),
            relations=frozenset({Relation.SAME, Relation.PARTIAL}),
            events=frozenset({AlertEvent.NEW_MATCH}),
            min_score=0.9,
            max_score=1.0,
            also=True,
        ),
        Route(channels=()),
    ]


def test_there_need_not_be_any(tmp_path: Path) -> None:
    assert load_text(tmp_path).routes == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('watches = ["acme-mug"]', 'watches[0]: there is no watch "acme-mug"; did you mean'),
        ('marketplaces = ["ebay"]', "marketplaces[0]: there is no [marketplaces.ebay]"),
        ('sites = ["1688", "1688"]', 'sites[1]: "1688" is listed twice'),
        ("tags = []", "tags: list should have at least 1 item"),
        ('relations = ["none"]', "relations[0]: input should be 'same', 'partial' or 'variant'"),
        ('events = ["scan_failed"]', "events[0]: no event that is routed; those are new_match"),
        ("min_score = 1.5", "min_score: input should be less than or equal to 1"),
        ("min_score = 0.9\nmax_score = 0.8", "min_score: min_score (0.9) is above max_score (0.8)"),
        ('also = "yes"', "also: input should be a valid boolean"),
        ('seller = "x"', "seller: unknown key"),
    ],
)
def test_a_wrong_condition_is_named_with_its_line(tmp_path: Path, line: str, problem: str) -> None:
    (found,) = told(tmp_path, f'{GOOD}[[route]]\n{line}\nchannels = ["legal"]\n')
    assert found.startswith(f"{FIRST_LINE + 1} route[0].{problem}")


@pytest.mark.parametrize(
    ("text", "offset", "problem"),
    [
        ("[[route]]\n", 0, "route[0].channels: missing, and it has no default"),
        (
            '[[route]]\nchannels = ["mail"]\n',
            1,
            "route[0].channels[0]: there is no [channels.mail]",
        ),
        ("[[route]]\nchannels = []\nalso = true\n", 2, "route[0].also: a route without channels"),
        (
            '[[route]]\nchannels = ["ops"]\n[[route]]\ntags = ["a"]\nchannels = ["legal"]\n',
            0,
            "route[0]: it fits every alert, so the routes below it are never tried",
        ),
        ('[route]\nchannels = ["ops"]\n', 0, "route: write [[route]], with double brackets"),
    ],
)
def test_a_route_that_does_nothing_sensible_is_a_problem(
    tmp_path: Path, text: str, offset: int, problem: str
) -> None:
    (found,) = told(tmp_path, GOOD + text)
    assert found.startswith(f"{FIRST_LINE + offset} {problem}")
