"""TOML, environment and secret files -> Config, or every problem at once."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from monitor.config.checks import build_trigger, check_all, jitter_of, table, tables_in
from monitor.config.lines import KeyPath, find_lines
from monitor.config.models import (
    AlertsConfig,
    ChannelConfig,
    Config,
    DatabaseConfig,
    MarketplaceConfig,
    StorageConfig,
    WatchConfig,
)
from monitor.config.report import Report
from monitor.config.routes import build_route, check_routes
from monitor.config.secrets import SecretSource, Unresolved
from monitor.config.tables import (
    AlertsTable,
    ChannelTable,
    FileTable,
    MarketplaceTable,
    WatchTable,
)
from monitor.config.values import resolve_database_url, resolve_path
from monitor.errors import ConfigError, InputError, Problem
from monitor.marketplaces.registry import account_key, options_model
from monitor.schedule.cron import load_zone

# Stands in for a secret that is not there, so that nothing else complains about its absence.
_NOT_THERE = "unresolved"


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The config at `path`, or at $MONITOR_CONFIG. Raises ConfigError with every problem in it.

    `environ` is the environment: secrets, $STATE_DIRECTORY, $CREDENTIALS_DIRECTORY and $HOME come
    from it alone.
    """
    file = _locate(path, environ)
    text = _read_text(file)
    raw = _parse(file, text)
    folder = file.absolute().parent
    state = Path(environ.get("STATE_DIRECTORY", "").split(":")[0] or folder)
    return _Draft(raw, Report(str(file), find_lines(text)), folder, state, environ).build()


def _locate(path: Path | None, environ: Mapping[str, str]) -> Path:
    if path is not None:
        return path
    if name := environ.get("MONITOR_CONFIG"):
        return Path(name)
    message = "no config: name its file with --config PATH or in the variable MONITOR_CONFIG"
    raise ConfigError([Problem("config", 0, "", message)])


