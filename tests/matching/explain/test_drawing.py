"""The drawing: what it shows, and that no picture breaks it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from monitor.matching import Comparison, draw_comparison, examine, shrink
from monitor.matching.explain.drawing import _GROUND, _INKS, spread_out
from monitor.matching.explain.fonts import find_lettering
from monitor.matching.explain.words import (
    characters_of,
    names_above,
    reasons_in_words,
    relation_in_words,
    score_in_words,
)
from monitor.model import Region, Relation, Similarity
from monitor.words import list_languages, read_words
from tests.matching.compare.test_compare import cropped, flipped
from tests.matching.compare.test_relations import busy
from tests.matching.drawing import draw
from tests.matching.fingerprint.test_fingerprint import prints_of

LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
MIDDLE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
SHARED = Region(LEFT_HALF, MIDDLE)
# As many words as there can be.
REASONS = {
    "inliers": 1000.0,
    "reference_share": 0.001,
    "candidate_share": 0.001,
    "agreeing": 0.5,
    "phash_distance": 64.0,
}


def comparison(
    relation: Relation = Relation.PARTIAL,
    region: Region | None = SHARED,
    *,
    points: int = 0,
    mirrored: bool = False,
) -> Comparison:
    found = Similarity(0.9, relation, "m-1", region=region, mirrored=mirrored, reasons=REASONS)
    places = [(n / max(1, points), 0.5) for n in range(points)]
    return Comparison(found, tuple((place, place) for place in places))


def inked(drawing: Image.Image, relation: Relation, box: tuple[int, int, int, int]) -> int:
    """Pixels of the relation's colour in that part of the drawing."""
    return int((np.asarray(drawing.crop(box)) == np.array(_INKS[relation])).all(axis=2).sum())


SIZES = [
    (640, 480),
    (16, 16),
    (1, 1),
    (1, 5_000),
    (5_000, 1),
    (3_000, 300),
    (300, 3_000),
    (4_000, 3_000),
]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("other", SIZES, ids=str)
def test_it_is_bounded_for_pictures_of_any_size(
    size: tuple[int, int], other: tuple[int, int]
) -> None:
    ours, theirs = (Image.new("RGB", each, (200, 30, 30)) for each in (size, other))
    found = comparison(Relation.VARIANT, points=200, mirrored=True)
    drawing = draw_comparison(ours, theirs, found)
    assert (drawing.mode, drawing.width <= 1600, drawing.height <= 700) == ("RGB", True, True)
    small = draw_comparison(ours, theirs, found, height=180)
    assert small.width < drawing.width
    assert small.width <= 180 * 8 // 3 + 60


def test_the_same_input_gives_the_same_pixels_and_stays_as_it_is() -> None:
    ours, theirs = draw(1, 400, 300), draw(2, 300, 400)
    kept = ours.tobytes(), theirs.tobytes()
    one, other = (draw_comparison(ours, theirs, comparison(points=40)) for _ in range(2))
    assert one.tobytes() == other.tobytes()
    assert (ours.tobytes(), theirs.tobytes()) == kept


@pytest.mark.parametrize("relation", [Relation.SAME, Relation.PARTIAL, Relation.VARIANT])
def test_the_region_is_outlined_in_the_relations_colour(relation: Relation) -> None:
    white = Image.new("RGB", (500, 500), "white")
    drawing = draw_comparison(white, white, comparison(relation))
    half = drawing.width // 2
    above_caption = drawing.height - 120
    # 3 pixels wide: around half of one picture, and around a quarter of the other
    assert inked(drawing, relation, (0, 0, half, above_caption)) > 2 * 1_400
    assert inked(drawing, relation, (half, 0, drawing.width, above_caption)) > 2 * 900


def test_what_is_not_shared_is_faded() -> None:
    black = Image.new("RGB", (500, 500), "black")
    drawing = draw_comparison(black, black, comparison())
    inside, outside = drawing.getpixel((150, 300)), drawing.getpixel((400, 300))
    assert inside == (0, 0, 0)
    assert isinstance(outside, tuple)
    assert min(outside) > 100


def test_points_are_joined_from_one_picture_to_the_other() -> None:
    white = Image.new("RGB", (500, 500), "white")
    plain = comparison(Relation.SAME, None)
    joined = comparison(Relation.SAME, None, points=4)
    between = [draw_comparison(white, white, found) for found in (plain, joined)]
    middle = between[0].width // 2
    boxes = [inked(each, Relation.SAME, (middle - 4, 0, middle + 4, 500)) for each in between]
    assert boxes[0] == 0
    assert boxes[1] > 0


