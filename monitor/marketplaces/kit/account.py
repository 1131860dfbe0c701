"""What the built-in adapters are made from: an account on an interface spoken over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

from PIL.Image import Image

from monitor.errors import BadImage, ProtocolError
from monitor.marketplaces.base import Outside
from monitor.marketplaces.kit.answers import Judge, PictureTooLarge
from monitor.marketplaces.kit.client import PoliteClient, Tally
from monitor.marketplaces.kit.uploads import (
    MAX_UPLOAD_BYTES,
    SMALLEST_UPLOAD_BYTES,
    iter_uploads,
)
from monitor.net.addresses import is_loopback_host
from monitor.net.wire import Answer, Call

T = TypeVar("T")


@contextmanager
def naming(name: str) -> Iterator[None]:
    """While an answer is parsed: what is wrong with it is said with the marketplace's name."""
    try:
        yield
    except ProtocolError as error:
        raise ProtocolError(f"{name}: {error}") from error


class Account:
    """Name, client and the handling of errors; an adapter adds `site` and `search`."""

    def __init__(
        self, name: str, base_url: str, outside: Outside, secrets: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.is_loopback = is_loopback_host(urlsplit(base_url).hostname or "")
        self._outside = outside
        self._client = PoliteClient(name, outside, secrets)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _send(self, build: Callable[[], Call], judge: Judge, tally: Tally) -> Answer:
        return self._client.send(build, judge, tally)

    def _send_picture(
        self,
        picture: Image,
        build: Callable[[bytes], Call],
        judge: Judge,
        tally: Tally,
        *,
        max_bytes: int = MAX_UPLOAD_BYTES,
        smallest_bytes: int = SMALLEST_UPLOAD_BYTES,
    ) -> Answer:
        """The good answer to a call that holds the picture's file, in the largest version taken.

        Raises BadImage where even the smallest is refused, MarketplaceError, Stopping.
        """
        uploads = iter_uploads(picture, max_bytes=max_bytes, smallest_bytes=smallest_bytes)
        return self._send_fitting(
            uploads, lambda data: self._send(partial(build, data), judge, tally)
        )

    def _reading(self) -> AbstractContextManager[None]:
        return naming(self.name)

    def _send_fitting(self, uploads: Iterator[bytes], send: Callable[[bytes], T]) -> T:
        """What `send` gives for the first version of a picture that is not too large.

        Raises BadImage where even the smallest is refused, and what `send` raises.
        """
        size = 0
        for data in uploads:
            try:
                return send(data)
            except PictureTooLarge:
                size = len(data)
        raise BadImage(f"{self.name}: refused as too large even at {size} bytes")
