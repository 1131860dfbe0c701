"""Index: what is worth comparing, found without comparing each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from monitor.errors import PictureError
from monitor.matching import INDEX_ALGORITHMS, Index, bands, near_identical
from monitor.matching.fingerprint.fingerprint import unpack
from monitor.matching.index.index import MAX_DISTANCE, NEAR
from monitor.model import Fingerprints
from tests.matching.compare.test_compare import (
    blank_pictures,
    cropped,
    flipped,
    recompressed,
    with_banner,
)
from tests.matching.compare.test_relations import busy
from tests.matching.drawing import draw
from tests.matching.fingerprint.test_fingerprint import prints_of


def distance_by_hand(one: Fingerprints, other: Fingerprints) -> int:
    return min(
        int(a ^ b).bit_count() for a in unpack(one).parts[0] for b in unpack(other).parts.flatten()
    )


@pytest.fixture(scope="module")
def known() -> list[tuple[int, Fingerprints]]:
    return [(seed, prints_of(draw(seed))) for seed in range(150)]


@pytest.fixture(scope="module")
def index(known: list[tuple[int, Fingerprints]]) -> Index[int]:
    return Index.build(known)


# -- by hash


@pytest.mark.parametrize("limit", [0, 6, MAX_DISTANCE, 26, 64])
def test_near_is_what_a_comparison_with_each_would_find(
    known: list[tuple[int, Fingerprints]], index: Index[int], limit: int
) -> None:
    for seed in (3, 17, 200):
        wanted = prints_of(cropped(draw(seed), 0.05, 0.03, 0.02, 0.06))
        expected = [(key, distance_by_hand(prints, wanted)) for key, prints in known]
        near = sorted((pair for pair in expected if pair[1] <= limit), key=lambda pair: pair[1])
        assert index.near(wanted, limit) == near


def test_edited_copies_are_found_first(index: Index[int]) -> None:
    for seed in range(0, 150, 17):
        picture = draw(seed)
        for edited in (
            picture,
            recompressed(picture, 30),
            flipped(picture),
            with_banner(picture, at_top=True),
            flipped(with_banner(picture, at_top=False)),
        ):
            assert index.query(prints_of(edited))[0].key == seed


def test_a_picture_with_hardly_a_point_is_found_by_its_hash() -> None:
    ball = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(ball).ellipse((60, 60, 240, 240), fill=90)
    ImageDraw.Draw(ball).ellipse((100, 80, 170, 140), fill=180)
    soft = ball.filter(ImageFilter.GaussianBlur(20)).convert("RGB")
    index = Index.build([("ball", prints_of(soft)), ("other", prints_of(draw(1)))])
    (found,) = index.query(prints_of(cropped(soft, 0.15, 0.15, 0.15, 0.15)))
    assert found.key == "ball"
    assert NEAR < found.distance <= MAX_DISTANCE
    assert found.points == 0


# -- by points


@pytest.fixture(scope="module")
def busy_index() -> Index[int]:
    return Index.build((seed, prints_of(busy(seed, 400, 300))) for seed in range(150))


def collage(seeds: list[int]) -> Image.Image:
    """Four pictures in two rows."""
    whole = Image.new("RGB", (800, 600), (250, 250, 250))
    for place, seed in enumerate(seeds):
        whole.paste(busy(seed, 400, 300), (place % 2 * 400, place // 2 * 300))
    return whole


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_the_tiles_of_a_collage_are_found(is_mirrored: bool, busy_index: Index[int]) -> None:
    shown = recompressed(collage([7, 300, 81, 301]), 70)
    prints = prints_of(flipped(shown) if is_mirrored else shown)
    assert not {7, 81} & {key for key, _ in busy_index.near(prints, MAX_DISTANCE)}
    assert {candidate.key for candidate in busy_index.query(prints)[:2]} == {7, 81}


def test_a_turned_part_is_found(busy_index: Index[int]) -> None:
    part = busy(23, 400, 300).crop((60, 40, 300, 240)).resize((480, 400))
    assert busy_index.query(prints_of(part.rotate(25, fillcolor=(90, 90, 90))))[0].key == 23


def test_of_other_pictures_at_most_the_best_is_worth_comparing(busy_index: Index[int]) -> None:
    found = [busy_index.query(prints_of(busy(seed, 400, 300))) for seed in range(200, 230)]
    assert max(map(len, found)) == 1


def test_what_is_in_very_many_pictures_finds_no_more_than_it_may() -> None:
    """One badge on every picture: the index stays cheap, and the picture itself comes first."""
    badge = busy(400, 160, 120)
    shown = [busy(seed, 400, 300) for seed in range(60)]
    for picture in shown:
        picture.paste(badge, (20, 20))
    index = Index.build((seed, prints_of(picture)) for seed, picture in enumerate(shown))
    found = index.query(prints_of(recompressed(cropped(shown[9], 0.1, 0.1, 0.2, 0.2), 70)))
    assert found[0].key == 9
    assert len(found) <= 32


# -- what both have in common


def test_an_empty_index_finds_nothing() -> None:
    index: Index[str] = Index.build([])
    assert len(index) == 0
    assert index.query(prints_of(draw(1))) == []


def test_blank_pictures_neither_find_nor_are_found() -> None:
    blank = [prints_of(image) for image in blank_pictures()]
    index = Index.build([*enumerate(blank), (99, prints_of(draw(1)))])
    assert len(index) == 1
    assert all(index.query(prints) == [] for prints in blank)
    assert all(index.near(prints, 64) == [] for prints in blank)


@pytest.mark.parametrize("missing", INDEX_ALGORITHMS)
def test_pictures_of_another_algorithm_are_left_out(missing: str) -> None:
    prints = prints_of(draw(1))
    old = {name: value for name, value in prints.items() if name != missing}
    assert [found.key for found in Index.build([("old", old), ("new", prints)]).query(prints)] == [
        "new"
    ]
    with pytest.raises(PictureError, match=missing):
        Index.build([("new", prints)]).query(old)


def test_the_small_fingerprints_are_all_the_index_needs() -> None:
    prints = prints_of(draw(3))
    small = {name: prints[name] for name in INDEX_ALGORITHMS}
    assert sum(map(len, small.values())) < sum(map(len, prints.values())) / 4
    assert [found.key for found in Index.build([("a", small)]).query(small)] == ["a"]


def test_threads_may_share_an_index(index: Index[int]) -> None:
    wanted = [prints_of(draw(seed, 300, 200)) for seed in range(8)] * 8
    alone = [index.query(prints) for prints in wanted]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(index.query, wanted)) == alone


# -- bands and clusters


def test_bands_are_the_upright_hash_in_four_parts() -> None:
    prints = prints_of(draw(2))
    whole = int(unpack(prints).parts[0, 0])
    parts = bands(prints)
    assert [band for band, _ in parts] == [0, 1, 2, 3]
    assert sum(value << (48 - 16 * band) for band, value in parts) == whole


def test_near_identical_pictures_share_a_band() -> None:
    for seed in range(30):
        picture = draw(seed, 400, 400)
        one, other = prints_of(picture), prints_of(recompressed(picture, 70))
        if near_identical(one, other):
            assert set(bands(one)) & set(bands(other))


def test_a_blank_picture_has_no_bands() -> None:
    assert all(bands(prints_of(image)) == [] for image in blank_pictures())


def test_near_identical_means_the_same_file_in_another_wrapping() -> None:
    picture = draw(8, 600, 600)
    ours = prints_of(picture)
    assert near_identical(ours, ours)
    assert near_identical(ours, prints_of(recompressed(picture, 75)))
    assert near_identical(ours, prints_of(picture.resize((300, 300))))
    assert not near_identical(ours, prints_of(flipped(picture)))
    assert not near_identical(ours, prints_of(cropped(picture, 0.08, 0.08, 0.08, 0.08)))
    assert not near_identical(ours, prints_of(draw(9, 600, 600)))
    blank = prints_of(Image.fromarray(np.full((9, 9, 3), 255, dtype=np.uint8)))
    assert not near_identical(blank, blank)
