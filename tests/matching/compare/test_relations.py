"""compare: what sellers do beyond light edits, and what only looks like a copy."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from monitor.matching import compare
from monitor.model import Relation
from tests.matching.compare.test_compare import ALERT, RECORD, cropped, flipped, recompressed
from tests.matching.drawing import draw
from tests.matching.fingerprint.test_fingerprint import prints_of

SEEDS = range(40, 46)


def busy(seed: int, width: int = 640, height: int = 480) -> Image.Image:
    """A drawing with some fine texture, as a photograph has."""
    pixels = np.asarray(draw(seed, width, height)).astype(int)
    fine = np.random.default_rng(seed).normal(0, 30, (height // 8, width // 8, 3))
    texture = Image.fromarray((fine + 128).clip(0, 255).astype(np.uint8)).resize((width, height))
    mixed = pixels + np.asarray(texture).astype(int) - 128
    return Image.fromarray(mixed.clip(0, 255).astype(np.uint8))


def pasted(picture: Image.Image, ground: Image.Image, side: int) -> Image.Image:
    result = ground.copy()
    result.paste(ImageOps.contain(picture, (side, side)), (60, 90))
    return result


@pytest.mark.parametrize("seed", SEEDS)
def test_hard_edits_are_found(seed: int) -> None:
    picture = busy(seed)
    ours = prints_of(picture)
    for name, edited, relation in (
        ("half", cropped(picture, 0.1, 0.3, 0.4, 0.1), Relation.PARTIAL),
        ("turned", picture.transpose(Image.Transpose.ROTATE_90), Relation.SAME),
        ("askew", picture.rotate(12, Image.Resampling.BICUBIC, expand=True), Relation.SAME),
        ("mirrored half", flipped(cropped(picture, 0.3, 0.0, 0.1, 0.3)), Relation.PARTIAL),
        ("pasted", pasted(picture, busy(seed + 100, 800, 800), 420), Relation.PARTIAL),
        ("grey", picture.convert("L").convert("RGB"), Relation.SAME),
        ("framed", ImageOps.expand(picture, 50, (200, 20, 30)), Relation.SAME),
    ):
        found = compare(ours, prints_of(recompressed(edited, 60)))
        assert (name, found.relation) == (name, relation)
        assert found.score >= ALERT, name
        assert found.mirrored == ("mirrored" in name)


def test_the_region_says_where_it_was_pasted() -> None:
    picture = busy(41)
    found = compare(prints_of(picture), prints_of(pasted(picture, busy(141, 800, 800), 420)))
    assert found.region is not None
    assert found.region.reference == ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    xs, ys = zip(*found.region.candidate, strict=True)
    assert (min(xs), max(xs)) == pytest.approx((60 / 800, 480 / 800), abs=0.01)
    assert (min(ys), max(ys)) == pytest.approx((90 / 800, 405 / 800), abs=0.01)


def in_template(picture: Image.Image) -> Image.Image:
    """A shop's frame with text, the same for every product in it."""
    result = Image.new("RGB", (700, 800), (245, 80, 30))
    brush = ImageDraw.Draw(result)
    for line in range(6):
        brush.text((30, 560 + 36 * line), f"FREE SHIPPING {line} BEST QUALITY", font_size=30)
    brush.text((30, 10), "TOP STORE", font_size=44)
    result.paste(ImageOps.fit(picture, (640, 470)), (30, 70))
    return result


@pytest.mark.parametrize("seed", SEEDS)
def test_a_shared_template_is_no_copy(seed: int) -> None:
    one, other = in_template(busy(seed)), in_template(busy(seed + 200))
    found = compare(prints_of(one), prints_of(other))
    assert found.score < ALERT
    assert found.relation in (Relation.VARIANT, Relation.NONE)
    assert compare(prints_of(busy(seed)), prints_of(one)).score >= RECORD


@pytest.mark.parametrize("seed", SEEDS)
def test_another_print_on_the_same_ground_is_a_variant(seed: int) -> None:
    ground = busy(seed, 700, 700)
    one, other = (pasted(busy(n, 500, 500), ground, 500) for n in (seed + 300, seed + 400))
    found = compare(prints_of(one), prints_of(other))
    assert found.relation is Relation.VARIANT
    assert found.score < ALERT


def test_the_reasons_tell_of_points_and_pixels() -> None:
    picture = busy(42)
    reasons = compare(prints_of(picture), prints_of(cropped(picture, 0.2, 0.2, 0.2, 0.2))).reasons
    assert reasons is not None
    assert reasons["inliers"] > 50
    assert reasons["reference_share"] == pytest.approx(0.36, abs=0.03)
    assert reasons["candidate_share"] > 0.95
    assert reasons["agreeing"] > 0.8