def test_nothing_is_marked_where_nothing_is_alike() -> None:
    picture, other = busy(43), busy(143)
    found = examine(prints_of(picture), prints_of(other))
    assert found.similarity.relation is Relation.NONE
    by_chance = Comparison(found.similarity, (((0.1, 0.1), (0.9, 0.9)),) * 5)
    bare = draw_comparison(picture, other, Comparison(found.similarity))
    assert draw_comparison(picture, other, by_chance).tobytes() == bare.tobytes()


def test_the_caption_says_relation_and_mirrored() -> None:
    white = Image.new("RGB", (500, 500), "white")
    captions = {
        draw_comparison(white, white, comparison(relation, None, mirrored=mirrored))
        .crop((0, 560, 700, 610))
        .tobytes()
        for relation in Relation
        for mirrored in (False, True)
    }
    assert len(captions) == 2 * len(Relation)


@pytest.mark.parametrize(
    "edit",
    [
        lambda picture: cropped(picture, 0.3, 0.1, 0.1, 0.2),
        flipped,
        lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
    ],
    ids=["cropped", "mirrored", "turned"],
)
def test_a_real_comparison_is_drawn(edit: object) -> None:
    assert callable(edit)
    picture = busy(43)
    copy = edit(picture)
    found = examine(prints_of(picture), prints_of(copy))
    drawing = draw_comparison(picture, copy, found)
    everywhere = (0, 0, drawing.width, drawing.height)
    assert inked(drawing, found.similarity.relation, everywhere) > 3_000


def test_a_picture_is_shrunk_to_what_a_drawing_shows() -> None:
    assert shrink(Image.new("RGB", (4_000, 1_000)), 300).size == (400, 100)
    assert shrink(Image.new("RGB", (1_000, 4_000)), 300).size == (75, 300)
    assert shrink(Image.new("RGB", (1, 5_000)), 300).size == (1, 300)
    assert shrink(Image.new("RGB", (30, 20)), 300).size == (30, 20)


def test_lines_are_chosen_far_from_each_other() -> None:
    crowd = [((n / 1_000, 0.0), (0.0, 0.0)) for n in range(100)]
    far = [((100.0, 100.0), (50.0, 50.0)), ((0.0, 100.0), (0.0, 50.0))]
    assert set(spread_out([*crowd, *far], 3)) >= set(far)
    assert spread_out(far, 3) == far


# -- in Chinese

CHINESE = read_words("zh")


def is_bare(drawing: Image.Image, box: tuple[int, int, int, int]) -> bool:
    """Whether nothing is drawn in that part of the drawing."""
    return bool((np.asarray(drawing.crop(box)) == np.array(_GROUND)).all())


@pytest.mark.parametrize("fonts", [(), ("no-such-font.ttf",)])
def test_a_language_without_a_font_leaves_the_score_and_no_english(fonts: tuple[str, ...]) -> None:
    picture = Image.new("RGB", (400, 400), "white")
    drawing = draw_comparison(picture, picture, comparison(), words=replace(CHINESE, fonts=fonts))
    assert is_bare(drawing, (0, 0, drawing.width, 20))  # no names above
    below = (0, drawing.height - 60, drawing.width, drawing.height)
    assert inked(drawing, Relation.PARTIAL, below) > 500  # the label with the score
    assert is_bare(drawing, (150, drawing.height - 70, drawing.width, drawing.height))


@pytest.mark.skipif(find_lettering(CHINESE) is None, reason="no Chinese font on this system")
@pytest.mark.parametrize("size", [(20, 400), (640, 480)], ids=str)
@pytest.mark.parametrize("relation", list(Relation))
def test_chinese_words_stay_on_the_canvas(size: tuple[int, int], relation: Relation) -> None:
    picture = Image.new("RGB", size, "white")
    found = comparison(relation, mirrored=True)
    drawing = draw_comparison(picture, picture, found, words=CHINESE)
    assert not is_bare(drawing, (0, 0, drawing.width, 20))
    for box in ((drawing.width - 4, 0), (0, drawing.height - 4)):
        assert is_bare(drawing, (*box, *drawing.size))
    without = draw_comparison(picture, picture, found, words=replace(CHINESE, fonts=()))
    assert drawing.height > without.height


@pytest.mark.parametrize("language", list_languages())
@pytest.mark.parametrize("relation", list(Relation))
def test_a_font_is_asked_for_every_character_of_the_drawing(
    language: str, relation: Relation
) -> None:
    words = read_words(language)
    similarity = comparison(relation, mirrored=True).similarity
    lines = (
        *names_above(words),
        relation_in_words(similarity, words),
        score_in_words(similarity, words),
        *reasons_in_words(similarity, words),
    )
    assert set("".join(lines)) <= characters_of(words)
    is_english = "".join(lines).isascii()
    if language in ("en", "zh"):
        assert is_english == (language == "en")
