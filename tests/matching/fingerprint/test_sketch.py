"""The sketch: what is kept of a picture's points to find it among thousands."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from monitor.errors import PictureError
from monitor.matching.fingerprint.fingerprint import derive
from monitor.matching.fingerprint.keypoints import KEYPOINTS, MOST, STEP, mirrored, unpack_features
from monitor.matching.fingerprint.sketch import (
    CELL,
    SKETCH,
    TURN,
    Sketch,
    mirrored_sketch,
    take_sketch,
    unpack_sketch,
)
from tests.matching.drawing import draw
from tests.matching.fingerprint.test_fingerprint import prints_of


def sketch_of(image: Image.Image) -> Sketch:
    return unpack_sketch(prints_of(image))


def test_the_layout_is_as_documented() -> None:
    prints = prints_of(draw(5, 800, 600))
    payload, features = prints[SKETCH], unpack_features(prints)
    width, count = struct.unpack_from(">2H", payload)
    assert (width, count) == (400, len(features.xy))
    assert len(payload) == 4 + 9 * count
    signs = np.unpackbits(np.frombuffer(payload, np.uint8, 6 * count, 4).reshape(count, 6), axis=1)
    assert (signs == (features.descriptors > 0)).all()
    sketch = unpack_sketch(prints)
    assert np.abs(sketch.x * CELL - features.xy[:, 0]).max() <= CELL / 2
    assert np.abs(sketch.y * CELL - features.xy[:, 1]).max() <= CELL / 2
    assert STEP ** (sketch.turns >> 5) == pytest.approx(features.scale)
    turned = (sketch.turns & 31) / TURN - features.angle / (2 * np.pi)
    assert np.abs(turned - np.rint(turned)).max() <= 0.5 / TURN + 1e-6


def test_a_word_has_the_first_sign_as_its_first_bit() -> None:
    prints = prints_of(draw(5))
    first = unpack_features(prints).descriptors[0] > 0
    assert f"{int(unpack_sketch(prints).words[0]):048b}" == "".join(map(str, first.astype(int)))


def test_it_follows_from_the_stored_points_alone() -> None:
    prints = prints_of(draw(6, 700, 500))
    assert take_sketch({KEYPOINTS: prints[KEYPOINTS]}) == prints[SKETCH]
    kept = {name: value for name, value in prints.items() if name != SKETCH}
    assert derive(kept) == prints
    assert derive({}) == {}
    assert derive({SKETCH: b"as it is"}) == {SKETCH: b"as it is"}


def test_the_mirrored_sketch_is_that_of_the_mirrored_points() -> None:
    prints = prints_of(draw(7, 700, 500))
    sketch, features = mirrored_sketch(unpack_sketch(prints)), mirrored(unpack_features(prints))
    signs = np.packbits(features.descriptors > 0, axis=1)
    words = np.array([int.from_bytes(row.tobytes(), "big") for row in signs], dtype=np.uint64)
    # a value of exactly nothing has no sign to turn
    assert np.bitwise_count(words ^ sketch.words).mean() < 1
    assert np.abs(sketch.x * CELL - features.xy[:, 0]).max() <= 1.5 * CELL
    assert (sketch.y == unpack_sketch(prints).y).all()
    turned = (sketch.turns & 31) / TURN - features.angle / (2 * np.pi)
    assert np.abs(turned - np.rint(turned)).max() <= 0.5 / TURN + 1e-6


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**16), st.integers(40, 400), st.integers(40, 400))
def test_mirroring_twice_changes_hardly_a_place(seed: int, width: int, height: int) -> None:
    sketch = sketch_of(draw(seed, width, height))
    twice = mirrored_sketch(mirrored_sketch(sketch))
    assert len(sketch) <= MOST
    assert (twice.words == sketch.words).all()
    assert (twice.turns == sketch.turns).all()
    assert (np.abs(twice.x.astype(int) - sketch.x) <= 1).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 2), (9, 7)])
def test_any_size_has_a_sketch(size: tuple[int, int]) -> None:
    sketch = sketch_of(Image.new("RGB", size, (120, 3, 40)))
    assert len(sketch) == len(sketch.x) == len(sketch.y) == len(sketch.turns)


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=400))
def test_damaged_bytes_are_named(payload: bytes) -> None:
    whole = prints_of(draw(5, 100, 100))[SKETCH]
    for damaged in (b"\xff\xff\xff\xff" + payload, whole[:-1], whole + b"x", whole[:3]):
        with pytest.raises(PictureError, match=SKETCH):
            unpack_sketch({SKETCH: damaged})
    with pytest.raises(PictureError, match=SKETCH):
        unpack_sketch({})
