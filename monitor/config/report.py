"""Collects the problems of a config, each with its line and key, none with a secret."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from monitor.config.lines import KeyPath, line_of
from monitor.errors import Problem

# Shorter ones would take letters out of ordinary words.
_SHORTEST_REDACTED = 4


@dataclass(slots=True)
class Report:
    """The problems found so far in one file."""

    file: str
    lines: Mapping[KeyPath, int]
    problems: list[Problem] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list, repr=False)

    def add(self, path: KeyPath, message: str) -> None:
        for secret in self.secrets:
            if len(secret) >= _SHORTEST_REDACTED:
                message = message.replace(secret, "***")
        problem = Problem(self.file, line_of(self.lines, path), format_key(path), message)
        if problem not in self.problems:
            self.problems.append(problem)

    def add_validation(
        self,
        error: ValidationError,
        model: type[BaseModel],
        prefix: KeyPath = (),
        also_known: Iterable[str] = (),
        skipped: Sequence[str | int] = (),
    ) -> None:
        """Every problem of a pydantic validation; `prefix` is where the validated table stands.

        Keys in `skipped` have a problem of their own already.
        """
        for item in error.errors(include_url=False, include_context=False, include_input=False):
            if item["loc"] and item["loc"][0] in skipped:
                continue
            path = _place_of(item, self.lines, prefix)
            known = [*_keys_at(model, item["loc"][:-1]), *also_known]
            self.add(path, _message(item, known))


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


def _place_of(item: ErrorDetails, lines: Mapping[KeyPath, int], prefix: KeyPath) -> KeyPath:
    """Where the file has it: pydantic adds the name of a union's branch behind the key."""
    path = (*prefix, *item["loc"])
    if item["type"] == "missing":
        return path
    shown = path
    while len(shown) > len(prefix) and shown not in lines:
        shown = shown[:-1]
    return shown or path


def _keys_at(model: type[BaseModel], location: KeyPath) -> list[str]:
    """The known keys of the table at `location` below `model`."""
    current: type[BaseModel] | None = model
    for part in location:
        if current is None:
            return []
        if isinstance(part, str) and part in current.model_fields:
            current = _model_in(current.model_fields[part].annotation) or current
    return list(current.model_fields) if current else []


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model in an annotation such as `list[WatchTable]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        if found := _model_in(part):
            return found
    return None
