"""Request templates of a config: texts in which `{name}` stands for a value of the search."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from pydantic import JsonValue

# Texts are values as they are; a number keeps its type where it stands alone.
Values: TypeAlias = Mapping[str, str | int]

_NAME = re.compile(r"\{([a-z_0-9]+)\}")


def fill(text: str, values: Values) -> str:
    """The text with every `{name}` replaced. Raises KeyError for a name without a value."""
    return _NAME.sub(lambda found: str(values[found[1]]), text)


def fill_all(texts: Mapping[str, str], values: Values) -> dict[str, str]:
    return {key: fill(text, values) for key, text in texts.items()}


def fill_json(template: JsonValue, values: Values) -> JsonValue:
    """A JSON value with every text in it filled; `"{page}"` alone becomes a number."""
    if isinstance(template, dict):
        return {key: fill_json(item, values) for key, item in template.items()}
    if isinstance(template, list):
        return [fill_json(item, values) for item in template]
    if not isinstance(template, str):
        return template
    alone = _NAME.fullmatch(template)
    return values[alone[1]] if alone else fill(template, values)


def names_in(template: object) -> set[str]:
    """Every `{name}` in a template."""
    return {name for text in _iter_texts(template) for name in _NAME.findall(text)}


def _iter_texts(template: object) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    elif isinstance(template, Mapping):
        for item in template.values():
            yield from _iter_texts(item)
    elif isinstance(template, list):
        for item in template:
            yield from _iter_texts(item)
