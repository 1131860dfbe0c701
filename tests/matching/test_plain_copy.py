"""A picture that shows too little to be recognised is known before anybody waits for its alert."""

from __future__ import annotations

from PIL import Image

from monitor import matching
from monitor.sandbox.drawing import draw_product
from tests.matching.drawing import draw, encode


def _score(image: Image.Image) -> float:
    return matching.plain_copy_score(matching.decode(encode(image)))


def test_a_plain_copy_of_a_picture_is_recognised() -> None:
    for image in (draw(1), draw(2, 90, 120), draw_product(10), draw_product(28).resize((160, 160))):
        assert _score(image) >= 0.95


def test_blank_tiny_and_near_uniform_pictures_are_not() -> None:
    grey = Image.linear_gradient("L").convert("RGB")
    speck = Image.new("RGB", (800, 800), "white")
    speck.paste("black", (395, 395, 405, 405))
    for image in (
        Image.new("RGB", (800, 800), "white"),
        Image.new("RGB", (1, 1), "red"),
        Image.new("RGB", (3_000, 4), "navy"),
        grey,
        speck,
        draw_product(10).resize((24, 24)),
    ):
        assert _score(image) < 0.80


def test_the_same_picture_scores_the_same() -> None:
    assert _score(draw(3)) == _score(draw(3))
