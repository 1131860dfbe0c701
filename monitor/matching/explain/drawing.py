"""Why two pictures were found alike, drawn: side by side, the region, the points that agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from PIL import Image as PILImage
from PIL import ImageDraw
from PIL.Image import Image

from monitor.matching.compare.compare import Comparison
from monitor.matching.explain.fonts import Font, find_lettering, plain_font
from monitor.matching.explain.words import (
    names_above,
    reasons_in_words,
    relation_in_words,
    score_in_words,
)
from monitor.model import Polygon, Relation, Similarity
from monitor.words import Words, read_words

# Height of a picture in the drawing, in pixels: a screen shows two of them whole.
_HEIGHT: Final = 500

Place: TypeAlias = tuple[float, float]
Pair: TypeAlias = tuple[Place, Place]
Ink: TypeAlias = tuple[int, int, int]

_INKS: Final = {
    Relation.SAME: (20, 150, 60),
    Relation.PARTIAL: (20, 110, 200),
    Relation.VARIANT: (205, 105, 0),
    Relation.NONE: (110, 110, 110),
}
_GROUND: Final = (244, 244, 242)
_EDGE: Final = (200, 200, 198)
_TEXT: Final = (30, 30, 30)
_WHITE: Final = (255, 255, 255)
# A small picture is enlarged so many times at most, and then its pixels are shown.
_MOST_ENLARGED: Final = 8
_PIXELS_FROM: Final = 3
# More lines hide what they join; the other points that agree are dots.
_MOST_LINES: Final = 18
# Lines are drawn so many times larger and made smaller, which smooths them.
_FINER: Final = 2
# How far what is not shared fades into the ground, of 255.
_FADED: Final = 150


@dataclass(frozen=True, slots=True)
class _Panel:
    """A picture and where its left top corner is on the canvas."""

    picture: Image
    left: int
    top: int

    def place(self, x: float, y: float) -> Place:
        """Parts of the picture's sides -> a place on the canvas, never off the picture's border."""
        right, bottom = self.picture.width - 1, self.picture.height - 1
        return self.left + x * right, self.top + y * bottom


@dataclass(frozen=True, slots=True)
class _Texts:
    """What stands around the pictures; no names and reasons in a language without a font."""

    font: Font
    names: tuple[str, str]
    relation: str
    score: str
    reasons: tuple[str, ...]


def draw_comparison(
    reference: Image,
    candidate: Image,
    comparison: Comparison,
    *,
    height: int = _HEIGHT,
    words: Words | None = None,
) -> Image:
    """The reference left, the candidate right, and what the comparison says below.

    The shared region is outlined in each (green for `same`, blue for `partial`, orange for
    `variant`) and the rest of the picture faded; lines join some of the points that agree, dots
    show all. Pictures are at most `height` pixels high and a third wider; the whole is at most
    1600 x 700 with the default height, for pictures of any size. The same input gives the same
    pixels. Its texts are those of `words`, English by default; where the system has no font for
    them, the score's number is all that is written.
    """
    texts = _write(comparison.similarity, words or read_words(), max(13, round(height / 27)))
    font = texts.font
    edge, label = round(height / 26) + 4, round(font.size * 1.5)
    pictures = [_fit(picture, height) for picture in (reference, candidate)]
    # As wide as the words need, however narrow the pictures are.
    columns = [max(round(17 * font.size), picture.width) for picture in pictures]
    tallest = max(picture.height for picture in pictures)
    width = sum(columns) + 3 * edge
    caption = _caption(texts, _INKS[comparison.similarity.relation], width, edge)
    size = (width, label + tallest + edge + caption.height)
    canvas = PILImage.new("RGB", size, _GROUND)
    panels = [
        _Panel(
            picture, left + (column - picture.width) // 2, label + (tallest - picture.height) // 2
        )
        for picture, column, left in zip(
            pictures, columns, (edge, columns[0] + 2 * edge), strict=True
        )
    ]
    for panel, name in zip(panels, texts.names, strict=True):
        _put(canvas, panel, name, font)
    canvas.paste(caption, (0, size[1] - caption.height))
    _mark(canvas, panels[0], panels[1], comparison, max(0.5, height / _HEIGHT))
    return canvas


def _write(similarity: Similarity, words: Words, size: float) -> _Texts:
    lettering = find_lettering(words)
    if lettering is None:
        return _Texts(plain_font(size), ("", ""), f"{similarity.score:.3f}", "", ())
    return _Texts(
        lettering(size),
        names_above(words),
        relation_in_words(similarity, words),
        score_in_words(similarity, words),
        reasons_in_words(similarity, words),
    )


def shrink(image: Image, height: int = _HEIGHT) -> Image:
    """The picture no larger than a drawing of that height shows it: a small thing to keep."""
    return _fit(image, height, most_enlarged=1)


def _fit(image: Image, height: int, *, most_enlarged: int = _MOST_ENLARGED) -> Image:
    factor = min(height / image.height, height * 4 / 3 / image.width, most_enlarged)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    if factor >= _PIXELS_FROM:
        return image.resize(size, PILImage.Resampling.NEAREST)
    return image.resize(size, PILImage.Resampling.BICUBIC, reducing_gap=2.0)


def _put(canvas: Image, panel: _Panel, name: str, font: Font) -> None:
    """The picture with its name above and an edge around it: many are white to their border."""
    brush = ImageDraw.Draw(canvas)
    canvas.paste(panel.picture, (panel.left, panel.top))
    right, bottom = panel.left + panel.picture.width, panel.top + panel.picture.height
    brush.rectangle((panel.left - 1, panel.top - 1, right, bottom), outline=_EDGE)
    brush.text((panel.left, panel.top - font.size // 3), name, _TEXT, font, anchor="ls")


# -- what is shared


def _mark(
    canvas: Image, ours: _Panel, theirs: _Panel, comparison: Comparison, scale: float
) -> None:
    similarity = comparison.similarity
    # Places found by chance would look like something found.
    if similarity.relation is Relation.NONE:
        return
    marks = _Marks(canvas.size, scale)
    joined = [(ours.place(*one), theirs.place(*other)) for one, other in comparison.points]
    chosen = spread_out(joined, round(_MOST_LINES * scale))
    for pair in joined:
        marks.dot(pair, 2.5)
    for pair in chosen:
        marks.line(pair)
        marks.dot(pair, 4.5)
    if similarity.region is not None:
        region = similarity.region
        for panel, polygon in ((ours, region.reference), (theirs, region.candidate)):
            _fade_rest(canvas, panel, polygon)
            marks.outline(panel, polygon)
    marks.put_on(canvas, _INKS[similarity.relation])


def spread_out(joined: Sequence[Pair], most: int) -> list[Pair]:
    """Up to `most` of the pairs, each as far as can be from those before it in both pictures."""
    if len(joined) <= most:
        return list(joined)
    chosen = [joined[0]]
    gaps = [_gap(pair, joined[0]) for pair in joined]
    while len(chosen) < most:
        farthest = joined[max(range(len(joined)), key=gaps.__getitem__)]
        chosen.append(farthest)
        gaps = [min(gap, _gap(pair, farthest)) for gap, pair in zip(gaps, joined, strict=True)]
    return chosen


def _gap(one: Pair, other: Pair) -> float:
    return min((x - u) ** 2 + (y - v) ** 2 for (x, y), (u, v) in zip(one, other, strict=True))


def _fade_rest(canvas: Image, panel: _Panel, polygon: Polygon) -> None:
    size = panel.picture.size
    mask = PILImage.new("L", size, _FADED)
    corners = [(x * (size[0] - 1), y * (size[1] - 1)) for x, y in polygon]
    if len(corners) > 1:
        ImageDraw.Draw(mask).polygon(corners, fill=0)
    canvas.paste(_GROUND, (panel.left, panel.top), mask)


class _Marks:
    """Lines, dots and outlines in one ink on a white rim, so that they are seen on any picture.

    Places and radii are in pixels of the canvas, radii those of a drawing of the usual height.
    """

    def __init__(self, size: tuple[int, int], scale: float) -> None:
        self._scale = scale * _FINER
        larger = (size[0] * _FINER, size[1] * _FINER)
        self._rim, self._ink = PILImage.new("L", larger), PILImage.new("L", larger)
        self._rim_brush, self._ink_brush = ImageDraw.Draw(self._rim), ImageDraw.Draw(self._ink)

    def line(self, pair: Pair) -> None:
        ends = [self._finer(place) for place in pair]
        self._rim_brush.line(ends, 130, round(4 * self._scale))
        self._ink_brush.line(ends, 255, round(1.5 * self._scale))

    def dot(self, pair: Pair, radius: float) -> None:
        for place in pair:
            middle = self._finer(place)
            self._rim_brush.circle(middle, (radius + 1) * self._scale, 200)
            self._ink_brush.circle(middle, radius * self._scale, 255)

    def outline(self, panel: _Panel, polygon: Polygon) -> None:
        corners = [self._finer(panel.place(x, y)) for x, y in polygon]
        # Round, to the first corner and on to the second, so that every corner is joined.
        around = [*corners, *corners[:2]]
        self._rim_brush.line(around, 255, round(6 * self._scale), joint="curve")
        self._ink_brush.line(around, 255, round(3 * self._scale), joint="curve")

    def put_on(self, canvas: Image, ink: Ink) -> None:
        for colour, mask in ((_WHITE, self._rim), (ink, self._ink)):
            canvas.paste(colour, (0, 0), mask.reduce(_FINER))

    @staticmethod
    def _finer(place: Place) -> Place:
        return (place[0] + 0.5) * _FINER, (place[1] + 0.5) * _FINER


# -- what it says


def _caption(texts: _Texts, ink: Ink, width: int, edge: int) -> Image:
    """Relation and score, below them the numbers, in as many lines as they need."""
    font = texts.font
    step = round(font.size * 1.45)
    lines = _wrapped(texts.reasons, font, width - 2 * edge)
    strip = PILImage.new("RGB", (width, step * (1 + len(lines)) + edge), _GROUND)
    brush = ImageDraw.Draw(strip)
    pad = font.size // 2
    end = edge + font.getlength(texts.relation) + 2 * pad
    brush.rounded_rectangle((edge, 0, end, step), step // 4, ink)
    brush.text((edge + pad, step / 2), texts.relation, _WHITE, font, anchor="lm")
    brush.text((end + pad, step / 2), texts.score, _TEXT, font, anchor="lm")
    for number, line in enumerate(lines, start=1):
        brush.text((edge, (number + 0.6) * step), line, _TEXT, font, anchor="lm")
    return strip


def _wrapped(parts: Iterable[str], font: Font, width: int) -> list[str]:
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}   ·   {part}" if lines else part
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines
