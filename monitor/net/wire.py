"""HTTP to the outside: the only module that knows httpx and httpcore.

`Wire` makes one exchange within limits of time and size. No message or log holds a query or header.
"""

from __future__ import annotations

import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import TypeAlias

import httpcore
import httpx

from monitor.errors import OutsideError

# Both log whole URLs, secrets included.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

# How long a stop may go unnoticed while a server is silent, in seconds.
_NOTICE = 0.5
_WRITE_CHUNK = 65_536
# Printable, without blanks around it (RFC 9110, 5.5).
_HEADER = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?")
USER_AGENT = f"infringement-monitor/{version('infringement-monitor')}"

# (host, port) -> the addresses to dial, in order. Raises AddressRefused, or OSError.
Resolve: TypeAlias = Callable[[str, int], list[str]]


class NoAnswer(OutsideError):
    """No whole answer came: unreachable, too slow or cut off. Mapped by both users."""

    retryable = True


class AnswerRefused(OutsideError):
    """We don't take the answer: too large, or packed. Mapped by both users."""


class AddressRefused(OutsideError):
    """We don't make that call: its address or a header is not fit. Mapped by both users."""


@dataclass(frozen=True, slots=True)
class ExchangeLimits:
    """How long and how much one HTTP exchange may take: seconds and bytes.

    `connect` holds for all addresses of a host together, `read` for each silence, `total` for the
    whole exchange from the connection to the last byte.
    """

    connect: float
    read: float
    total: float
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer; header names are lower-case, repeated headers are joined by commas."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_html(self) -> bool:
        """Whether it is a web page (or XML), by its type or its first character."""
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        start = self.body[:200].removeprefix(b"\xef\xbb\xbf").lstrip()
        return kind in ("text/html", "application/xhtml+xml") or start.startswith(b"<")


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `params` join the query of `url`.

    The body is `json` (a value), or `form` fields with `files` (name, bytes, type) beside them,
    which make it multipart.
    """

    method: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, tuple[str, bytes, str]] = field(default_factory=dict)
    json: object = None


def resolve(host: str, port: int) -> list[str]:
    """Every address of a host, as the system finds them. Raises OSError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that no host name can have
        raise OSError("not a host name") from error
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class Wire:
    """HTTP exchanges within limits, for any number of threads.

    Addresses are found once by `resolve` and exactly these are dialled, so that a name can't
    change between check and use. `sleep(0)` is called while a server is silent: it may raise
    Stopping.
    """

    def __init__(
        self,
        limits: ExchangeLimits,
        sleep: Callable[[float], None],
        *,
        resolve: Resolve = resolve,
        monotonic: Callable[[], float] = time.monotonic,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
    ) -> None:
        self._limits = limits
        self._deadline = _Deadline(limits, sleep, monotonic)
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context or _trust(),
            max_connections=32,
            max_keepalive_connections=8,
            keepalive_expiry=15.0,
            network_backend=_Network(resolve, self._deadline),
            proxy=_proxy(proxy) if proxy else None,
        )

    def exchange(self, call: Call) -> Answer:
        """One request and its whole answer; redirects are not followed, cookies not kept.

        Raises NoAnswer, AnswerRefused, AddressRefused, or Stopping.
        """
        try:
            request = _build(call)
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise AddressRefused("the address can't be read as a URL") from error
        host = httpx.URL(call.url).host
        try:
            with self._deadline.begin():
                response = self._pool.handle_request(request)
                try:
                    return self._read(call, response, host)
                finally:
                    response.close()
        except httpcore.ProxyError as error:
            raise NoAnswer(f"{host}: the proxy refused ({str(error)[:100]})") from error
        except (httpcore.NetworkError, httpcore.TimeoutException) as error:
            raise NoAnswer(f"{host}: {_reason(error)}") from error
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise NoAnswer(f"{host}: the answer was cut off or is not HTTP") from error

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def _read(self, call: Call, response: httpcore.Response, host: str) -> Answer:
        headers = _headers(response)
        packing = headers.get("content-encoding", "").strip().lower()
        if packing not in ("", "identity"):
            # not unpacked: a few bytes may unpack to gigabytes
            raise AnswerRefused(f"{host}: the answer is packed{_named(packing)}, which we refused")
        limit = self._limits.max_bytes
        announced = headers.get("content-length", "")[:20]
        too_large = announced.isdigit() and int(announced) > limit
        body = bytearray()
        for chunk in () if too_large else response.iter_stream():
            body += chunk
            if too_large := len(body) > limit:
                break
        if too_large:
            raise AnswerRefused(f"{host}: the answer is over {limit} bytes")
        return Answer(call.url, response.status, headers, bytes(body))


