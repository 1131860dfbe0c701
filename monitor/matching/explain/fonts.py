"""The font that a drawing's words are written in: Pillow's own has no Chinese, and we ship none."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias, cast

from PIL import ImageFont

from monitor.matching.explain.words import characters_of
from monitor.model import Language

Font: TypeAlias = ImageFont.FreeTypeFont
# A font of that size in pixels.
Lettering: TypeAlias = Callable[[float], Font]

# As files are called in the packages of Linux distributions (fonts-noto-cjk, fonts-wqy-microhei,
# fonts-droid-fallback, adobe-source-han-sans), on macOS and on Windows. Pillow looks for a name in
# the system's folders for fonts.
CHINESE_FONTS: Final = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansSC-Regular.otf",
    "SourceHanSansSC-Regular.otf",
    "SourceHanSansCN-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "PingFang.ttc",
    "msyh.ttc",
    "simhei.ttf",
)
_TRIED_AT: Final = 16
# No font has this character: what it draws is what it draws for any that it lacks.
_IN_NO_FONT: Final = "\U0010fffe"


def plain_font(size: float) -> Font:
    """Pillow's own font, which has no Chinese."""
    # Pillow types it as either of two kinds; with a size it is always this one.
    return cast(Font, ImageFont.load_default(size))


def find_lettering(language: Language, fonts: tuple[str, ...] = CHINESE_FONTS) -> Lettering | None:
    """What the words of a language are written with; None where no font has its characters.

    English is written in Pillow's own font, Chinese in the first of `fonts` (names or paths) that
    is there and has all that is needed. Found once for the process.
    """
    if language is Language.ENGLISH:
        return plain_font
    name = _find(language, fonts)
    return None if name is None else lambda size: ImageFont.truetype(name, size)


@lru_cache(maxsize=16)
def _find(language: Language, fonts: tuple[str, ...]) -> str | None:
    return next((name for name in fonts if _has_all(name, characters_of(language))), None)


def _has_all(name: str, characters: frozenset[str]) -> bool:
    try:
        font = ImageFont.truetype(name, _TRIED_AT)
        missing = bytes(font.getmask(_IN_NO_FONT))
        return all(
            char == " " or bytes(font.getmask(char)) not in (missing, b"") for char in characters
        )
    except OSError:
        return False
