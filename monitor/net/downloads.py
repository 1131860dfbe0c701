"""Downloads listing pictures: third parties' addresses, so nothing about them is trusted."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import tenacity

from monitor.errors import FetchFailed, FetchRefused
from monitor.model import FileVersion
from monitor.net.addresses import is_loopback, is_loopback_host, is_public
from monitor.net.urls import absolute_url, is_on
from monitor.net.wire import (
    AddressRefused,
    Answer,
    AnswerRefused,
    Call,
    ExchangeLimits,
    NoAnswer,
    Resolve,
    Wire,
    resolve,
)

DOWNLOAD_LIMITS = ExchangeLimits(connect=10.0, read=15.0, total=60.0, max_bytes=20_000_000)
MAX_REDIRECTS = 3
MAX_TRIES = 3
# No further try or redirect begins later than this after the first, in seconds.
LONGEST_FETCH = 90.0
# Waits between tries: 0.5 and 1 s.
_FIRST_BACKOFF = 0.5
# Per host: downloads at once, and seconds between two starts (not on loopback).
HOST_CONCURRENCY = 3
HOST_SPACING = 0.05
# Other ports of public hosts serve no pictures, but may serve what is nobody's business.
_PUBLIC_PORTS = (None, 443, 8443)
_MISSING = (404, 410)
_UNCHANGED = 304
# Some hosts send WebP or AVIF under any name to whoever takes it; the bytes decide, not the name.
_ACCEPT = "image/jpeg, image/png, image/*;q=0.5, */*;q=0.1"
# What may be sent back to a server (RFC 9110, 8.8.3 and 5.6.7): `*` would mean any file at all.
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{1,200}"')
_DATE = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT")


_UNKNOWN = FileVersion()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A downloaded file. `version` is what the server at the address asked for calls it; empty
    where it came from somewhere else: the fallback's address or a redirect's.
    """

    data: bytes
    version: FileVersion = _UNKNOWN


class _Missing(FetchFailed):
    """There is no such picture: another address may have it."""


class _Temporary(FetchFailed):
    """The same address may work in a moment."""


