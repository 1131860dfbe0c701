"""`[[route]]`: checked against what it names, and built."""

from __future__ import annotations

from monitor.config.checks import Raw, check_pointers, check_sections, list_tables, texts_in
from monitor.config.lines import KeyPath
from monitor.config.report import Report
from monitor.config.tables import RouteTable
from monitor.model import AlertEvent, Relation, Route

_NOT_CONDITIONS = ("channels", "also")


def build_route(item: RouteTable) -> Route:
    """A valid table as the noun."""
    return Route(
        channels=tuple(item.channels),
        watches=frozenset(item.watches),
        marketplaces=frozenset(item.marketplaces),
        sites=frozenset(item.sites),
        tags=frozenset(item.tags),
        relations=frozenset(Relation(name) for name in item.relations),
        events=frozenset(AlertEvent(name) for name in item.events),
        min_score=item.min_score,
        max_score=item.max_score,
        also=item.also,
    )


def check_routes(raw: Raw, report: Report) -> None:
    """What routes name must be there, and each must be able to do something."""
    watches = [str(item["name"]) for _, item in list_tables(raw, "watch") if "name" in item]
    routes = list(list_tables(raw, "route"))
    for index, route in routes:
        path: KeyPath = ("route", index)
        check_sections(raw, report, path, route)
        check_pointers(report, (*path, "watches"), route.get("watches"), watches, 'watch "{}"')
        for key in ("sites", "tags", "relations", "events"):
            value = route.get(key)
            check_pointers(report, (*path, key), value, [name for _, name in texts_in(value)])
        _check_scores(route, path, report)
        _check_effect(route, path, report, is_last=index == routes[-1][0])


def _check_scores(route: Raw, path: KeyPath, report: Report) -> None:
    least, most = route.get("min_score"), route.get("max_score")
    if isinstance(least, (int, float)) and isinstance(most, (int, float)) and least > most:
        message = f"min_score ({least:g}) is above max_score ({most:g}), so no match fits"
        report.add((*path, "min_score"), message)


def _check_effect(route: Raw, path: KeyPath, report: Report, *, is_last: bool) -> None:
    goes_on = route.get("also") is True
    if goes_on and route.get("channels") == []:
        report.add((*path, "also"), "a route without channels that goes on does nothing")
    if not goes_on and not is_last and not route.keys() - set(_NOT_CONDITIONS):
        report.add(
            path,
            "it fits every alert, so the routes below it are never tried: put it last, give it a "
            "condition, or set also = true",
        )
