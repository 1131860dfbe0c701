"""Points and the small picture: what is stored, and what it says about other pictures."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from monitor.errors import PictureError
from monitor.matching.compare.geometry import apply, find_fit, pair_points
from monitor.matching.fingerprint.describe import RAW, SIDE, basis, describe_raw, mirror_raw
from monitor.matching.fingerprint.keypoints import (
    DIMENSIONS,
    KEYPOINTS,
    MOST,
    Features,
    mirrored,
    take_features,
    thumbnail,
    unpack_features,
)
from monitor.matching.working_copy import to_working
from tests.matching.drawing import draw

MOST_BYTES = 40 * 1024  # with everything else that is kept it must stay below 48 KiB


def take(image: Image.Image) -> bytes:
    return take_features(to_working(image))


def features_of(image: Image.Image) -> Features:
    return unpack_features({KEYPOINTS: take(image)})


def noise(size: int) -> Image.Image:
    pixels = np.random.default_rng(3).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_the_layout_is_as_documented() -> None:
    payload = take(draw(5, 800, 600))
    width, height, count, jpeg = struct.unpack_from(">4H", payload)
    assert (width, height) == (400, 300)
    assert 50 < count <= MOST
    assert len(payload) == 8 + count * (6 + DIMENSIONS) + jpeg
    assert payload[-jpeg:][:2] == b"\xff\xd8"
    found = unpack_features({KEYPOINTS: payload})
    assert found.xy.min() >= 0
    assert (found.xy.max(axis=0) <= (width, height)).all()
    assert np.linalg.norm(found.descriptors, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert thumbnail(found.jpeg).shape == (120, 160, 3)


@pytest.mark.parametrize("size", [200, 512, 1500])
def test_the_busiest_picture_stays_small(size: int) -> None:
    assert len(take(noise(size))) < MOST_BYTES


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 2), (9, 7)])
def test_any_size_has_features(size: tuple[int, int]) -> None:
    found = features_of(Image.new("RGB", size, (120, 3, 40)))
    assert len(found.xy) == len(found.descriptors)
    assert thumbnail(found.jpeg).shape[2] == 3


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=400))
def test_damaged_bytes_are_named(payload: bytes) -> None:
    whole = take(draw(5, 100, 100))
    for damaged in (payload, whole[:-1], whole + b"x", whole[:7]):
        with pytest.raises(PictureError, match=KEYPOINTS):
            unpack_features({KEYPOINTS: damaged})


def test_a_damaged_thumbnail_is_named() -> None:
    with pytest.raises(PictureError, match=KEYPOINTS):
        thumbnail(b"no picture")


def test_text_does_not_take_all_points() -> None:
    picture = draw(7, 512, 512)
    pixels = np.asarray(picture).copy()
    pixels[:64] = np.asarray(noise(512))[:64]
    found = features_of(Image.fromarray(pixels))
    assert (found.xy[:, 1] > 70).sum() > 100


# -- descriptors


def test_the_map_commutes_with_mirroring() -> None:
    patches = np.random.default_rng(1).uniform(0, 255, (20, SIDE, SIDE)).astype(np.float32)
    raw, flipped = describe_raw(patches), describe_raw(patches[:, ::-1].copy())
    assert raw.shape == (20, RAW)
    assert mirror_raw(raw) == pytest.approx(flipped, abs=1e-4)
    learnt = basis()
    straight = (mirror_raw(raw) - learnt.mean) @ learnt.rows.T
    assert straight == pytest.approx(
        ((raw - learnt.mean) @ learnt.rows.T) * learnt.mirror, abs=2e-2
    )


def test_the_features_of_the_mirror_image_need_no_pixels() -> None:
    picture = draw(25, 700, 500)
    turned = mirrored(features_of(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    pairs = pair_points(features_of(picture), turned)
    fit = find_fit(pairs, features_of(picture))
    assert fit is not None
    assert fit.inliers > 0.9 * fit.pairs
    assert fit.matrix == pytest.approx(np.array(((1, 0, 0), (0, 1, 0))), abs=0.6)


# -- geometry


@pytest.mark.parametrize(("angle", "factor"), [(0, 0.5), (20, 0.8), (90, 1.0), (133, 0.6)])
def test_a_turned_and_shrunk_picture_is_placed(angle: float, factor: float) -> None:
    picture = draw(26, 400, 400)
    small = picture.resize((round(400 * factor),) * 2, Image.Resampling.LANCZOS)
    ground = Image.new("RGB", (400, 400), (128, 128, 128))
    ground.paste(small.rotate(angle, Image.Resampling.BICUBIC), (0, 0))
    ours, theirs = features_of(picture), features_of(ground)
    fit = find_fit(pair_points(ours, theirs), ours)
    assert fit is not None
    middle = apply(fit.matrix, np.array([[199.5, 199.5]]))[0]
    assert middle == pytest.approx((200 * factor, 200 * factor), abs=3)
    assert np.sqrt(np.linalg.det(fit.matrix[:, :2])) == pytest.approx(factor, rel=0.03)


def test_without_points_there_is_no_place() -> None:
    blank, full = features_of(Image.new("RGB", (300, 300))), features_of(draw(3))
    assert find_fit(pair_points(blank, full), blank) is None
    assert find_fit(pair_points(full, blank), full) is None
    assert find_fit(pair_points(blank, blank), blank) is None
