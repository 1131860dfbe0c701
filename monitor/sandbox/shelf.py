"""The sandbox's goods: one listing per picture in a folder, and its own search by picture.

The search is deliberately not the one that the monitor judges by: it compares small colour
pictures, so that a rehearsal shows whether the monitor's own score tells copies from the rest.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from monitor.errors import InputError

# Fields that a folder's listings.json may set for a picture, by its file name.
LISTINGS_FILE = "listings.json"
_SIDE = 12
# What a listing picture may be a copy of: itself, mirrored, or with borders or banners cut off.
# (left, top, right, bottom) as parts of the size.
_CUTS = ((0, 0, 1, 1), (0.06, 0.06, 0.94, 0.94), (0, 0, 1, 0.87), (0, 0.13, 1, 1))

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Good:
    """One picture on the shelf. `views` are unit vectors, one a row."""

    path: Path
    sha256: str
    content_type: str
    views: Vector


class Shelf:
    """A folder served as goods; read again when a file in it changes."""

    def __init__(self, images: Path) -> None:
        if not images.is_dir():
            raise InputError(f"{images} is not a folder of pictures")
        self._images = images
        self._known: dict[tuple[str, int, int], Good | None] = {}
        self._lock = threading.Lock()

    @property
    def path(self) -> Path:
        """The folder."""
        return self._images

    def goods(self) -> list[Good]:
        """Every readable picture in the folder and its sub-folders, in the order of the names."""
        with self._lock:
            current = {_state(path): path for path in sorted(_iter_files(self._images))}
            self._known = {
                state: self._known[state] if state in self._known else _load(path)
                for state, path in current.items()
                if state is not None
            }
            return [good for good in self._known.values() if good is not None]

    def name_of(self, good: Good) -> str:
        """The picture's path below the folder, POSIX."""
        return good.path.relative_to(self._images).as_posix()

    def overrides(self) -> Mapping[str, Mapping[str, object]]:
        """What listings.json says of single pictures; anything goes, to rehearse odd answers.

        Raises InputError for a file that is not an object of objects.
        """
        path = self._images / LISTINGS_FILE
        if not path.is_file():
            return {}
        try:
            loaded = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{LISTINGS_FILE} can't be read: {error}") from error
        if not isinstance(loaded, dict) or not all(isinstance(v, dict) for v in loaded.values()):
            raise InputError(f"{LISTINGS_FILE} is not an object of one object per file name")
        return loaded


def search(goods: Sequence[Good], picture: Image.Image) -> list[tuple[Good, float]]:
    """The goods with their similarity to a picture (0..1), the most similar first."""
    query = _views(picture)[:1].T
    scored = [(good, float(max(0.0, (good.views @ query).max()))) for good in goods]
    return sorted(scored, key=lambda pair: -pair[1])


def _iter_files(images: Path) -> list[Path]:
    return [
        path
        for path in images.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.name != LISTINGS_FILE
    ]


def _state(path: Path) -> tuple[str, int, int] | None:
    """None for a file that was removed in this moment."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return (str(path), stat.st_mtime_ns, stat.st_size)


def _load(path: Path) -> Good | None:
    """A file that is no picture can't be found by its looks; None for one that is gone."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    try:
        with Image.open(io.BytesIO(data)) as image:
            kind = Image.MIME.get(image.format or "", "application/octet-stream")
            image.draft("RGB", (256, 256))
            views = _views(ImageOps.exif_transpose(image))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return Good(path, hashlib.sha256(data).hexdigest(), "image/jpeg", _nothing())
    return Good(path, hashlib.sha256(data).hexdigest(), kind, views)


def _nothing() -> Vector:
    return np.zeros((1, _SIDE * _SIDE * 3), dtype=np.float32)


def _views(picture: Image.Image) -> Vector:
    """Unit vectors of the picture's cuts, upright and mirrored."""
    small = picture.convert("RGB").resize((96, 96), Image.Resampling.BOX)
    rows = []
    for left, top, right, bottom in _CUTS:
        box = (int(96 * left), int(96 * top), int(96 * right), int(96 * bottom))
        cut = small.crop(box).resize((_SIDE, _SIDE), Image.Resampling.BOX)
        rows += [_unit(cut), _unit(ImageOps.mirror(cut))]
    return np.stack(rows)


def _unit(cut: Image.Image) -> Vector:
    vector: Vector = np.asarray(cut, dtype=np.float32).ravel()
    vector = np.subtract(vector, vector.mean())
    length = float(np.linalg.norm(vector))
    return np.divide(vector, length) if length > 0 else vector
