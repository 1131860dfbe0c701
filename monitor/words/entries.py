"""An entry of a language: a text with `{placeholders}`, or variants of which a fact chooses."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from string import Formatter
from typing import Final

from monitor.model.events import Fact, instant_text


@dataclass(frozen=True, slots=True)
class Piece:
    """A literal text, and the placeholder after it; `kind` says how its value is written."""

    literal: str
    name: str | None
    kind: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text with its placeholders: `{name}`, or `{name:kind}` with one of `KINDS`."""

    source: str
    pieces: tuple[Piece, ...]

    @classmethod
    def parse(cls, source: str) -> Text:
        """Raises ValueError for braces that don't match, a bad name or a kind that there is not."""
        pieces = []
        for literal, name, kind, conversion in Formatter().parse(source):
            if name is not None and not name.isidentifier():
                raise ValueError(f"{{{name}}} is no placeholder: it takes a name")
            if conversion or (kind and kind not in KINDS):
                raise ValueError(f"{{{name}:{kind}}}: the kinds are {', '.join(sorted(KINDS))}")
            pieces.append(Piece(literal, name, kind or ""))
        return cls(source, tuple(pieces))


@dataclass(frozen=True, slots=True)
class Entry:
    """Texts by the name of their variant; `by` is the fact that chooses, None for a single text."""

    variants: Mapping[str, Text]
    by: str | None = None

    @property
    def placeholders(self) -> frozenset[str]:
        """What its variants show, all together."""
        pieces = (piece for text in self.variants.values() for piece in text.pieces)
        return frozenset(piece.name for piece in pieces if piece.name is not None)

    def choose(self, facts: Mapping[str, Fact]) -> Text:
        """Raises KeyError where no variant is for the fact, or it is not given."""
        if self.by is None:
            return self.variants[""]
        variant = variant_of(facts[self.by])
        return self.variants[variant if variant in self.variants else "other"]


def variant_of(fact: Fact) -> str:
    """Which variant a fact asks for, where there is one; else `other` stands in."""
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    if fact is None or fact in (0, ""):
        return "none"
    if isinstance(fact, str):
        return str(fact)
    return "one" if fact == 1 else "other"


# -- how values are written


def write(value: Fact, kind: str = "") -> str:
    """A fact as text: by its `kind` where one is named, else by its type.

    Instants are `2026-01-05 08:00 UTC`, prices `CNY 12.50`. Raises TypeError where a kind is one of
    numbers and the fact is none.
    """
    if kind:
        return KINDS[kind](value)
    if isinstance(value, datetime):
        return instant_text(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(value: Fact) -> float:
    if isinstance(value, int | float | Decimal):
        return float(value)
    raise TypeError(f"not a number: {value!r}")


# Where the type alone doesn't say how a fact is written.
KINDS: Final[Mapping[str, Callable[[Fact], str]]] = {
    "count": lambda value: f"{_number(value):,.0f}",
    "score": lambda value: f"{_number(value):.2f}",
    "score_in_full": lambda value: f"{_number(value):.3f}",
    "percent": lambda value: f"{_number(value):+.1f} %",  # a change: with its sign
    "share": lambda value: f"{100 * min(_number(value), 1.0):.0f} %",
    "gigabytes": lambda value: f"{_number(value) / 1e9:,.1f}".removesuffix(".0"),
    "quoted": lambda value: shlex.quote(str(value)),  # in a command, to be typed as it stands
    "tenths": lambda value: f"{_number(value):,.1f}",
}
