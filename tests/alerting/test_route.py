"""Who is told of what: a table of cases, and what holds for any routes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerting.context import Routes
from monitor.alerting.options import Route
from monitor.alerting.route import channels_of, fits
from monitor.model import AlertEvent, Relation
from monitor.storage.telling.alerts import UnroutedAlert

MATCH = UnroutedAlert(
    "al-1",
    "mugs",
    AlertEvent.NEW_MATCH,
    marketplace="alibaba",
    site="1688",
    tags=("VIP", "mug"),
    relation=Relation.PARTIAL,
    score=0.9,
)
SUMMARY = UnroutedAlert("al-2", "mugs", AlertEvent.MATCHES_HELD)
TROUBLE = UnroutedAlert("al-3", "mugs", AlertEvent.SCAN_BLOCKED)
GONE = replace(MATCH, watch="gone")
WATCHES = {"mugs": ("legal",), "quiet": ()}


@pytest.mark.parametrize(
    ("conditions", "is_fit"),
    [
        ({}, True),
        ({"watches": {"mugs"}}, True),
        ({"watches": {"lamps"}}, False),
        ({"marketplaces": {"alibaba", "ebay"}}, True),
        ({"marketplaces": {"ebay"}}, False),
        ({"sites": {"1688"}}, True),
        ({"sites": {"taobao"}}, False),
        ({"tags": {"vip"}}, True),
        ({"tags": {"vi"}}, False),
        ({"relations": {Relation.PARTIAL, Relation.SAME}}, True),
        ({"relations": {Relation.VARIANT}}, False),
        ({"events": {AlertEvent.NEW_MATCH}}, True),
        ({"events": {AlertEvent.SCORE_CROSSED}}, False),
        ({"min_score": 0.9}, True),
        ({"min_score": 0.91}, False),
        ({"max_score": 0.9}, True),
        ({"max_score": 0.89}, False),
        ({"min_score": 0.8, "max_score": 1.0}, True),
        ({"tags": {"mug"}, "sites": {"taobao"}}, False),
    ],
)
def test_a_match_fits_when_it_has_one_of_everything_asked_for(
    conditions: dict[str, object], is_fit: bool
) -> None:
    assert fits(MATCH, Route(channels=("x",), **conditions)) is is_fit  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("conditions", "is_fit"),
    [
        ({}, True),
        ({"watches": {"mugs"}}, True),
        ({"events": {AlertEvent.MATCHES_HELD}}, True),
        ({"marketplaces": {"alibaba"}}, False),
        ({"tags": {"mug"}}, False),
        ({"relations": {Relation.SAME}}, False),
        ({"min_score": 0.0}, False),
        ({"max_score": 1.0}, False),
    ],
)
def test_a_summary_fits_what_asks_for_no_match(conditions: dict[str, object], is_fit: bool) -> None:
    assert fits(SUMMARY, Route(channels=("x",), **conditions)) is is_fit  # type: ignore[arg-type]


VIP = Route(channels=("boss",), tags=frozenset({"vip"}))
LAMPS = Route(channels=("lamps",), watches=frozenset({"lamps"}))
NOBODY = Route(channels=())


@pytest.mark.parametrize(
    ("alert", "rules", "channels"),
    [
        (MATCH, (), ("legal",)),
        (MATCH, (LAMPS,), ("legal",)),
        (MATCH, (LAMPS, VIP), ("boss",)),
        (MATCH, (VIP, NOBODY), ("boss",)),
        (MATCH, (NOBODY, VIP), ()),
        (MATCH, (VIP.model_copy(update={"also": True}),), ("boss", "legal")),
        (
            MATCH,
            (VIP.model_copy(update={"also": True}), Route(channels=("chat",))),
            ("boss", "chat"),
        ),
        (MATCH, (VIP.model_copy(update={"also": True}), NOBODY), ("boss",)),
        (MATCH, (VIP.model_copy(update={"also": True}), VIP), ("boss",)),
        (
            MATCH,
            (VIP.model_copy(update={"channels": ("legal", "boss"), "also": True}),),
            ("legal", "boss"),
        ),
        (replace(MATCH, watch="quiet"), (), ()),
        (replace(MATCH, watch="quiet"), (VIP,), ("boss",)),
        (GONE, (), ("ops",)),
        (GONE, (LAMPS,), ("ops",)),
        (GONE, (VIP,), ("boss",)),
        (GONE, (VIP.model_copy(update={"also": True}),), ("boss", "ops")),
        (replace(MATCH, watch=None), (), ("ops",)),
        (SUMMARY, (VIP,), ("legal",)),
        (SUMMARY, (Route(channels=("boss",), watches=frozenset({"mugs"})),), ("boss",)),
        (TROUBLE, (Route(channels=("boss",)),), ("ops",)),
        (TROUBLE, (NOBODY,), ("ops",)),
    ],
)
def test_the_first_route_that_fits_names_the_channels(
    alert: UnroutedAlert, rules: tuple[Route, ...], channels: tuple[str, ...]
) -> None:
    assert channels_of(alert, Routes(("ops",), WATCHES, rules)) == channels


@pytest.mark.parametrize(
    ("alert", "rules", "channels"),
    [
        (GONE, (), None),
        (GONE, (LAMPS,), None),
        (GONE, (VIP,), ("boss",)),
        (GONE, (VIP.model_copy(update={"also": True}),), ("boss",)),
        (GONE, (NOBODY,), ()),
        (replace(SUMMARY, watch="gone"), (VIP,), None),
        (replace(MATCH, watch="quiet"), (), ()),
        (MATCH, (), ("legal",)),
        (TROUBLE, (), ()),
    ],
)
def test_where_nobody_is_named_only_what_a_watch_has_found_that_is_gone_is_stranded(
    alert: UnroutedAlert, rules: tuple[Route, ...], channels: tuple[str, ...] | None
) -> None:
    assert channels_of(alert, Routes((), WATCHES, rules)) == channels


NAMES = st.sampled_from(["a", "b", "c"])
SOME = st.frozensets(NAMES, max_size=2)
SCORES = st.none() | st.floats(0, 1)
LISTS = st.lists(NAMES, max_size=3).map(tuple)
ROUTES = st.builds(
    Route.model_construct,  # also those that no config may have
    channels=LISTS,
    watches=SOME,
    marketplaces=SOME,
    sites=SOME,
    tags=SOME,
    relations=st.frozensets(st.sampled_from(Relation), max_size=2),
    events=st.frozensets(st.sampled_from(AlertEvent), max_size=2),
    min_score=SCORES,
    max_score=SCORES,
    also=st.booleans(),
)
ALERTS = st.builds(
    UnroutedAlert,
    st.just("al-1"),
    st.none() | NAMES | st.just("gone"),
    st.sampled_from(AlertEvent),
    marketplace=st.none() | NAMES,
    site=st.none() | NAMES,
    tags=LISTS,
    relation=st.none() | st.sampled_from(Relation),
    score=SCORES,
)
CONFIGS = st.builds(
    Routes,
    ops=st.just(("ops",)),
    watches=st.dictionaries(NAMES, LISTS),
    rules=st.lists(ROUTES, max_size=4).map(tuple),
)


@settings(deadline=None)
@given(ALERTS, CONFIGS)
def test_no_alert_disappears_unless_an_empty_list_says_so(
    alert: UnroutedAlert, routes: Routes
) -> None:
    channels = channels_of(alert, routes)
    says_nobody = any(not route.channels and fits(alert, route) for route in routes.rules)
    records_only = routes.watches.get(alert.watch or "") == ()
    assert channels is not None
    assert channels or (not alert.event.is_operator and (says_nobody or records_only))
    assert len(channels) == len(set(channels))


@settings(deadline=None)
@given(ALERTS, CONFIGS)
def test_trouble_goes_to_ops_and_nowhere_else(alert: UnroutedAlert, routes: Routes) -> None:
    if alert.event.is_operator:
        assert channels_of(alert, routes) == ("ops",)


@settings(deadline=None)
@given(ALERTS, CONFIGS, ROUTES)
def test_a_route_that_fits_nothing_of_an_alert_changes_nothing_for_it(
    alert: UnroutedAlert, routes: Routes, other: Route
) -> None:
    if not fits(alert, other):
        more = replace(routes, rules=(other, *routes.rules))
        assert channels_of(alert, more) == channels_of(alert, routes)
