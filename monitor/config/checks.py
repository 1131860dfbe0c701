"""What no table can tell by itself: names that point at others, and what must agree.

These read the tables as the file has them, so that they are told together with what is wrong within
one; a value of a wrong type is left to its own problem.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from monitor.accounts.options import AccountOptions
from monitor.config.file import MarketplaceConfig
from monitor.config.report import Report, suggest
from monitor.options import KeyPath

Raw = Mapping[str, object]

_LONGEST_NAME = 100


def check_all(raw: Raw, report: Report) -> None:
    """Every check, in the order of the file's sections."""
    _check_names(raw, report)
    _check_accounts(raw, report)
    _check_pointers(report, ("alerts", "ops"), table(raw, "alerts").get("ops"), raw, "channels")
    _check_routes(raw, report)
    _check_watches(raw, report)


def table(raw: Raw, name: str) -> dict[str, object]:
    """The table `name`, empty where it is missing or no table."""
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def _tables_in(raw: Raw, name: str) -> Iterator[tuple[str, dict[str, object]]]:
    """The tables `[name.KEY]`."""
    for key, value in table(raw, name).items():
        if isinstance(value, dict):
            yield key, value


def _list_tables(raw: Raw, name: str) -> Iterator[tuple[int, dict[str, object]]]:
    """The tables `[[name]]`, each with its index."""
    value = raw.get(name)
    for index, item in enumerate(value if isinstance(value, list) else []):
        if isinstance(item, dict):
            yield index, item


def _check_names(raw: Raw, report: Report) -> None:
    names: list[tuple[KeyPath, object]] = [
        ((section, key), key)
        for section in ("marketplaces", "channels")
        for key in table(raw, section)
    ]
    names += [
        (("watch", index, "name"), item.get("name")) for index, item in _list_tables(raw, "watch")
    ]
    for path, name in names:
        if isinstance(name, str) and (not name.isprintable() or name != name.strip()):
            report.add(path, "a name is one line of visible text, without spaces around it")
        if isinstance(name, str) and (len(name) > _LONGEST_NAME or path[-1] == ""):
            report.add(path, f"a name has 1 to {_LONGEST_NAME} characters")


def _check_accounts(raw: Raw, report: Report) -> None:
    """Marketplaces of one account share one pace and one budget, so they must agree on them."""
    first: dict[str, tuple[str, Raw]] = {}
    for name, marketplace in _tables_in(raw, "marketplaces"):
        key = MarketplaceConfig.find_account(name, marketplace)
        if key is None:
            continue
        other_name, other = first.setdefault(key, (name, marketplace))
        for limit in AccountOptions.model_fields:
            if marketplace.get(limit) != other.get(limit):
                message = f"{other_name} is the same account: give both the same {limit}"
                report.add(("marketplaces", name, limit), message)


def _check_pointers(report: Report, path: KeyPath, value: object, raw: Raw, section: str) -> None:
    """The names of marketplaces or channels in a list must be there."""
    _check_known(report, path, value, table(raw, section), f"[{section}.{{}}]")


def _check_known(
    report: Report, path: KeyPath, value: object, known: Collection[str], form: str
) -> None:
    """`form` is how the config writes what a name stands for, with `{}` in the name's place."""
    for index, name in enumerate(value if isinstance(value, list) else []):
        if isinstance(name, str) and name not in known:
            hint = suggest(name, known) or f"; known are: {', '.join(known) or 'none'}"
            report.add((*path, index), f"there is no {form.format(name)}{hint}")


def _check_routes(raw: Raw, report: Report) -> None:
    """What routes name must be there, and none may keep those below it from being tried."""
    watches = [str(item["name"]) for _, item in _list_tables(raw, "watch") if "name" in item]
    routes = list(_list_tables(raw, "route"))
    for index, route in routes:
        path: KeyPath = ("route", index)
        for section in ("marketplaces", "channels"):
            _check_pointers(report, (*path, section), route.get(section), raw, section)
        _check_known(report, (*path, "watches"), route.get("watches"), watches, 'watch "{}"')
        asks_for_nothing = not route.keys() - {"channels", "also"}
        if asks_for_nothing and route.get("also") is not True and index != routes[-1][0]:
            report.add(
                path,
                "it fits every alert, so the routes below it are never tried: put it last, give it "
                "a condition, or set also = true",
            )


def _check_watches(raw: Raw, report: Report) -> None:
    if not raw.get("watch"):
        report.add(("watch",), "there is nothing to watch: add a [[watch]]")
    first_lines: dict[str, int] = {}
    for index, watch in _list_tables(raw, "watch"):
        path: KeyPath = ("watch", index)
        for section in ("marketplaces", "channels"):
            _check_pointers(report, (*path, section), watch.get(section), raw, section)
        name = watch.get("name")
        if isinstance(name, str):
            line = report.lines.get((*path, "name"), 0)
            if name in first_lines:
                message = f'there is a watch "{name}" already, on line {first_lines[name]}'
                report.add((*path, "name"), message)
            first_lines.setdefault(name, line)
