"""compare: copies high, other pictures low, and the reasons given."""

from __future__ import annotations

import io
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from monitor.matching import METHOD, compare, decode, fingerprint
from monitor.model import Relation
from tests.matching.drawing import draw, encode
from tests.matching.fingerprint.test_fingerprint import prints_of

ALERT, RECORD = 0.80, 0.50


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(encode(image, "JPEG", quality=quality))).convert("RGB")


def with_banner(image: Image.Image, *, at_top: bool) -> Image.Image:
    result = image.copy()
    height = round(image.height * 0.12)
    banner = Image.new("RGB", (image.width, height), (210, 20, 40))
    result.paste(banner, (0, 0 if at_top else image.height - height))
    return result


def cropped(
    image: Image.Image, left: float, top: float, right: float, bottom: float
) -> Image.Image:
    width, height = image.size
    return image.crop(
        (int(left * width), int(top * height), int((1 - right) * width), int((1 - bottom) * height))
    )


def flipped(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


@pytest.mark.parametrize("seed", range(20, 32))
def test_light_edits_are_found(seed: int) -> None:
    picture = draw(seed, 640, 480)
    ours = prints_of(picture)
    for edited in (
        recompressed(picture, 30),
        picture.resize((320, 240)),
        picture.resize((1280, 960)),
        cropped(picture, 0.02, 0.02, 0.02, 0.02),
    ):
        found = compare(ours, prints_of(edited))
        assert found.score >= ALERT
        assert (found.relation, found.mirrored, found.method) == (Relation.SAME, False, METHOD)


@pytest.mark.parametrize("seed", range(20, 32))
def test_a_banner_hides_no_copy(seed: int) -> None:
    """In these drawings most of what there is to see is few edges, and a banner hides some."""
    picture = draw(seed, 640, 480)
    for at_top in (True, False):
        found = compare(prints_of(picture), prints_of(with_banner(picture, at_top=at_top)))
        assert found.score >= 0.8
        assert found.relation is Relation.SAME


@pytest.mark.parametrize("seed", range(20, 32))
def test_a_mirrored_copy_is_found_and_said_to_be_mirrored(seed: int) -> None:
    picture = draw(seed, 640, 480)
    found = compare(prints_of(picture), prints_of(recompressed(flipped(picture), 60)))
    assert found.score >= ALERT
    assert found.mirrored


def test_other_pictures_are_not_found() -> None:
    prints = [prints_of(draw(seed)) for seed in range(40)]
    found = [compare(a, b) for a, b in combinations(prints, 2)]
    assert max(similarity.score for similarity in found) < RECORD
    assert {similarity.relation for similarity in found} == {Relation.NONE}


def test_the_region_says_what_was_cropped() -> None:
    picture = draw(25, 800, 800)
    found = compare(prints_of(picture), prints_of(cropped(picture, 0.08, 0.04, 0.0, 0.0)))
    assert found.region is not None
    (left, top), _, (right, bottom), _ = found.region.reference
    assert (left, top) == pytest.approx((0.08, 0.04), abs=0.03)
    assert (right, bottom) == pytest.approx((1.0, 1.0), abs=0.03)
    assert found.region.candidate == ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def test_the_region_of_a_mirrored_wider_picture_is_that_of_the_picture_itself() -> None:
    wider = draw(25, 800, 800)
    ours = flipped(cropped(wider, 0.08, 0.0, 0.0, 0.0))
    found = compare(prints_of(ours), prints_of(wider))
    assert found.mirrored
    assert found.region is not None
    (left, _), (right, _), *_ = found.region.candidate
    assert (left, right) == pytest.approx((0.08, 1.0), abs=0.03)


def test_the_reasons_are_numbers() -> None:
    picture = draw(26, 400, 400)
    reasons = compare(prints_of(picture), prints_of(recompressed(picture, 50))).reasons
    assert reasons is not None
    assert reasons["phash_distance"] <= 4
    assert reasons["structure"] > 0.9
    far = compare(prints_of(picture), prints_of(draw(27, 400, 400))).reasons
    assert far is not None
    assert far["nearest_part_distance"] > 10


# -- nothing to see


def blank_pictures() -> list[Image.Image]:
    noise = np.random.default_rng(1).normal(250, 3, (300, 300, 3)).clip(0, 255).astype(np.uint8)
    ramp = np.repeat(np.linspace(0, 255, 300)[None, :, None], 300, axis=0).repeat(3, axis=2)
    return [
        Image.new("RGB", (500, 500), (255, 255, 255)),
        Image.new("RGB", (1, 1), (10, 10, 10)),
        Image.fromarray(noise),
        Image.fromarray(ramp.astype(np.uint8)),
    ]


def test_a_blank_picture_is_like_nothing_not_even_itself() -> None:
    blank = [prints_of(image) for image in blank_pictures()]
    for one in blank:
        for other in [*blank, prints_of(draw(1))]:
            for found in (compare(one, other), compare(other, one)):
                assert found.score < 0.01
                assert found.relation is Relation.NONE
                assert found.reasons is not None
                assert found.reasons["blank"] == 1.0


# -- properties


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**16), st.integers(0, 2**16))
def test_the_order_of_the_two_hardly_matters(one: int, other: int) -> None:
    a, b = prints_of(draw(one)), prints_of(draw(other))
    forth, back = compare(a, b), compare(b, a)
    assert forth.relation == back.relation
    assert forth.score == pytest.approx(back.score, abs=0.1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**16), st.integers(15, 90), st.integers(15, 90))
def test_the_score_falls_with_every_further_loss(seed: int, first: int, second: int) -> None:
    picture = draw(seed, 320, 320)
    ours = prints_of(picture)
    better, worse = max(first, second), min(first, second)
    itself = compare(ours, ours).score
    good = compare(ours, prints_of(recompressed(picture, better))).score
    cut = cropped(recompressed(picture, worse), 0.06, 0.06, 0.06, 0.06)
    assert itself >= good > compare(ours, prints_of(cut)).score


def test_the_decoder_takes_no_part_in_the_score() -> None:
    picture = draw(30, 500, 500)
    lossless = [fingerprint(decode(encode(picture, name))) for name in ("PNG", "BMP", "TIFF")]
    assert lossless[0] == lossless[1] == lossless[2]
