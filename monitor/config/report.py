"""Collects the problems of a config, each with its line and key, none with a secret."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from monitor.config.lines import line_of
from monitor.errors import Problem
from monitor.options import KeyPath, Options

# Shorter ones would take letters out of ordinary words.
_SHORTEST_REDACTED = 4


@dataclass(slots=True)
class Report:
    """The problems found so far in one file, whose tables are `raw`.

    What is `settled` has its problem already, and gets no other.
    """

    file: str
    lines: Mapping[KeyPath, int]
    raw: Mapping[str, object] = field(default_factory=dict, repr=False)
    problems: list[Problem] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list, repr=False)
    settled: set[KeyPath] = field(default_factory=set)

    def add(self, path: KeyPath, message: str) -> None:
        for secret in self.secrets:
            if len(secret) >= _SHORTEST_REDACTED:
                message = message.replace(secret, "***")
        problem = Problem(self.file, line_of(self.lines, path), format_key(path), message)
        if problem not in self.problems:
            self.problems.append(problem)

    def add_validation(self, error: ValidationError, model: type[Options]) -> None:
        """Every problem of a pydantic validation of the whole file."""
        for item in error.errors(include_url=False, include_context=False, include_input=False):
            path = self._place_of(item)
            if path not in self.settled:
                self.add(path, _message(item, _keys_at(model, self.raw, item["loc"][:-1])))

    def _place_of(self, item: ErrorDetails) -> KeyPath:
        """Where the file has it: pydantic adds the name of a union's branch behind the key."""
        path = item["loc"]
        if item["type"] == "missing":
            return path
        shown = path
        while shown and shown not in self.lines:
            shown = shown[:-1]
        return shown or path


def format_key(path: KeyPath) -> str:
    """`watch[0].images`; keys that TOML wants in quotes are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"'
            text += f".{name}" if text else name
    return text


def suggest(name: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for the nearest known name, or nothing."""
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def _message(item: ErrorDetails, known: list[str]) -> str:
    kind, name = item["type"], str(item["loc"][-1]) if item["loc"] else ""
    if kind == "extra_forbidden":
        near = suggest(name, known)
        return f"unknown key{near}" if near else f"unknown key; known are {', '.join(known)}"
    if kind == "missing":
        return "missing, and it has no default"
    if kind == "list_type" and item["loc"] in (("watch",), ("route",)):
        return f"write [[{name}]], with double brackets, above each {name}"
    message = item["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _keys_at(model: type[BaseModel], table: object, location: KeyPath) -> list[str]:
    """The known keys of the table at `location` below `model`."""
    known = _keys_of(model, table)
    for part in location:
        table = _part_of(table, part)
        if isinstance(part, str) and part in known and (found := model_in(known[part].annotation)):
            model = found
        known = _keys_of(model, table)
    return list(known)


def _keys_of(model: type[BaseModel], table: object) -> Mapping[str, FieldInfo]:
    if issubclass(model, Options):
        return model.keys_of(table if isinstance(table, dict) else {})
    return model.model_fields


def _part_of(value: object, part: str | int) -> object:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def model_in(annotation: object) -> type[BaseModel] | None:
    """The model in an annotation such as `list[WatchRules]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        if found := model_in(part):
            return found
    return None
