"""A stored fingerprint is a file format: under its name its bytes never change.

If one of these fails, don't change the expected bytes: give the new computation a new name.
"""

from __future__ import annotations

import hashlib

import pytest

from monitor.matching import ALGORITHM, DecodedPicture, fingerprint
from tests.matching.drawing import draw

# seed and size of the drawing -> start of the payload (upright pHashes) and sha256 of the whole
GOLDEN = {
    (1, 240, 180): (
        "ead0279964976ad2ccd12299afa56c93ead0639969a56db0eac2376ca54e524b",
        "e38a61a87940d5629c90cb9cca65e0f4c618bb858ee3cc36bf8009a49d6e6e2e",
    ),
    (2, 800, 800): (
        "f99ca447c9c1468ff99ea546c1f14287f998b4268f99704bf99ca447c9628eb4",
        "7101d5abd8f09a37805124f45eb3c706e2f0002bcea024957a995dae3cdfaaae",
    ),
    (3, 97, 333): (
        "cbea9ae522d12e64cbd29a6c329327e4cbe28acc2ad39b62cb8a9926939564dd",
        "1da5d65aae2bcf98aab294ce33ba8e99f6ff634a3cfb3ebf370c1c969e08d912",
    ),
    (4, 1600, 900): (
        "facaa9d5a578c430daca1995237ac43bfbca2ad0853bc4ccdaca399539c4b531",
        "ce562e638c52b6348a70c0be57cd98e93fc2820deca646ec8f25dec974cd0718",
    ),
}


def payload_of(seed: int, width: int, height: int) -> bytes:
    picture = draw(seed, width, height)
    return fingerprint(DecodedPicture(picture, "PNG", width, height))[ALGORITHM]


@pytest.mark.parametrize("drawing", GOLDEN, ids=str)
def test_the_bytes_of_a_fingerprint_never_change(drawing: tuple[int, int, int]) -> None:
    assert ALGORITHM == "phash-thumb-1"
    payload = payload_of(*drawing)
    assert len(payload) == 1298
    hashes, digest = GOLDEN[drawing]
    assert payload[:32].hex() == hashes
    assert hashlib.sha256(payload).hexdigest() == digest
