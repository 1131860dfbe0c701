"""Pictures: files of a watch's folder, what is computed from them, whether they are believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class CheckState(StrEnum):
    """What a check has said of a reference picture; `unspecific` and `featureless` are marked.

    `unspecific` matches pictures that have nothing to do with it, of a `featureless` one not even a
    plain copy would be told, `trusted` was set by a person and stays.
    """

    UNJUDGED = "unjudged"
    SOUND = "sound"
    UNSPECIFIC = "unspecific"
    FEATURELESS = "featureless"
    TRUSTED = "trusted"


@dataclass(frozen=True, slots=True)
class Rights:
    """What protects an asset; everything a complaint asks for and the owner has told."""

    kind: str | None = None
    certificate: str | None = None
    territory: str | None = None
    official_url: str | None = None
    published_at: str | None = None


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A readable reference picture in a watch's folder; `path` is relative to the folder, POSIX."""

    path: str
    sha256: str
    asset: str
    rights: Rights
    tags: tuple[str, ...]
    format: str
    width: int
    height: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ReferencePicture:
    """One picture of an asset as the store knows it; `path` is relative to the watch's folder."""

    id: int
    asset_id: int
    asset: str
    sha256: str
    path: str


@dataclass(frozen=True, slots=True)
class FileVersion:
    """What a server calls the file it sent (RFC 9110, 8.8): asked with it, it may say "the same".

    Both as the server wrote them; None where it said nothing that can be repeated.
    """

    etag: str | None = None
    last_modified: str | None = None


# Algorithm name (versioned, never changed once stored) -> what it computed from a picture.
Fingerprints: TypeAlias = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class PictureRecord:
    """A picture the store knows, with what was computed from it."""

    sha256: str
    format: str
    width: int
    height: int
    size_bytes: int
    fingerprints: Fingerprints
