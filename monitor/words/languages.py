"""A language: read from its file, checked against English, asked for its texts."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from monitor.errors import InputError
from monitor.model.events import Event, Fact, Written
from monitor.words.entries import Entry, Text, write

PACKAGED: Final = Path(__file__).parent
# What every other language must have, no more and no less.
_COMPLETE: Final = "en"
_BY: Final = "by"


@dataclass(frozen=True, slots=True)
class Words:
    """One language: its entries by their dotted names, such as `events.gone.name`.

    `fonts` are names or paths of fonts that have the characters of its drawings.
    """

    language: str
    fonts: tuple[str, ...]
    entries: Mapping[str, Entry]

    def say(self, key: str, /, **facts: Fact) -> str:
        """The entry's text with these facts. Raises KeyError for one that it has and needs not."""
        return self.fill(key, facts)

    def fill(self, key: str, facts: Mapping[str, Fact], clean: Callable[[str], str] = str) -> str:
        """The same; what a fact is written as goes through `clean` first.

        A placeholder that is no fact is an entry of the same table, or else of `parts`.
        """
        texts = []
        for piece in self.entries[key].choose(facts).pieces:
            texts.append(piece.literal)
            if piece.name is None:
                continue
            if piece.name in facts:
                texts.append(clean(write(facts[piece.name], piece.kind)))
            else:
                texts.append(self.fill(self._part(key, piece.name), facts, clean))
        return "".join(texts)

    def tell(self, told: Event | Written, clean: Callable[[str], str] = str) -> str:
        """What an event says beside its name, if anything; what was stored as a text, as it is."""
        if isinstance(told, Written):
            return told.text
        key = f"events.{told.name}.text"
        return self.fill(key, told.facts, clean) if key in self.entries else ""

    def _part(self, key: str, name: str) -> str:
        beside = f"{key.rpartition('.')[0]}.{name}"
        return beside if beside in self.entries else f"parts.{name}"

    def table(self, name: str) -> dict[str, str]:
        """The single texts of a table as they stand in the file, by their names."""
        found = _within(self.entries, name)
        return {key: entry.variants[""].source for key, entry in found if entry.by is None}

    def characters(self, name: str) -> frozenset[str]:
        """What a table's texts are written with, but for its facts."""
        texts = [
            text for _, entry in _within(self.entries, name) for text in entry.variants.values()
        ]
        return frozenset("".join(piece.literal for text in texts for piece in text.pieces))


def _within(entries: Mapping[str, Entry], table: str) -> list[tuple[str, Entry]]:
    start = f"{table}."
    return [
        (key.removeprefix(start), entry) for key, entry in entries.items() if key.startswith(start)
    ]


def list_languages(folder: Path = PACKAGED) -> list[str]:
    """The languages there are: the names of their files, without `.toml`."""
    return sorted(path.stem for path in folder.glob("*.toml"))


@lru_cache(maxsize=16)
def read_words(language: str = _COMPLETE, folder: Path = PACKAGED) -> Words:
    """The words of a language, read once for the process.

    Raises InputError for one that there is not, or whose file is not as English is: entries,
    placeholders and variants.
    """
    path = folder / f"{language}.toml"
    if language not in list_languages(folder):
        there = ", ".join(list_languages(folder))
        raise InputError(f"there are no words in {language}; there are {there}")
    words = _parse(path)
    if path != PACKAGED / f"{_COMPLETE}.toml":
        problems = list(_differences(words, read_words(_COMPLETE)))
        if problems:
            raise InputError("\n".join(f"{path}: {problem}" for problem in problems))
    return words


def _parse(path: Path) -> Words:
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
        fonts = tuple(str(font) for font in tables.pop("fonts"))
        return Words(path.stem, fonts, dict(_entries(tables, "")))
    except KeyError as error:
        raise InputError(f"{path}: {error} is missing") from error
    except (OSError, TypeError, ValueError) as error:
        raise InputError(f"{path}: {error}") from error


def _entries(table: Mapping[str, object], start: str) -> Iterator[tuple[str, Entry]]:
    for name, value in table.items():
        key = f"{start}{name}"
        if isinstance(value, str):
            yield key, Entry({"": _text(key, value)})
        elif not isinstance(value, dict):
            raise TypeError(f"{key}: takes a text or a table")
        elif _BY in value:
            by = str(value.pop(_BY))
            yield key, Entry({which: _text(key, text) for which, text in value.items()}, by)
        else:
            yield from _entries(value, f"{key}.")


def _text(key: str, source: object) -> Text:
    if not isinstance(source, str):
        raise TypeError(f"{key}: takes a text")
    try:
        return Text.parse(source)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error


def _differences(words: Words, complete: Words) -> Iterator[str]:
    for key in sorted(complete.entries.keys() - words.entries.keys()):
        yield f"{key} is missing"
    for key in sorted(words.entries.keys() - complete.entries.keys()):
        yield f"{key} is no entry"
    for key, entry in words.entries.items():
        if key in complete.entries:
            yield from (f"{key} {problem}" for problem in _differing(entry, complete.entries[key]))


def _differing(entry: Entry, complete: Entry) -> Iterator[str]:
    if entry.by != complete.by:
        yield f"has its variants by {entry.by}, not by {complete.by}"
    for name in sorted(complete.placeholders - entry.placeholders):
        yield f"lacks {{{name}}}"
    for name in sorted(entry.placeholders - complete.placeholders):
        yield f"has {{{name}}}, which is not known"
    for name in sorted(complete.variants.keys() ^ entry.variants.keys()):
        # a language may have no form of its own for one
        if name != "one" or "other" not in entry.variants:
            yield f"lacks the variant {name}" if name in complete.variants else f"has no {name}"
