"""The inverted index on points that are made up: what agrees, and what only looks alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.matching.fingerprint.keypoints import STEP
from monitor.matching.fingerprint.sketch import TURN, Sketch, join, mirrored_sketch
from monitor.matching.index.part_index import PartIndex

# A word's first 18 bits must be the same, of the others seven may differ.
KEY, MOST_DIFFERENT = 18, 7


def made_up(seed: int, count: int = 25) -> Sketch:
    """Points at least 16 pixels apart in a picture of 400 pixels, words and angles by chance."""
    random = np.random.default_rng(seed)
    place = random.permutation(24 * 24)[:count]
    return Sketch(
        400,
        random.integers(0, 1 << 48, count, dtype=np.uint64),
        (place % 24 * 8 + 4).astype(np.uint8),
        (place // 24 * 8 + 4).astype(np.uint8),
        (2 << 5 | random.integers(0, TURN, count)).astype(np.uint8),
    )


def index_of(*sketches: Sketch) -> PartIndex:
    return PartIndex(join(sketches), [len(sketch) for sketch in sketches])


def moved(sketch: Sketch, turn: int, levels: int, shift: tuple[int, int]) -> Sketch:
    """The points as they would be seen in another picture; `turn` in stored steps."""
    scale, angle = STEP**levels, turn * 2 * np.pi / TURN
    x, y = sketch.x - 100.0, sketch.y - 100.0
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    level, angles = np.divmod(sketch.turns.astype(int), TURN)
    return Sketch(
        512,
        sketch.words,
        np.rint(cos * x - sin * y + 128 + shift[0]).clip(0, 255).astype(np.uint8),
        np.rint(sin * x + cos * y + 128 + shift[1]).clip(0, 255).astype(np.uint8),
        ((level + levels) << 5 | (angles + turn) % TURN).astype(np.uint8),
    )


OTHERS = [made_up(seed) for seed in range(100, 130)]


@pytest.mark.parametrize(
    ("turn", "levels", "shift"),
    [(0, 0, (0, 0)), (3, -2, (20, -9)), (8, -1, (0, 0)), (29, 1, (3, 3))],
)
def test_points_that_moved_as_one_agree(turn: int, levels: int, shift: tuple[int, int]) -> None:
    sketch = made_up(1, 20)
    index = index_of(*OTHERS, sketch)
    seen = moved(sketch, turn, levels, shift)
    assert index.query(seen) == {30: 20}
    assert index.query(mirrored_sketch(seen)) == {30: 20}


def test_points_that_moved_each_its_own_way_do_not() -> None:
    sketch = made_up(1, 20)
    order = np.random.default_rng(2).permutation(20)
    scattered = replace(sketch, x=sketch.x[order], y=sketch.y[order])
    assert index_of(*OTHERS, sketch).query(scattered).get(30, 0) <= 4
    turned = replace(sketch, turns=sketch.turns[order])
    assert index_of(*OTHERS, sketch).query(turned).get(30, 0) <= 5


@pytest.mark.parametrize(
    ("bits", "is_found"),
    [
        (range(47, 47 - MOST_DIFFERENT, -1), True),
        (range(47, 46 - MOST_DIFFERENT, -1), False),
        (range(KEY, KEY + MOST_DIFFERENT), True),
        ([KEY - 1], False),
        ([0], False),
    ],
)
def test_a_hit_has_the_same_key_and_few_other_bits_changed(
    bits: range | list[int], is_found: bool
) -> None:
    sketch = made_up(1, 20)
    changed = sum(1 << (47 - bit) for bit in bits)
    seen = replace(sketch, words=sketch.words ^ np.uint64(changed))
    assert index_of(*OTHERS, sketch).query(seen) == ({30: 20} if is_found else {})


def test_points_in_one_place_are_one() -> None:
    """Levels repeat a corner, and so do the two sides of a thin line."""
    sketch = made_up(1, 20)
    crowd = replace(sketch, x=100 + sketch.x % 4, y=100 + sketch.y % 4)
    assert index_of(*OTHERS, crowd).query(crowd).get(30, 0) <= 4


def test_points_that_are_in_every_picture_outvote_no_rare_ones() -> None:
    """Forty pictures share fifteen points, say a logo; one also shares six others."""
    logo, rare = made_up(2, 15), made_up(3, 6)
    shown = [join([logo, made_up(200 + number, 10)]) for number in range(40)]
    shown[33] = join([logo, rare])
    assert (
        max(index_of(*shown).query(join([logo, rare])).items(), key=lambda item: item[1])[0] == 33
    )


def test_without_points_nothing_is_found() -> None:
    empty, sketch = made_up(1, 0), made_up(2)
    assert index_of().query(sketch) == {}
    assert index_of(empty, empty).query(sketch) == {}
    assert index_of(empty, sketch).query(empty) == {}
    assert index_of(empty, sketch).query(sketch) == {1: 25}