def _read_text(file: Path) -> str:
    try:
        # a byte order mark, as some editors write it, is no part of the text
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError([Problem(str(file), line, "", "not UTF-8 text")]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"the config can't be read: {reason}; name it with --config or MONITOR_CONFIG"
        raise ConfigError([Problem(str(file), 0, "", message)]) from None


def _parse(file: Path, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
        line = int(place[1] or text.count("\n") + 1) if place else 0
        message = str(error)[: place.start()] if place else str(error)
        raise ConfigError([Problem(str(file), line, "", f"not TOML: {message}")]) from None
    except RecursionError:
        message = "not TOML that can be read: nested too deeply"
        raise ConfigError([Problem(str(file), 0, "", message)]) from None


@dataclass(slots=True)
class _Draft:
    """A config that is being checked."""

    raw: dict[str, object]
    report: Report
    folder: Path
    state: Path
    environ: Mapping[str, str]
    options: dict[str, BaseModel] = field(default_factory=dict)
    unresolved: set[KeyPath] = field(default_factory=set)

    def build(self) -> Config:
        self.raw = copy.deepcopy(self.raw)
        self._resolve_secrets()
        tables = self._validate()
        self._validate_options()
        self._check_accounts()
        raw = self._checkable()
        check_all(raw, self.report, self.folder, self.state, self.environ)
        check_routes(raw, self.report)
        if self.report.problems or tables is None:
            raise ConfigError(self.report.problems)
        return self._assemble(tables)

    # -- secrets

    def _resolve_secrets(self) -> None:
        source = SecretSource(self.environ, self.folder)
        for path, holder, is_secret in self._secret_places():
            key = str(path[-1])
            value = holder[key]
            if isinstance(value, str) and is_secret:
                self.report.secrets.append(value)
            if not isinstance(value, dict):
                continue
            try:
                holder[key] = source.resolve(value)
                self.report.secrets.append(str(holder[key]))
            except Unresolved as error:
                self.report.add(path, str(error))
                self.unresolved.add(path)
                holder[key] = _NOT_THERE

    def _secret_places(self) -> Iterator[tuple[KeyPath, dict[str, object], bool]]:
        """Where a reference to a secret may stand: (path, its table, whether it must be secret)."""
        database = table(self.raw, "database")
        if "url" in database:
            yield ("database", "url"), database, True
        alerts = table(self.raw, "alerts")
        if "ping_url" in alerts:
            yield ("alerts", "ping_url"), alerts, True
        for name, channel in tables_in(self.raw, "channels"):
            if "url" in channel:
                yield ("channels", name, "url"), channel, True
        for name, marketplace in tables_in(self.raw, "marketplaces"):
            if "proxy" in marketplace:
                yield ("marketplaces", name, "proxy"), marketplace, True
            for key, annotation in _option_types(marketplace):
                if key in marketplace and _holds(annotation, (str, SecretStr)):
                    path: KeyPath = ("marketplaces", name, key)
                    yield path, marketplace, _holds(annotation, (SecretStr,))

    # -- types

    def _validate(self) -> FileTable | None:
        try:
            return FileTable.model_validate(self.raw)
        except ValidationError as error:
            self.report.add_validation(error, FileTable)
            return None

    def _validate_options(self) -> None:
        ours = set(MarketplaceTable.model_fields)
        for name, marketplace in tables_in(self.raw, "marketplaces"):
            path: KeyPath = ("marketplaces", name)
            kind = marketplace.get("type")
            if not isinstance(kind, str) or not kind:
                continue
            try:
                model = options_model(kind)
            except InputError as error:
                self.report.add((*path, "type"), str(error))
                continue
            given = {key: value for key, value in marketplace.items() if key not in ours}
            try:
                self.options[name] = model.model_validate(given)
            except ValidationError as error:
                gone = [str(key[2]) for key in self.unresolved if key[:2] == path]
                self.report.add_validation(error, model, path, ours, gone)

    def _check_accounts(self) -> None:
        """Marketplaces of one account share one pace and one budget, so they must agree on them."""
        first: dict[str, str] = {}
        for name, marketplace in tables_in(self.raw, "marketplaces"):
            if name not in self.options:
                continue
            key = account_key(str(marketplace["type"]), name, self.options[name])
            other = table(table(self.raw, "marketplaces"), first.setdefault(key, name))
            for limit in ("rate", "daily_quota", "monthly_quota", "spread_quota"):
                if marketplace.get(limit) != other.get(limit):
                    message = f"{first[key]} is the same account: give both the same {limit}"
                    self.report.add(("marketplaces", name, limit), message)

    def _checkable(self) -> dict[str, object]:
        """The tables without the values that are not there."""
        raw = copy.deepcopy(self.raw)
        for path in self.unresolved:
            holder = table(raw, str(path[0]))
            if len(path) == 3:
                holder = table(holder, str(path[1]))
            holder.pop(str(path[-1]), None)
        return raw

    # -- the result

    def _assemble(self, tables: FileTable) -> Config:
        url = tables.database.url.get_secret_value()
        return Config(
            database=DatabaseConfig(resolve_database_url(url, self.state, self.environ)),
            storage=StorageConfig(resolve_path(tables.storage.pictures, self.state, self.environ)),
            marketplaces={
                name: self._marketplace(name, item) for name, item in tables.marketplaces.items()
            },
            channels={name: _channel(name, item) for name, item in tables.channels.items()},
            alerts=self._alerts(tables.alerts),
            watches=[self._watch(item) for item in tables.watch],
            routes=[build_route(item) for item in tables.route],
        )

    def _alerts(self, item: AlertsTable) -> AlertsConfig:
        folder = item.templates
        return AlertsConfig(
            ops=list(item.ops),
            templates=resolve_path(folder, self.folder, self.environ) if folder else None,
            ping_url=item.ping_url,
            ping_every=item.ping_every,
            ping_fail=item.ping_fail,
        )

    def _marketplace(self, name: str, item: MarketplaceTable) -> MarketplaceConfig:
        canary = item.canary
        return MarketplaceConfig(
            name=name,
            type=item.type,
            options=self.options[name],
            account_key=account_key(item.type, name, self.options[name]),
            rate=item.rate,
            daily_quota=item.daily_quota,
            monthly_quota=item.monthly_quota,
            spread_quota=item.spread_quota,
            proxy=item.proxy,
            canary=resolve_path(canary, self.folder, self.environ) if canary else None,
            canary_item=item.canary_item,
            canary_every=item.canary_every,
        )

    def _watch(self, item: WatchTable) -> WatchConfig:
        trigger = build_trigger(item.every, item.cron, item.timezone)
        return WatchConfig(
            name=item.name,
            images=resolve_path(item.images, self.folder, self.environ),
            marketplaces=list(item.marketplaces),
            trigger=trigger,
            record_score=item.record_score,
            alert_score=item.alert_score,
            channels=list(item.channels),
            own_sellers=list(item.own_sellers),
            jitter=jitter_of(trigger, item.jitter),
            price_change_percent=item.price_change_percent,
            tell_gone=item.tell_gone,
            remind_after=item.remind_after,
        )


def _channel(name: str, item: ChannelTable) -> ChannelConfig:
    zone = load_zone(item.timezone or "UTC")
    return ChannelConfig(
        name=name,
        url=item.url,
        # beside a digest it is what operator alerts gather for
        group=item.group,
        interval=item.interval,
        in_full=item.in_full,
        digest=replace(item.digest, zone=zone) if item.digest else None,
        quiet=replace(item.quiet, zone=zone) if item.quiet else None,
        language=item.language,
        pictures=item.pictures,
        pace=item.pace,
    )


def _option_types(marketplace: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The keys of a marketplace's options with their types; none if its type is unknown."""
    kind = marketplace.get("type")
    try:
        model = options_model(kind) if isinstance(kind, str) else None
    except InputError:
        return  # told with the options
    for name, item in model.model_fields.items() if model else ():
        yield item.alias or name, item.annotation


def _holds(annotation: object, kinds: tuple[type, ...]) -> bool:
    """Whether a type, or a branch of a union, is one of `kinds`."""
    if isinstance(annotation, type):
        return issubclass(annotation, kinds)
    if get_origin(annotation) not in (Union, UnionType, Annotated):
        return False
    return any(_holds(part, kinds) for part in get_args(annotation))
