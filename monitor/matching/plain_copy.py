"""Whether a picture shows enough to be recognised: what would a plain copy of it score?"""

from __future__ import annotations

import io
from typing import Final

from PIL import Image as PILImage

from monitor.matching.compare.compare import compare
from monitor.matching.decode import DecodedPicture, decode_small
from monitor.matching.fingerprint.fingerprint import fingerprint

# What every site does to a picture: it makes it smaller and compresses it again.
_LONGEST: Final = 480
_FACTOR: Final = 2 / 3
_QUALITY: Final = 60
_LEAST: Final = 16


def plain_copy_score(decoded: DecodedPicture) -> float:
    """The score, 0..1, that the plain copy of a picture of `decode_small` reaches.

    Near 1 for anything with a motif. Blank, near-uniform and tiny pictures stay low: no copy of
    them can be told from another picture. Comparing a picture with itself would not show it.
    """
    image = decoded.image.convert("RGB")
    factor = min(_FACTOR, _LONGEST / max(image.size))
    size = tuple(max(_LEAST, round(side * factor)) for side in image.size)
    buffer = io.BytesIO()
    small = image.resize((size[0], size[1]), PILImage.Resampling.BILINEAR, reducing_gap=2.0)
    small.save(buffer, "JPEG", quality=_QUALITY)
    return compare(fingerprint(decoded), fingerprint(decode_small(buffer.getvalue()))).score