class PictureFetcher:
    """Fetches pictures for any number of threads, politely to each host.

    Over https from public addresses only; `allow_loopback` lets this machine's loopback in, with
    http and any port, and no other private address. `sleep` may raise Stopping. `referers` says
    which hosts, with all below them, are asked once more with which Referer after a 403. Fetchers
    that share their `lanes` are polite together.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool,
        sleep: Callable[[float], None],
        resolve: Resolve = resolve,
        limits: ExchangeLimits = DOWNLOAD_LIMITS,
        monotonic: Callable[[], float] = time.monotonic,
        ssl_context: ssl.SSLContext | None = None,
        referers: Mapping[str, str] | None = None,
        lanes: HostLanes | None = None,
    ) -> None:
        self._referers = referers or {}
        self._allow_loopback = allow_loopback
        self._sleep = sleep
        self._resolve = resolve
        self._monotonic = monotonic
        self._lanes = lanes or HostLanes(sleep, monotonic)
        self._wire = Wire(
            limits, sleep, resolve=self._vet, monotonic=monotonic, ssl_context=ssl_context
        )

    def fetch(self, url: str, fallback_url: str | None = None) -> Fetched:
        """The file at `url`, or at `fallback_url` where the first is missing (404).

        Raises FetchRefused, FetchFailed or Stopping; messages name the host, never a query.
        """
        fetched = self.fetch_changed(url, fallback_url, _UNKNOWN)
        if fetched is None:
            raise FetchFailed(f"{_host(url)}: no picture but HTTP {_UNCHANGED}")
        return fetched

    def fetch_changed(
        self, url: str, fallback_url: str | None, known: FileVersion
    ) -> Fetched | None:
        """The file like `fetch`; None where the server says that it still is the `known` version.

        A server that keeps no versions sends the file again.
        """
        try:
            return self._fetch(url, known)
        except _Missing:
            if fallback_url is None:
                raise
        fetched = self._fetch(fallback_url, _UNKNOWN)
        return None if fetched is None else Fetched(fetched.data)

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def _fetch(self, url: str, known: FileVersion) -> Fetched | None:
        end = self._monotonic() + LONGEST_FETCH
        retrying = tenacity.Retrying(
            sleep=self._sleep,
            stop=lambda state: state.attempt_number >= MAX_TRIES or self._monotonic() > end,
            wait=tenacity.wait_exponential(multiplier=_FIRST_BACKOFF),
            retry=tenacity.retry_if_exception_type(_Temporary),
            reraise=True,
        )
        fetched: Fetched | None = retrying(self._follow, url, known, end)
        return fetched

    def _follow(self, url: str, known: FileVersion, end: float) -> Fetched | None:
        """The file behind at most three redirects, each address checked like the first.

        Only the first address is asked about the known version: it is its own.
        """
        condition = _condition(known)
        for hops in range(MAX_REDIRECTS + 1):
            url = self._checked(url)
            answer = self._get(url, {} if hops else condition)
            if answer.status == _UNCHANGED and condition and not hops:
                return None
            location = answer.headers.get("location")
            if not 300 <= answer.status < 400 or location is None:
                return Fetched(_body(answer), _UNKNOWN if hops else _version(answer))
            if self._monotonic() > end:
                raise FetchFailed(f"{_host(url)}: redirects took too long")
            try:
                url = urljoin(url, location)
            except ValueError as error:
                raise FetchRefused(f"{_host(url)}: redirected to what is no address") from error
        raise FetchRefused(f"{_host(url)}: more than {MAX_REDIRECTS} redirects")

    def _checked(self, url: str) -> str:
        """The address in its normal form. Raises FetchRefused."""
        checked = absolute_url(url, allow_loopback=self._allow_loopback)
        parts = urlsplit(checked)
        is_local = self._allow_loopback and is_loopback_host(parts.hostname or "")
        if not is_local and parts.port not in _PUBLIC_PORTS:
            raise FetchRefused(f"{parts.hostname}: port {parts.port} is not one for pictures")
        return checked

    def _get(self, url: str, condition: Mapping[str, str]) -> Answer:
        headers = {"Accept": _ACCEPT, **condition}
        answer = self._exchange(Call("GET", url, headers=headers))
        if answer.status != 403:
            return answer
        for domain, referer in self._referers.items():
            if is_on(url, domain):
                return self._exchange(Call("GET", url, headers={**headers, "Referer": referer}))
        return answer

    def _exchange(self, call: Call) -> Answer:
        try:
            with self._lanes.enter(_host(call.url)):
                return self._wire.exchange(call)
        except (AddressRefused, AnswerRefused) as error:
            raise FetchRefused(str(error)) from error
        except NoAnswer as error:
            raise _Temporary(str(error)) from error

    def _vet(self, host: str, port: int) -> list[str]:
        """The addresses to dial; one that is not allowed refuses the host, whatever else it has."""
        addresses = self._resolve(host, port)
        for address in addresses:
            if not is_public(address) and not (self._allow_loopback and is_loopback(address)):
                raise AddressRefused(f"{host} is at {address}, which is not a public address")
        return addresses


class HostLanes:
    """Turns per host: so many downloads at once, and a pause between their starts."""

    def __init__(
        self, sleep: Callable[[float], None], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._sleep = sleep
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._slots: dict[str, threading.Semaphore] = {}
        self._next: dict[str, float] = {}

    @contextmanager
    def enter(self, host: str) -> Iterator[None]:
        """Wait for a turn on `host` and hold it. Raises Stopping."""
        with self._lock:
            slot = self._slots.setdefault(host, threading.Semaphore(HOST_CONCURRENCY))
        while not slot.acquire(timeout=0.5):
            self._sleep(0.0)
        try:
            wait = self._reserve(host)
            if wait > 0:
                self._sleep(wait)
            yield
        finally:
            slot.release()

    def _reserve(self, host: str) -> float:
        """Seconds until this start's turn."""
        spacing = 0.0 if is_loopback_host(host) else HOST_SPACING
        with self._lock:
            now = self._monotonic()
            start = max(now, self._next.get(host, now))
            self._next[host] = start + spacing
        return start - now


def _condition(known: FileVersion) -> dict[str, str]:
    """Headers that ask for the file only if it is another (RFC 9110, 13.1).

    The date has whole seconds only, so the tag goes alone where there is one.
    """
    if known.etag is not None:
        return {"If-None-Match": known.etag}
    return {} if known.last_modified is None else {"If-Modified-Since": known.last_modified}


def _version(answer: Answer) -> FileVersion:
    etag = answer.headers.get("etag", "")
    date = answer.headers.get("last-modified", "")
    return FileVersion(
        etag if _ETAG.fullmatch(etag) else None, date if _DATE.fullmatch(date) else None
    )


def _body(answer: Answer) -> bytes:
    """The picture's bytes, or the error that the status stands for."""
    host, status = _host(answer.url), answer.status
    if status in _MISSING:
        raise _Missing(f"{host}: there is no such picture (HTTP {status})")
    if status >= 500 or status in (408, 429):
        raise _Temporary(f"{host}: the server failed (HTTP {status})")
    if status not in (200, 203):
        raise FetchFailed(f"{host}: no picture but HTTP {status}")
    if not answer.body:
        raise FetchFailed(f"{host}: an empty file")
    return answer.body


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the address"
