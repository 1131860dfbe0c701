"""Checks that need more than one value, or the disk. They read the raw tables, so that they are
reported together with wrong types; a value of a wrong type is left to the type's own problem.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.channels import check_url
from monitor.config.lines import KeyPath
from monitor.config.report import Report, suggest
from monitor.config.tables import WatchTable
from monitor.config.values import is_web_address, resolve_database_url, resolve_path
from monitor.errors import InputError
from monitor.schedule.cron import Cron, load_zone
from monitor.schedule.durations import parse_duration
from monitor.schedule.triggers import LARGEST_JITTER, Every, Trigger, parse_jitter, shortest_gap
from monitor.schedule.wall_clock import parse_digest, parse_quiet

Raw = Mapping[str, object]

_LONGEST_NAME = 100
# Gaps of a cron are looked at from a fixed day on, so that a config is not valid only at times.
_ANY_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
_UTC = ZoneInfo("UTC")


def check_all(
    raw: Raw, report: Report, folder: Path, state: Path, environ: Mapping[str, str]
) -> None:
    """Every check, in the order of the file's sections."""
    _check_names(raw, report)
    _check_database(raw, report, state, environ)
    _check_quotas(raw, report)
    _check_channels(raw, report)
    _check_templates(raw, report, folder, environ)
    _check_ping(raw, report)
    _check_canaries(raw, report, folder, environ)
    _check_references(raw, report)
    _check_watches(raw, report, folder, environ)


def build_trigger(every: timedelta | None, cron: str | None, timezone: str | None) -> Trigger:
    """Exactly one of `every` and `cron`; raises InputError for a cron that is wrong."""
    if every is not None:
        return Every(every)
    return Cron(cron or "", timezone or "UTC")


def jitter_of(trigger: Trigger, jitter: timedelta | float) -> timedelta:
    """A percentage as a duration: of the shortest time between two due times."""
    if isinstance(jitter, timedelta):
        return jitter
    return shortest_gap(trigger, _ANY_YEAR) * jitter


def table(raw: Raw, name: str) -> dict[str, object]:
    """The table `name`, empty where it is missing or no table."""
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def tables_in(raw: Raw, name: str) -> Iterator[tuple[str, dict[str, object]]]:
    """The tables `[name.KEY]`."""
    for key, value in table(raw, name).items():
        if isinstance(value, dict):
            yield key, value


def list_tables(raw: Raw, name: str) -> Iterator[tuple[int, dict[str, object]]]:
    """The tables `[[name]]`, each with its index."""
    value = raw.get(name)
    for index, item in enumerate(value if isinstance(value, list) else []):
        if isinstance(item, dict):
            yield index, item


def texts_in(value: object) -> Iterator[tuple[int, str]]:
    """The texts of a list, each with its index."""
    for index, item in enumerate(value if isinstance(value, list) else []):
        if isinstance(item, str):
            yield index, item


def _check_names(raw: Raw, report: Report) -> None:
    names: list[tuple[KeyPath, object]] = [
        ((section, key), key)
        for section in ("marketplaces", "channels")
        for key in table(raw, section)
    ]
    names += [
        (("watch", index, "name"), item.get("name")) for index, item in list_tables(raw, "watch")
    ]
    for path, name in names:
        if isinstance(name, str) and (not name.isprintable() or name != name.strip()):
            report.add(path, "a name is one line of visible text, without spaces around it")
        if isinstance(name, str) and (len(name) > _LONGEST_NAME or path[-1] == ""):
            report.add(path, f"a name has 1 to {_LONGEST_NAME} characters")


def _check_database(raw: Raw, report: Report, state: Path, environ: Mapping[str, str]) -> None:
    url = table(raw, "database").get("url")
    if isinstance(url, str):
        try:
            resolve_database_url(url, state, environ)
        except ValueError as error:
            report.add(("database", "url"), str(error))


def _check_quotas(raw: Raw, report: Report) -> None:
    for name, marketplace in tables_in(raw, "marketplaces"):
        path: KeyPath = ("marketplaces", name)
        daily, monthly = marketplace.get("daily_quota"), marketplace.get("monthly_quota")
        if isinstance(daily, int) and isinstance(monthly, int) and daily > monthly > 0:
            report.add(
                (*path, "daily_quota"),
                f"daily_quota ({daily}) is above monthly_quota ({monthly}), so no day reaches it",
            )
        if monthly is None and "spread_quota" in marketplace:
            report.add((*path, "spread_quota"), "it goes with monthly_quota only")


