from __future__ import annotations

import os
import random
import time

import pytest
from PIL import Image, ImageDraw

from monitor.marketplaces.base import Outside
from monitor.marketplaces.testing import RecordedMemory, RecordedPace


@pytest.fixture
def outside() -> Outside:
    """The real clock and network; pace and memory of one test only."""
    memory = RecordedMemory(now=time.time())
    return Outside(RecordedPace(), memory, time.sleep, random.Random(1))


@pytest.fixture
def drawn() -> Image.Image:
    """A picture that is nobody's, with enough in it to be searched for."""
    rng = random.Random(7)
    image = Image.new("RGB", (800, 800), "white")
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y, size = rng.randrange(700), rng.randrange(700), rng.randrange(20, 160)
        color = f"hsl({rng.randrange(360)}, 80%, 50%)"
        draw.ellipse((x, y, x + size, y + size), fill=color, outline="black", width=3)
    return image


def need(name: str) -> str:
    """An environment variable; without it the test is skipped."""
    value = os.environ.get(name)
    if not value:
        pytest.skip(f"{name} is not set")
    return value
