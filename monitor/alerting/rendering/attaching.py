"""Which pictures go along with a part, and under which names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from monitor.model import Attachment
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.matches.matches import MatchRow

# Mail servers commonly refuse messages above 10 MB, and base64 makes pictures a third larger.
MAX_ATTACHED_BYTES: Final = 6_000_000

_SUFFIXES: Final = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG", "png"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tif"),
    (b"MM\x00*", "tif"),
)


class PictureKind(StrEnum):
    """What a picture shows; file names begin with it."""

    DRAWING = "why"
    OURS = "yours"
    THEIRS = "listing"


class Missing(StrEnum):
    """Why a picture doesn't go along."""

    GONE = "gone"
    TOO_LARGE = "too_large"


# for the record, which is in English
_RECORDED: Final = {Missing.GONE: "gone from the disk", Missing.TOO_LARGE: "too large to send"}


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A picture that goes along; its name is its Content-ID in mail."""

    kind: PictureKind
    attachment: Attachment
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Enclosed:
    """The pictures of one match: those that go along, and what is missing with its reason.

    `kept` are the files of a match whose channel takes no pictures.
    """

    enclosures: tuple[Enclosure, ...] = ()
    left_out: tuple[tuple[str, Missing], ...] = ()
    kept: tuple[Path, ...] = ()

    def explain(self) -> str:
        """Which pictures don't go along and why, for the record; empty if all do."""
        if self.kept:
            return "pictures: the channel takes none"
        return ", ".join(f"{name}: {_RECORDED[why]}" for name, why in self.left_out)


@dataclass(slots=True)
class Envelope:
    """The pictures of one part. A picture of several matches goes along once."""

    files: PictureFiles
    drawings: Mapping[int, Path]
    takes_pictures: bool
    is_wanted: bool = True
    _taken: dict[Path, Enclosure] = field(default_factory=dict)

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return tuple(enclosure.attachment for enclosure in self._taken.values())

    def emptied(self) -> Envelope:
        """One for the next part."""
        return Envelope(self.files, self.drawings, self.takes_pictures, self.is_wanted)

    def enclose(self, match: MatchRow) -> Enclosed:
        """What would go along of a match: its drawing, or both its pictures."""
        if not self.is_wanted:
            return Enclosed()
        wanted = list(self._iter_pictures(match))
        if not self.takes_pictures:
            return Enclosed(kept=tuple(path for kind, path, _ in wanted if path.is_file()))
        free = MAX_ATTACHED_BYTES - sum(each.size_bytes for each in self._taken.values())
        names = {each.attachment.name for each in self._taken.values()}
        enclosures: list[Enclosure] = []
        left_out: list[tuple[str, Missing]] = []
        for kind, path, name in wanted:
            found = self._taken.get(path) or _open(kind, path, name, names)
            if found is None:
                left_out.append((name, Missing.GONE))
                continue
            if path not in self._taken and found.size_bytes > free:
                left_out.append((name, Missing.TOO_LARGE))
                continue
            free -= 0 if path in self._taken else found.size_bytes
            names.add(found.attachment.name)
            enclosures.append(found)
        return Enclosed(tuple(enclosures), tuple(left_out))

    def take(self, enclosed: Enclosed) -> None:
        """Let these go along."""
        for enclosure in enclosed.enclosures:
            self._taken.setdefault(enclosure.attachment.path, enclosure)

    def _iter_pictures(self, match: MatchRow) -> Iterator[tuple[PictureKind, Path, str]]:
        asset, item = _plain(match.asset), _plain(match.item_id)
        # A drawing is there only while its message is sent, so nobody is told its path.
        if self.takes_pictures and match.id in self.drawings:
            yield PictureKind.DRAWING, self.drawings[match.id], f"why-{asset}-{item}"
            return
        yield PictureKind.OURS, self.files.path(match.reference_sha256), f"yours-{asset}"
        yield PictureKind.THEIRS, self.files.path(match.picture_sha256), f"listing-{item}"


def _open(kind: PictureKind, path: Path, name: str, names: set[str]) -> Enclosure | None:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            suffix = _suffix(file.read(12))
    except OSError:
        return None
    unique, number = f"{name}.{suffix}", 1
    while unique in names:
        number += 1
        unique = f"{name}-{number}.{suffix}"
    return Enclosure(kind, Attachment(path, unique), size)


def _plain(text: str) -> str:
    """Letters and digits of ASCII: as a Content-ID, a name must hold nothing else."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:60] or "picture"


def _suffix(head: bytes) -> str:
    """By content: receivers go by the name, and marketplaces' names lie."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return "avif"
    return next((suffix for magic, suffix in _SUFFIXES if head.startswith(magic)), "bin")
