"""A stored fingerprint is a file format: under its name its bytes never change.

If one of these fails, don't change the expected bytes: give the new computation a new name.
"""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest

from monitor.matching import ALGORITHM, DecodedPicture, fingerprint
from monitor.matching.fingerprint.keypoints import KEYPOINTS
from monitor.matching.fingerprint.sketch import SKETCH, take_sketch
from tests.matching.drawing import draw

# seed and size of the drawing -> the payload, in hexadecimal
GOLDEN = {
    (1, 240, 180): (
        "ead0279964b74ad2cad12299aea56e93ead0639969a56db0eac2376ca54e524bbf8572c830e21f879b"
        "8477ccb8f019c6bf8536cc38e038e5bf976238f01b07160301010733317d6718707018323301192bbb"
    ),
    (2, 800, 800): (
        "f99ca447c9c1468ff99ea546c1f14287f998b4268f99704bf99ca443c9628eb6acc9f1129c9437daac"
        "cbf09394ac17d2accde173dacc241cacc9f1128c37dae13037191353430a0603136727252d2c0c4a04"
    ),
    (3, 97, 333): (
        "cbea9ae532d12c64cbfa9a6c32932664cbe28acc2ad39b62cb8a9926939564dd9ebfcf30668471309e"
        "8fcf3067c670309eb7ce907b86c6209edfcc73c6c03188010100080602006160707cec9cbce0612904"
    ),
    (4, 1600, 900): (
        "facaa9d5a578c430daca1995237ac43bfbca2ad1857bc4c0faca399539c4b431ae9ffc80f02c916c8f"
        "9f4cc0762f9168ae9f7f80d02e9191af9f6cc06c91e1640121212908001b1b60636b6be7e0272335d8"
    ),
}
# the same drawings -> points, sha256 of their places, levels and angles, first descriptor
KEYPOINTS_GOLDEN = {
    (1, 240, 180): (
        214,
        "6e208911abc600a10fe882020990befdfeed19b4a07127d96b3b53df1a58439b",
        "c2d3b6cefbcae61cfea807ae1e9c12e8c004b21c121c1d12131d2adedaf3f703960aedfeef09d43ed305fd20881b2a23",
    ),
    (2, 800, 800): (
        192,
        "fa4091d0dc98e0f7846d91644292eab359dcc8d1d10189057f1c10123f60840b",
        "900f935725271605f2b6ed201d13e9e8c71b40c5cb0ff5d1414e15ebe1f5e6e12e15dd0bf5db481b31cef217d72021b2",
    ),
    (3, 97, 333): (
        55,
        "b6a4ecdbdf2c8e0f8cc4b53fd1e889923b2fc732274ac1c593731c1a4177af1c",
        "084a01c2e615e1e0daf3fcdba637bedb56bd0710014afff0c6fa2ecca4f9ee5506b7faeba51a1b1f190b2fe61842f436",
    ),
    (4, 1600, 900): (
        171,
        "b657a434e6d3c5de8988e4aa96b1a9e52acb0423f4cbda872b9b09006a759b99",
        "ae0abe02fcfb09350cdc54d3f006c508e630e5c31e3c56f0aec7da0b1705e21e26f114e0f0e2fbb83f23a0da300ab9a9",
    ),
}


def payload_of(seed: int, width: int, height: int) -> bytes:
    picture = draw(seed, width, height)
    return fingerprint(DecodedPicture(picture, "PNG", width, height))[ALGORITHM]


@pytest.mark.parametrize("drawing", GOLDEN, ids=str)
def test_the_bytes_of_a_fingerprint_never_change(drawing: tuple[int, int, int]) -> None:
    assert ALGORITHM == "hashes-1"
    assert payload_of(*drawing).hex() == GOLDEN[drawing]


@pytest.mark.parametrize("drawing", KEYPOINTS_GOLDEN, ids=str)
def test_the_points_of_a_fingerprint_never_change(drawing: tuple[int, int, int]) -> None:
    """Descriptors rest on sums of floats, whose order is the processor's: one step is allowed."""
    width, height = drawing[1:]
    prints = fingerprint(DecodedPicture(draw(*drawing), "PNG", width, height))
    assert KEYPOINTS == "keypoints-1"
    payload = prints[KEYPOINTS]
    count, digest, first = KEYPOINTS_GOLDEN[drawing]
    assert struct.unpack_from(">4H", payload)[2] == count
    assert hashlib.sha256(payload[8 : 8 + 6 * count]).hexdigest() == digest
    stored = np.frombuffer(payload, np.int8, 48, 8 + 6 * count).astype(int)
    expected = np.frombuffer(bytes.fromhex(first), np.int8).astype(int)
    assert np.abs(stored - expected).max() <= 1


# the same drawings -> points, sha256 of their places, levels and angles in the sketch
SKETCH_GOLDEN = {
    (1, 240, 180): (214, "12c3eba2e0fd2af1b5442a8e845e1f0f7bccbe0c9a9bea27cee2024311ba8663"),
    (4, 1600, 900): (171, "a7c07bf11b2b1843528d5ec52cb2effe5b16c51b8dea0a20a2435b9a38445889"),
}
# a fingerprint of points with every value chosen -> its sketch
CHOSEN_POINTS = (
    struct.pack(">4H", 401, 300, 2, 0)
    + struct.pack(">2H", 100 * 32, 399 * 32 + 16)  # x
    + struct.pack(">2H", 7 * 32, 299 * 32)  # y
    + bytes((0, 6))  # level
    + bytes((3, 252))  # angle in 1/256 turn
    + bytes((1, 255) * 24)  # 1, -1, 1, -1, ...
    + bytes((127,) * 8 + (0,) * 32 + (128,) * 8)
)
CHOSEN_SKETCH = "0191" + "0002" + "aaaaaaaaaaaa" + "ff0000000000" + "32c8" + "0496" + "00c0"


@pytest.mark.parametrize("drawing", SKETCH_GOLDEN, ids=str)
def test_the_places_of_a_sketch_never_change(drawing: tuple[int, int, int]) -> None:
    """Signs of descriptors near nothing may differ between processors; the places do not."""
    width, height = drawing[1:]
    prints = fingerprint(DecodedPicture(draw(*drawing), "PNG", width, height))
    assert SKETCH == "sketch-1"
    count, digest = SKETCH_GOLDEN[drawing]
    payload = prints[SKETCH]
    assert struct.unpack_from(">2H", payload)[1] == count
    assert hashlib.sha256(payload[4 + 6 * count :]).hexdigest() == digest


def test_the_bytes_of_a_sketch_never_change() -> None:
    assert take_sketch({KEYPOINTS: CHOSEN_POINTS}).hex() == CHOSEN_SKETCH
