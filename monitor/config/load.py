"""TOML, environment and secret files -> Config, or every problem at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from monitor.config.checks import check_all
from monitor.config.file import Config
from monitor.config.lines import find_lines
from monitor.config.report import Report, model_in
from monitor.config.secrets import SecretSource, Unresolved
from monitor.errors import ConfigError, Problem
from monitor.options import KeyPath, Options, Origin

# Stands in for a secret that is not there, so that nothing else complains about its absence.
_NOT_THERE = "unresolved"
# Tables that may be left out: every key of theirs has a default.
_OPTIONAL: dict[str, object] = {"database": {}, "storage": {}, "alerts": {}}


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
    origin = Origin(folder, state, environ)
    report = Report(str(file), find_lines(text), raw)
    _resolve_secrets(raw, origin, report)
    config = _validate(raw, origin, report)
    check_all(raw, report)
    if report.problems or config is None:
        raise ConfigError(report.problems)
    return config


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


def _resolve_secrets(raw: dict[str, object], origin: Origin, report: Report) -> None:
    """Put in what stands elsewhere; what is not there is told once."""
    source = SecretSource(origin)
    for path, table, key, is_secret in _references(raw):
        value = table[key]
        if isinstance(value, str) and is_secret:
            report.secrets.append(value)
        if not isinstance(value, dict):
            continue
        try:
            found = source.resolve(value)
            table[key] = found
            report.secrets.append(found)
        except Unresolved as error:
            report.add(path, str(error))
            report.settled.add(path)
            table[key] = _NOT_THERE


def _references(
    raw: dict[str, object],
) -> Iterator[tuple[KeyPath, dict[str, object], str, bool]]:
    """Where a reference to a secret may stand: (path, its table, its key, whether it is secret)."""
    for path, model, table in _tables(raw):
        for key, is_secret in model.references_in(table):
            yield (*path, key), table, key, is_secret


def _tables(raw: dict[str, object]) -> Iterator[tuple[KeyPath, type[Options], dict[str, object]]]:
    """Every table `[section]` and `[section.NAME]` with the options that it holds."""
    for section, item in Config.keys_of(raw).items():
        model, value = model_in(item.annotation), raw.get(section)
        if model is None or not issubclass(model, Options) or not isinstance(value, dict):
            continue
        if isinstance(item.annotation, type):
            yield (section,), model, value
            continue
        for name, table in value.items():
            if isinstance(table, dict):
                yield (section, name), model, table


def _validate(raw: dict[str, object], origin: Origin, report: Report) -> Config | None:
    try:
        return Config.model_validate(_OPTIONAL | raw, context=origin)
    except ValidationError as error:
        report.add_validation(error, Config)
        return None
