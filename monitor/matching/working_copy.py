"""A decoded picture -> the working picture: the small copy that every fingerprint is taken from.

Marketplaces show pictures of 400 to 1,500 pixels; at 400 all that is compared is still there, and a
JPEG of 800 can be decoded at half its size. So the cost hardly grows with the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

import numpy as np
from PIL.Image import Image
from threadpoolctl import threadpool_limits

Bytes: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

# Products of small matrices, split over threads that spin while they wait, took five times the
# processor's time on a busy machine; whoever compares has threads or processes of his own. Numpy is
# loaded above, so this holds.
threadpool_limits(limits=1, user_api="blas")

# Longest side; smaller pictures are doubled at most, long ones stay at least 8 pixels wide.
WORK: Final = 400
_NARROWEST: Final = 8
_MOST_GROWTH: Final = 2.0
# Below this growth a small picture stays as it is: what is made up between pixels finds nothing.
_LEAST_GROWTH: Final = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Working:
    """`colour` is RGB, (height, width, 3); `grey` is (height, width)."""

    colour: Bytes
    grey: Bytes


@lru_cache(maxsize=1)
def opencv() -> Any:
    """OpenCV on one thread: whoever calls has threads of his own. Imported at the first picture."""
    import cv2

    cv2.setNumThreads(1)
    return cv2


def to_working(image: Image) -> Working:
    """The working picture of an upright RGB picture."""
    cv2 = opencv()
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    factor = min(_MOST_GROWTH, WORK / max(width, height))
    if not (1 <= factor < _LEAST_GROWTH and min(width, height) >= _NARROWEST):
        size = tuple(max(_NARROWEST, round(side * factor)) for side in (width, height))
        way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=way))
    return Working(pixels, np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)))
