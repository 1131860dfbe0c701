"""A stored fingerprint is a file format: under its name its bytes never change.

If one of these fails, don't change the expected bytes: give the new computation a new name.
"""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest

from monitor.matching import ALGORITHM, DecodedPicture, fingerprint
from monitor.matching.keypoints import KEYPOINTS
from monitor.matching.sketch import SKETCH, take_sketch
from tests.matching.drawing import draw

# seed and size of the drawing -> start of the payload (upright pHashes) and sha256 of the whole
GOLDEN = {
    (1, 240, 180): (
        "ead0279964976ad2ccd12299afa56c93ead0639969a56db0eac2376ca54e524b",
        "e38a61a87940d5629c90cb9cca65e0f4c618bb858ee3cc36bf8009a49d6e6e2e",
    ),
    (2, 800, 800): (
        "f99ca447c9c1468ff99ea546c1f14287f998b4268f99704bf99ca447c9628eb4",
        "2788b079fb5a5b59c857d8665452f245b45d6b8202db9ae29eba5c3dd2d43ebe",
    ),
    (3, 97, 333): (
        "cbea9ae522d12e64cbd29a6c329327e4cbe28acc2ad39b62cb8a9926939564dd",
        "1da5d65aae2bcf98aab294ce33ba8e99f6ff634a3cfb3ebf370c1c969e08d912",
    ),
    (4, 1600, 900): (
        "facaa9d5a578c430daca1995237ac43bfbca2ad0853bc4ccdaca399539c4b531",
        "a30d7c2b514bcfb5dc5fa58f7416baebe16a79c10cce548b85c570c5b37a0a7b",
    ),
}
# the same drawings -> points, sha256 of their places, levels and angles, first descriptor
KEYPOINTS_GOLDEN = {
    (1, 240, 180): (
        301,
        "3e6227be90d9c534390a218b7ff6554784ace909474f1e2fb217ce59f29b69e4",
        "bfd6cf59e3e940ea2191fff0d8a1ff0602c49fe5172306e0f2ba091fb924defff41df508ee3d1c1c0f600106b4112031",
    ),
    (2, 800, 800): (
        339,
        "6b0406ec93e8414f54a35ea8d0e37ef3468cfda37c26cf4b0313e28fb45a442a",
        "8129810544fff1c6ffdf0057000e01e6ffe268eb1800cf00b1240200f2ee21010018020100f1e9fffffef100c4144800",
    ),
    (3, 97, 333): (
        193,
        "79b525ff989ce99315bede09f58264712d44943333949b78955720a534220276",
        "d873fb0701f3032506d605fdec1f18fc08af16cf1409811b271d230fb4dbde012c0802e501ffb9f4fa9500452e1f8ffc",
    ),
    (4, 1600, 900): (
        272,
        "07ca838e4e37b1435982f620728e3ba452b7632e8e4247ba42f86724ee09f199",
        "812981064502f0c603df0159fa0cfee805de63eb19fed001ae26fa00f7f121fdff15fcfdfef5e90200fcf100c2154701",
    ),
}


def payload_of(seed: int, width: int, height: int) -> bytes:
    picture = draw(seed, width, height)
    return fingerprint(DecodedPicture(picture, "PNG", width, height))[ALGORITHM]


@pytest.mark.parametrize("drawing", GOLDEN, ids=str)
def test_the_bytes_of_a_fingerprint_never_change(drawing: tuple[int, int, int]) -> None:
    assert ALGORITHM == "phash-thumb-2"
    payload = payload_of(*drawing)
    assert len(payload) == 1298
    hashes, digest = GOLDEN[drawing]
    assert payload[:32].hex() == hashes
    assert hashlib.sha256(payload).hexdigest() == digest


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
    (1, 240, 180): (301, "f4c58b6450c2aa76054e2beeb073586411618757e227794d87b290f3820b006d"),
    (4, 1600, 900): (272, "13afd1364b5178c2e916dfa3adf6681c568f53b57442959cceee41febba5acea"),
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
