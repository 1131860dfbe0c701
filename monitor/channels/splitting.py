"""A text that is too large for one message, cut where it hurts least; nothing of it is lost."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

_ZERO_WIDTH_JOINER = "\u200d"


def split(text: str, max_size: int, size: Callable[[str], int]) -> list[str]:
    """Pieces of at most `max_size` that make up `text` when joined; one where it fits.

    Cut at the ends of lines, within a line that is too long at blanks, within a word between what
    a reader sees as characters, and only within one of those where it is too large itself.
    `size` has to be additive: the size of two texts joined is the sum of theirs.
    """
    pieces: list[str] = []
    current: list[str] = []
    total = 0
    for unit, unit_size in _iter_units(text, max_size, size):
        if current and total + unit_size > max_size:
            pieces.append("".join(current))
            current, total = [], 0
        current.append(unit)
        total += unit_size
    return [*pieces, "".join(current)] if current else pieces


def _iter_units(
    text: str, max_size: int, size: Callable[[str], int], level: int = 0
) -> Iterator[tuple[str, int]]:
    """The largest units that fit, with their sizes."""
    for unit in _BREAKS[level](text):
        unit_size = size(unit)
        if unit_size <= max_size or level + 1 == len(_BREAKS):
            yield unit, unit_size
        else:
            yield from _iter_units(unit, max_size, size, level + 1)


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _words(text: str) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text)


def _clusters(text: str) -> Iterator[str]:
    """What a reader sees as one character, as far as that is cheap to say.

    After the rules of Unicode's annex 29: marks, joiners and skin tones stay with what they follow,
    two regional indicators are a flag.
    """
    cluster = ""
    for char in text:
        if cluster and not _belongs(cluster, char):
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def _belongs(cluster: str, char: str) -> bool:
    if cluster[-1] == _ZERO_WIDTH_JOINER or char == _ZERO_WIDTH_JOINER:
        return True
    if _is_regional(char):
        return len(cluster) == 1 and _is_regional(cluster)
    is_skin_tone = "\U0001f3fb" <= char <= "\U0001f3ff"
    return is_skin_tone or unicodedata.category(char) in ("Mn", "Mc", "Me")


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


_BREAKS: tuple[Callable[[str], Iterator[str] | list[str]], ...] = (_lines, _words, _clusters, list)
