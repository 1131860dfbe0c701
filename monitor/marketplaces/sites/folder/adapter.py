"""A folder of pictures as a marketplace: a dump from an investigator, a scraper, a mounted share.

Every picture in it is a listing, whatever the search is for: the monitor's own comparison decides.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, unquote_to_bytes, urlsplit

from pydantic import Field, field_validator

from monitor.marketplaces import plug_in as m
from monitor.marketplaces.sites.folder.table import Row, read_rows

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jfif")
)
PAGE_SIZE = 200
MAX_PICTURE_BYTES = 20_000_000


class Options(m.Options):
    """The keys of `[marketplaces.NAME]` with `type = "folder"`."""

    path: Annotated[str, Field(min_length=1)]
    listings: Annotated[str, Field(min_length=1)] = "listings.csv"
    site: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")] | None = None
    may_be_empty: bool = False

    @field_validator("path")
    @classmethod
    def _is_absolute(cls, value: str) -> str:
        """A daemon's working folder is nobody's choice."""
        if not Path(value).is_absolute():
            raise ValueError("must be an absolute path, such as /srv/dumps")
        return value


@dataclass(frozen=True, slots=True)
class File:
    """A picture file; `path` is relative to the folder, POSIX."""

    path: str
    size_bytes: int
    modified_ns: int


class Folder:
    """A folder that is read anew by each search."""

    is_loopback = False

    def __init__(self, name: str, options: Options, _: m.Outside) -> None:
        self.name = name
        self.site = options.site or "".join(c if c.isalnum() else "-" for c in name.lower())
        self._folder = Path(options.path)
        self._listings = options.listings
        self._may_be_empty = options.may_be_empty
        self._lock = threading.Lock()
        self._found: tuple[list[File], Mapping[str, Row]] | None = None

    def search(self, query: m.Query) -> m.Page:
        """The next 200 pictures in the order of their paths; `total` is exact.

        Raises Transient where the folder can't be read or has no picture in it, which is rather a
        share that isn't mounted, and ProtocolError for a CSV that can't be understood.
        """
        (start,) = m.read_cursor(query.cursor, 0)
        files, rows = self._read(anew=start == 0)
        part = files[start : start + PAGE_SIZE]
        observations = tuple(
            self._observe(file, rows.get(file.path), rank)
            for rank, file in enumerate(part, start + 1)
        )
        end = start + len(part)
        cursor = m.write_cursor(end) if end < len(files) else None
        return m.Page(observations, len(files), cursor, requests=0)

    def fetch(self, url: str, fallback_url: str | None = None) -> m.Fetched:  # noqa: ARG002
        """A picture in the folder. Raises FetchRefused or FetchFailed."""
        parts = urlsplit(url)
        if parts.scheme != "file" or parts.netloc:
            raise m.FetchRefused(
                f"the address of a picture of {self.name} must begin with file:///"
            )
        file = Path(os.fsdecode(unquote_to_bytes(parts.path)))
        try:
            real = file.resolve(strict=True)
            if not real.is_relative_to(self._folder.resolve(strict=True)):
                raise m.FetchRefused(f"{file.name} is not in the folder of {self.name}")
            if real.stat().st_size > MAX_PICTURE_BYTES:
                raise m.FetchRefused(f"{file.name} is over {MAX_PICTURE_BYTES} bytes")
            return m.Fetched(real.read_bytes())
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise m.FetchFailed(f"{file.name} can't be read: {reason}") from error

    def fetch_changed(
        self,
        url: str,
        fallback_url: str | None,  # noqa: ARG002
        known: m.FileVersion,  # noqa: ARG002
    ) -> m.Fetched | None:
        """The file again: its address already says when it changed."""
        return self.fetch(url)

    def probe(self) -> m.Standing:
        """How many pictures there are. Raises like `search`."""
        files, rows = self._read(anew=True)
        named = sum(file.path in rows for file in files)
        return m.Standing(f"{len(files)} pictures, {named} of them in {self._listings}")

    def close(self) -> None:
        """Nothing is open."""

    def _read(self, *, anew: bool) -> tuple[list[File], Mapping[str, Row]]:
        """Files and rows; the pages after a search's first one go on with the same list."""
        with self._lock:
            if anew or self._found is None:
                try:
                    files = sorted(_iter_files(self._folder), key=lambda file: file.path)
                    rows = read_rows(self.name, self._folder / self._listings)
                except OSError as error:
                    where = f"{self.name}: {error.filename or self._folder}"
                    raise m.Transient(
                        f"{where} can't be read ({error.strerror}); is it mounted?"
                    ) from error
                if not files and not self._may_be_empty:
                    raise m.Transient(
                        f"{self.name}: {self._folder} has no picture in it; is it mounted? "
                        "(may_be_empty = true says that this is right)"
                    )
                self._found = files, rows
            return self._found

    def _observe(self, file: File, row: Row | None, rank: int) -> m.Observation:
        """A changed file has another address, so that it is looked at again."""
        # as bytes: a name need not be text in any encoding
        address = f"file://{quote(os.fsencode(self._folder / file.path))}"
        row = row or Row()
        return m.Observation(
            site=self.site,
            item_id=m.shorten_id(file.path),
            url=row.url or address,
            title=row.title or m.clean_title(Path(file.path).stem),
            picture_url=f"{address}?v={file.modified_ns:x}-{file.size_bytes:x}",
            price=row.price,
            seller=row.seller,
            sales=row.sales,
            rank=rank,
        )


def _iter_files(folder: Path) -> Iterator[File]:
    """Picture files in the folder and below it, hidden ones left out. Raises OSError."""

    def fail(error: OSError) -> None:
        raise error

    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.startswith(".") or Path(name).suffix.lower() not in SUFFIXES:
                continue
            path = Path(parent, name)
            try:
                state = path.stat()
            except FileNotFoundError:  # gone in this moment, or a link that leads nowhere
                continue
            relative = path.relative_to(folder).as_posix()
            yield File(relative, state.st_size, state.st_mtime_ns)


ADAPTER = m.Adapter(
    Options,
    Folder,
    summary="the pictures in a folder on this machine or a mounted share, each one a listing",
    needs="a folder that the daemon's user may read; optionally a CSV with the listings' fields",
)
