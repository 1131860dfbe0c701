"""Why two pictures were found alike, drawn: side by side, the region, the points that agree."""

from __future__ import annotations

from typing import Final

from PIL import Image as PILImage
from PIL import ImageDraw
from PIL.Image import Image

from monitor.matching.compare import Comparison
from monitor.model import Polygon, Relation

_HEIGHT: Final = 480
_WIDEST: Final = 900
_GAP: Final = 12
_MOST_LINES: Final = 60
_INKS: Final = {
    Relation.SAME: (20, 150, 60),
    Relation.PARTIAL: (20, 110, 200),
    Relation.VARIANT: (225, 130, 0),
    Relation.NONE: (150, 150, 150),
}


def draw_comparison(reference: Image, candidate: Image, comparison: Comparison) -> Image:
    """The reference left, the candidate right, both 480 pixels high or 900 wide at most.

    The shared region is outlined in each: green for `same`, blue for `partial`, orange for
    `variant`; thin lines join up to 60 of the points that agree.
    """
    left, right = _fit(reference), _fit(candidate)
    size = (left.width + _GAP + right.width, max(left.height, right.height))
    canvas = PILImage.new("RGB", size, (255, 255, 255))
    start = left.width + _GAP
    canvas.paste(left, (0, 0))
    canvas.paste(right, (start, 0))
    brush, similarity = ImageDraw.Draw(canvas), comparison.similarity
    ink = _INKS[similarity.relation]
    if similarity.relation is not Relation.NONE:
        step = max(1, len(comparison.points) // _MOST_LINES)
        for (x, y), (u, v) in comparison.points[::step]:
            here = (x * left.width, y * left.height)
            there = (start + u * right.width, v * right.height)
            brush.line((here, there), fill=ink, width=1)
            for place in (here, there):
                brush.circle(place, 3, outline=ink, width=2)
    if similarity.region is not None:
        _outline(brush, similarity.region.reference, left, 0, ink)
        _outline(brush, similarity.region.candidate, right, start, ink)
    return canvas


def _fit(image: Image) -> Image:
    factor = min(_HEIGHT / image.height, _WIDEST / image.width)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, PILImage.Resampling.BICUBIC, reducing_gap=2.0)


def _outline(
    brush: ImageDraw.ImageDraw,
    polygon: Polygon,
    image: Image,
    start: int,
    ink: tuple[int, int, int],
) -> None:
    """The polygon's edge, kept inside the picture so that it is seen where it is the border."""
    right, bottom = image.width - 1, image.height - 1
    places = [(start + x * right, y * bottom) for x, y in polygon]
    for one, other in zip(places, [*places[1:], places[0]], strict=True):
        brush.line((one, other), fill=ink, width=4)
