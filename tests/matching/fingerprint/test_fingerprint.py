"""fingerprint: one picture, the same bytes; near pictures, near hashes."""

from __future__ import annotations

import imagehash
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from monitor.errors import PictureError
from monitor.matching import ALGORITHM, DecodedPicture, compare, decode, fingerprint
from monitor.matching.fingerprint.fingerprint import unpack
from tests.matching.drawing import draw, encode


def prints_of(image: Image.Image) -> dict[str, bytes]:
    return fingerprint(DecodedPicture(image, "PNG", image.width, image.height))


def test_the_same_picture_gives_the_same_bytes() -> None:
    data = encode(draw(5), "JPEG")
    assert fingerprint(decode(data)) == fingerprint(decode(data))


def test_the_hashes_are_those_of_imagehash() -> None:
    picture = draw(6, 32, 32).resize((128, 128), Image.Resampling.NEAREST)  # shrinks to itself
    small = picture.convert("L").resize((32, 32), Image.Resampling.BOX)
    mirrored = small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    unpacked = unpack(prints_of(picture))
    assert f"{int(unpacked.parts[0, 0]):016x}" == str(imagehash.phash(small))
    assert f"{int(unpacked.parts[1, 0]):016x}" == str(imagehash.phash(mirrored))


def test_the_mirrored_hashes_are_those_of_the_mirror_image() -> None:
    picture = draw(6, 400, 300)
    straight = unpack(prints_of(picture))
    turned = unpack(prints_of(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    for part in range(4):
        assert int(straight.parts[1, part] ^ turned.parts[0, part]).bit_count() <= 2
    assert (straight.dhashes[1] ^ turned.dhashes[0]).bit_count() <= 2


def test_the_hash_hardly_depends_on_the_size() -> None:
    large, small = draw(6, 1600, 1200), draw(6, 1600, 1200).resize((400, 300))
    bits = unpack(prints_of(large)).parts[0, 0] ^ unpack(prints_of(small)).parts[0, 0]
    assert int(bits).bit_count() <= 2


@pytest.mark.parametrize("prints", [{}, {"phash-thumb-1": b"x"}, {ALGORITHM: b"short"}])
def test_a_missing_or_damaged_fingerprint_is_named(prints: dict[str, bytes]) -> None:
    with pytest.raises(PictureError, match=ALGORITHM):
        compare(prints, prints)


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (7, 5)])
def test_any_size_has_a_fingerprint(size: tuple[int, int]) -> None:
    assert len(prints_of(Image.new("RGB", size, (9, 9, 9)))[ALGORITHM]) == 82


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 300), st.integers(1, 300))
def test_any_picture_has_a_fingerprint_and_is_most_like_itself(
    seed: int, width: int, height: int
) -> None:
    picture = draw(seed, width + 12, height + 12)
    prints = prints_of(picture)
    itself = compare(prints, prints).score
    other = compare(prints, prints_of(draw(seed + 1))).score
    assert 0.0 < other <= itself < 1.0