def _check_channels(raw: Raw, report: Report) -> None:
    for name, channel in tables_in(raw, "channels"):
        url = channel.get("url")
        if isinstance(url, str) and (reason := check_url(url)):
            report.add(("channels", name, "url"), reason)
        _check_times(channel, ("channels", name), report)


def _check_times(channel: Raw, path: KeyPath, report: Report) -> None:
    """What a channel's digest, quiet hours and time zone say of each other."""
    digest, quiet, timezone = (channel.get(key) for key in ("digest", "quiet", "timezone"))
    if digest is not None:
        for key in ("group", "interval"):
            if key in channel:
                report.add((*path, key), "a digest has its own times: give one or the other")
    if timezone is not None and digest is None and quiet is None:
        report.add((*path, "timezone"), "a time zone goes with digest and quiet only")
    _check_zone(timezone, (*path, "timezone"), report)
    if not isinstance(digest, str) or not isinstance(quiet, str):
        return
    try:
        is_never = parse_quiet(quiet, _UTC).has(parse_digest(digest, _UTC).at)
    except ValueError:
        return  # told with its type
    if is_never:
        end = quiet.rpartition("-")[2]
        report.add((*path, "digest"), f"it lies in the quiet hours: write {end}, when they end")


def _check_zone(timezone: object, path: KeyPath, report: Report) -> bool:
    """Whether a time zone can be used; None means the default."""
    if not isinstance(timezone, str):
        return timezone is None
    try:
        load_zone(timezone)
    except InputError as error:
        report.add(path, str(error))
        return False
    return True


def _check_templates(raw: Raw, report: Report, folder: Path, environ: Mapping[str, str]) -> None:
    templates = table(raw, "alerts").get("templates")
    if isinstance(templates, str) and templates:
        _check_folder(templates, ("alerts", "templates"), report, folder, environ)


def _check_ping(raw: Raw, report: Report) -> None:
    """The messages don't repeat the address: who knows it can ping in our place."""
    alerts = table(raw, "alerts")
    url = alerts.get("ping_url")
    if isinstance(url, str) and not is_web_address(url):
        message = "must be a web address, such as https://hc-ping.com/your-uuid"
        report.add(("alerts", "ping_url"), message)


def _check_canaries(raw: Raw, report: Report, folder: Path, environ: Mapping[str, str]) -> None:
    for name, marketplace in tables_in(raw, "marketplaces"):
        path: KeyPath = ("marketplaces", name)
        canary = marketplace.get("canary")
        for key in ("canary_item", "canary_every"):
            if key in marketplace and canary is None:
                report.add((*path, key), "this goes with canary only, which is not given")
        if not isinstance(canary, str) or not canary:
            continue
        try:
            file = resolve_path(canary, folder, environ)
            if not file.is_file():
                report.add((*path, "canary"), f"there is no picture file {file}")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            report.add((*path, "canary"), f"the picture can't be read: {reason}")


def _check_references(raw: Raw, report: Report) -> None:
    """Names that point at a marketplace or a channel."""
    ops: KeyPath = ("alerts", "ops")
    channels = table(raw, "channels")
    check_pointers(report, ops, table(raw, "alerts").get("ops"), channels, "[channels.{}]")
    for index, watch in list_tables(raw, "watch"):
        check_sections(raw, report, ("watch", index), watch)


def check_sections(raw: Raw, report: Report, path: KeyPath, holder: Raw) -> None:
    """The marketplaces and channels that a table names must be there."""
    for key in ("marketplaces", "channels"):
        check_pointers(report, (*path, key), holder.get(key), table(raw, key), f"[{key}.{{}}]")


