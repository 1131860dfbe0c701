"""The font that a drawing's words are written in: Pillow's own has Latin letters only."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias, cast

from PIL import ImageFont

from monitor.matching.explain.words import characters_of
from monitor.words import Words

Font: TypeAlias = ImageFont.FreeTypeFont
# A font of that size in pixels.
Lettering: TypeAlias = Callable[[float], Font]

_TRIED_AT: Final = 16
# No font has this character: what it draws is what it draws for any that it lacks.
_IN_NO_FONT: Final = "\U0010fffe"


def plain_font(size: float) -> Font:
    """Pillow's own font, which has Latin letters only."""
    # Pillow types it as either of two kinds; with a size it is always this one.
    return cast(Font, ImageFont.load_default(size))


def find_lettering(words: Words) -> Lettering | None:
    """What the drawing's texts are written with; None where no font has their characters.

    Pillow's own font where it has them all, else the first of the language's `fonts` that is there
    and has. Found once for the process.
    """
    characters = characters_of(words)
    if _is_plain_enough(characters):
        return plain_font
    name = _find(words.fonts, characters)
    return None if name is None else lambda size: ImageFont.truetype(name, size)


@lru_cache(maxsize=16)
def _is_plain_enough(characters: frozenset[str]) -> bool:
    return _has_all(plain_font(_TRIED_AT), characters)


@lru_cache(maxsize=16)
def _find(names: tuple[str, ...], characters: frozenset[str]) -> str | None:
    return next((name for name in names if _is_fit(name, characters)), None)


def _is_fit(name: str, characters: frozenset[str]) -> bool:
    try:
        return _has_all(ImageFont.truetype(name, _TRIED_AT), characters)
    except OSError:
        return False


def _has_all(font: Font, characters: frozenset[str]) -> bool:
    missing = bytes(font.getmask(_IN_NO_FONT))
    return all(
        char == " " or bytes(font.getmask(char)) not in (missing, b"") for char in characters
    )
