"""Pictures drawn by code, the same everywhere: no random module of a library version decides."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def draw(seed: int, width: int = 240, height: int = 180) -> Image.Image:
    """A picture with large areas and edges, different for each seed (0..2**16)."""
    pixels = np.full((height, width, 3), 235, dtype=np.uint8)
    state = seed * 2654435761 + 12345
    for _ in range(14):
        numbers = []
        for _ in range(7):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            numbers.append(state >> 40)
        left, top = numbers[0] % width, numbers[1] % height
        box_width, box_height = width // 12 + numbers[2] % (width // 3), numbers[3] % (height // 2)
        box = np.s_[top : top + box_height, left : left + box_width]
        pixels[box] = [number % 256 for number in numbers[4:]]
    return Image.fromarray(pixels)


def encode(image: Image.Image, picture_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, picture_format, **options)
    return buffer.getvalue()