class _Deadline(threading.local):
    """The end of the exchange in hand: one per thread, as exchanges never change threads."""

    def __init__(
        self, limits: ExchangeLimits, sleep: Callable[[float], None], monotonic: Callable[[], float]
    ) -> None:
        self.limits = limits
        self.monotonic = monotonic
        self._sleep = sleep
        self._end = float("inf")

    @contextmanager
    def begin(self) -> Iterator[None]:
        """Start the clock for one exchange."""
        self._end = self.monotonic() + self.limits.total
        try:
            yield
        finally:
            self._end = float("inf")

    def iter_slices(self, patience: float) -> Iterator[float]:
        """Timeouts short enough to notice a stop, until `patience` or the exchange is over."""
        end = min(self.monotonic() + patience, self._end)
        while (left := end - self.monotonic()) > 0:
            yield min(left, _NOTICE)
            self.notice_stop()

    def notice_stop(self) -> None:
        """Raises Stopping when told to stop."""
        self._sleep(0.0)


class _Network(httpcore.NetworkBackend):
    """Dials exactly the addresses that `resolve` returned."""

    def __init__(self, resolve: Resolve, deadline: _Deadline) -> None:
        self._resolve = resolve
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = self._resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError("its name was not found") from error
        end = self._deadline.monotonic() + self._deadline.limits.connect
        failure: Exception = httpcore.ConnectError("its name has no address")
        for index, address in enumerate(addresses):
            left = max(0.1, end - self._deadline.monotonic()) / (len(addresses) - index)
            try:
                stream = self._inner.connect_tcp(address, port, left, None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                self._deadline.notice_stop()
                continue
            return _Stream(stream, self._deadline)
        raise failure


class _Stream(httpcore.NetworkStream):
    """A connection that keeps the deadline, however slowly bytes drip, and notices a stop."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        for part in self._deadline.iter_slices(self._deadline.limits.read):
            try:
                return self._inner.read(max_bytes, part)
            except httpcore.ReadTimeout:
                continue
        raise httpcore.ReadTimeout("too slow")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        for start in range(0, len(buffer), _WRITE_CHUNK):
            # a write that timed out may have sent a part: it can't be begun again
            left = next(self._deadline.iter_slices(self._deadline.limits.read), None)
            if left is None:
                raise httpcore.WriteTimeout("too slow")
            self._inner.write(buffer[start : start + _WRITE_CHUNK], self._deadline.limits.read)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        patience = self._deadline.limits.connect
        return _Stream(
            self._inner.start_tls(ssl_context, server_hostname, patience), self._deadline
        )

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


@cache
def _trust() -> ssl.SSLContext:
    """Whom we believe; read once for all wires, as it takes some 30 ms."""
    return httpx.create_ssl_context(trust_env=False)


def _build(call: Call) -> httpcore.Request:
    """The request as it goes out; httpx makes the multipart body and its boundary."""
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **call.headers}
    for name, value in headers.items():
        if not _HEADER.fullmatch(value):
            # said here, as below it would be said with the value, which may be a key
            raise AddressRefused(f"the header {name} holds what no header can: look for a blank")
    url = httpx.URL(call.url).copy_merge_params(dict(call.params))
    made = httpx.Request(
        call.method,
        url,
        headers=headers,
        data=dict(call.form) or None,
        files=dict(call.files) or None,
        json=call.json,
    )
    target = httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
    return httpcore.Request(
        method=call.method, url=target, headers=made.headers.raw, content=made.read()
    )


def _proxy(address: str) -> httpcore.Proxy:
    """A forward proxy; user name and password may stand in its address."""
    url = httpx.URL(address)
    auth = (url.username, url.password) if url.username else None
    bare = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/")
    return httpcore.Proxy(bare, auth=auth)


def _headers(response: httpcore.Response) -> dict[str, str]:
    """Lower-case names; repeated headers joined as RFC 9110 says."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _named(packing: str) -> str:
    """Its name, if it is one: a header's value is the server's to write."""
    return f" ({packing})" if packing in ("gzip", "deflate", "br", "zstd", "compress") else ""


def _reason(error: Exception) -> str:
    """Why no answer came, in plain words."""
    if isinstance(error, httpcore.TimeoutException):
        return "no whole answer within the time limit"
    return f"no connection, or it broke ({str(error)[:100] or type(error).__name__})"
