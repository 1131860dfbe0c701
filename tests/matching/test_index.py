"""Index: exactly what comparing with each would find, nearest first."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from monitor.errors import PictureError
from monitor.matching import ALGORITHM, Index, bands, near_identical
from monitor.matching.fingerprint import unpack
from monitor.matching.index import MAX_DISTANCE
from monitor.model import Fingerprints
from tests.matching.drawing import draw
from tests.matching.test_compare import blank_pictures, cropped, flipped, recompressed, with_banner
from tests.matching.test_fingerprint import prints_of


def distance_by_hand(one: Fingerprints, other: Fingerprints) -> int:
    return min(
        int(a ^ b).bit_count() for a in unpack(one).parts[0] for b in unpack(other).parts.flatten()
    )


@pytest.fixture(scope="module")
def known() -> list[tuple[int, Fingerprints]]:
    return [(seed, prints_of(draw(seed))) for seed in range(60)]


@pytest.mark.parametrize("limit", [0, 6, MAX_DISTANCE, 26, 64])
def test_the_index_finds_what_a_comparison_with_each_would(
    known: list[tuple[int, Fingerprints]], limit: int
) -> None:
    index = Index.build(known)
    for seed in (3, 17, 100):
        wanted = prints_of(cropped(draw(seed), 0.05, 0.03, 0.02, 0.06))
        expected = [(key, distance_by_hand(prints, wanted)) for key, prints in known]
        near = sorted((pair for pair in expected if pair[1] <= limit), key=lambda pair: pair[1])
        assert index.query(wanted, limit) == near


def test_edited_copies_are_found_first(known: list[tuple[int, Fingerprints]]) -> None:
    index = Index.build(known)
    for seed in range(0, 60, 7):
        picture = draw(seed)
        for edited in (
            picture,
            recompressed(picture, 30),
            flipped(picture),
            with_banner(picture, at_top=True),
            flipped(with_banner(picture, at_top=False)),
        ):
            assert index.query(prints_of(edited))[0][0] == seed


def test_an_empty_index_finds_nothing() -> None:
    index: Index[str] = Index.build([])
    assert len(index) == 0
    assert index.query(prints_of(draw(1))) == []


def test_blank_pictures_neither_find_nor_are_found() -> None:
    blank = [prints_of(image) for image in blank_pictures()]
    index = Index.build([*enumerate(blank), (99, prints_of(draw(1)))])
    assert len(index) == 1
    assert all(index.query(prints, 64) == [] for prints in blank)


def test_pictures_of_another_algorithm_are_left_out() -> None:
    index = Index.build([("old", {"older-1": b"abc"}), ("new", prints_of(draw(1)))])
    assert [key for key, _ in index.query(prints_of(draw(1)))] == ["new"]
    with pytest.raises(PictureError):
        index.query({"older-1": b"abc"})


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


def test_the_payload_is_all_the_index_needs() -> None:
    prints = {ALGORITHM: bytes(prints_of(draw(3))[ALGORITHM])}
    assert Index.build([("a", prints)]).query(prints) == [("a", 0)]