def check_pointers(
    report: Report, path: KeyPath, value: object, known: Collection[str], form: str = "{}"
) -> None:
    """Report the names of a list that are not known, and those listed twice.

    `form` is how the config writes what a name stands for, with `{}` in the name's place.
    """
    seen = set[str]()
    for index, name in texts_in(value):
        if name not in known:
            hint = suggest(name, known) or f"; known are: {', '.join(known) or 'none'}"
            report.add((*path, index), f"there is no {form.format(name)}{hint}")
        elif name in seen:
            report.add((*path, index), f'"{name}" is listed twice')
        seen.add(name)


def _check_watches(raw: Raw, report: Report, folder: Path, environ: Mapping[str, str]) -> None:
    if not raw.get("watch"):
        report.add(("watch",), "there is nothing to watch: add a [[watch]]")
    first_lines: dict[str, int] = {}
    for index, watch in list_tables(raw, "watch"):
        path: KeyPath = ("watch", index)
        name = watch.get("name")
        if isinstance(name, str):
            line = report.lines.get((*path, "name"), 0)
            if name in first_lines:
                message = f'there is a watch "{name}" already, on line {first_lines[name]}'
                report.add((*path, "name"), message)
            first_lines.setdefault(name, line)
        _check_scores(watch, path, report)
        _check_images(watch, path, report, folder, environ)
        _check_schedule(watch, path, report)


def _check_scores(watch: Raw, path: KeyPath, report: Report) -> None:
    fields = WatchTable.model_fields
    record = watch.get("record_score", fields["record_score"].default)
    alert = watch.get("alert_score", fields["alert_score"].default)
    if isinstance(record, (int, float)) and isinstance(alert, (int, float)) and record > alert:
        key = "record_score" if "record_score" in watch else "alert_score"
        report.add(
            (*path, key),
            f"record_score ({record:g}) must not be above alert_score ({alert:g}): "
            "what is told must be recorded",
        )


def _check_images(
    watch: Raw, path: KeyPath, report: Report, folder: Path, environ: Mapping[str, str]
) -> None:
    images = watch.get("images")
    if isinstance(images, str) and images:
        _check_folder(images, (*path, "images"), report, folder, environ)


def _check_folder(
    text: str, path: KeyPath, report: Report, folder: Path, environ: Mapping[str, str]
) -> None:
    try:
        found = resolve_path(text, folder, environ)
        if not found.exists():
            report.add(path, f"there is no folder {found}")
        elif not found.is_dir():
            report.add(path, f"{found} is not a folder")
        else:
            next(found.iterdir(), None)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        report.add(path, f"the folder can't be read: {reason}")


def _check_schedule(watch: Raw, path: KeyPath, report: Report) -> None:
    every, cron, timezone = (watch.get(key) for key in ("every", "cron", "timezone"))
    if (every is None) == (cron is None):
        fault = "both are given" if cron is not None else "neither is given"
        report.add(
            (*path, "cron") if cron is not None else path,
            f"one of every and cron is needed, {fault}",
        )
    if timezone is not None and cron is None:
        report.add((*path, "timezone"), "a time zone goes with cron only")
    if not _check_zone(timezone, (*path, "timezone"), report):
        timezone = None
    if trigger := _parse_trigger(every, cron, timezone, path, report):
        _check_jitter(watch, trigger, path, report)


def _parse_trigger(
    every: object, cron: object, timezone: object, path: KeyPath, report: Report
) -> Trigger | None:
    """The watch's trigger, or None where something about it is wrong."""
    zone = timezone if isinstance(timezone, str) else None
    try:
        if isinstance(cron, str) and cron:
            return Cron(cron, zone or "UTC")
        return Every(parse_duration(every)) if isinstance(every, str) else None
    except InputError as error:
        report.add((*path, "cron"), str(error))
    except ValueError:
        pass  # `every` is no duration, which its type tells
    return None


def _check_jitter(watch: Raw, trigger: Trigger, path: KeyPath, report: Report) -> None:
    text = watch.get("jitter")
    if not isinstance(text, str):
        return
    try:
        jitter = jitter_of(trigger, parse_jitter(text))
    except ValueError:
        return
    largest = shortest_gap(trigger, _ANY_YEAR) * LARGEST_JITTER
    if jitter > largest:
        seconds = largest.total_seconds()
        report.add((*path, "jitter"), f"too much: at most 10 % of the interval, here {seconds:g}s")
