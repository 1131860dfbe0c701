"""Errors in the shape of google.rpc.Status, `{code, message, details}`. Pure.

Google and Yandex Cloud speak it: `code` is a number of gRPC, or the HTTP status with the code's
name in `status`. Codes: https://grpc.io/docs/guides/status-codes/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitor.errors import (
    AuthError,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.marketplaces.kit.answers import PictureTooLarge
from monitor.marketplaces.kit.listings import dig, listed
from monitor.marketplaces.kit.refusals import ErrorKind, meaning_of, refusal
from monitor.marketplaces.kit.values import Json, clean_text

_NAMES = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND"),
    *("ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"),
    *("ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"),
    "UNAUTHENTICATED",
)
_BY_HTTP = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
}
_CLEAR: dict[str, ErrorKind] = {
    "CANCELLED": Transient,
    "DEADLINE_EXCEEDED": Transient,
    "NOT_FOUND": ProtocolError,
    "PERMISSION_DENIED": PermissionDenied,
    "ABORTED": Transient,
    "UNIMPLEMENTED": ProtocolError,
    "INTERNAL": Transient,
    "UNAVAILABLE": Transient,
    "UNAUTHENTICATED": AuthError,
}
# What the shared words would misread: sizes "exceed a limit" too, and keys of a wrong project.
_MEANINGS: tuple[tuple[re.Pattern[str], ErrorKind], ...] = (
    (re.compile(r"(payload|request|message|content|data):? (size|length)|larger than max", re.I),
     PictureTooLarge),
    (re.compile(r"billing|folder", re.I), PermissionDenied),
    (re.compile(r"unknown name|cannot find field|invalid json", re.I), ProtocolError),
)  # fmt: skip
# A refusal for now is "per minute", "per second", "per hour", or says nothing of a time.
_FOR_LONG = re.compile(r"per ?(day|month)|daily|monthly|billing|balance|run out", re.IGNORECASE)


def status_error(said: Json, http_status: int = 200) -> MarketplaceError:
    """The error that a google.rpc.Status tells of; by the HTTP status where it has no code."""
    name = _name(said) or _BY_HTTP.get(http_status, "")
    words = " ".join(filter(None, _iter_words(said)))
    kind = _kind(name, words)
    return refusal(words, code=name, codes={name: kind})


def _kind(name: str, words: str) -> ErrorKind:
    if name == "RESOURCE_EXHAUSTED":
        return QuotaExhausted if _FOR_LONG.search(words) else Throttled
    if name in _CLEAR:
        return _CLEAR[name]
    found = next((kind for pattern, kind in _MEANINGS if pattern.search(words)), None)
    return found or meaning_of(words)


def _name(said: Json) -> str:
    """The code's name; "" where there is none, or none that is known."""
    status, code = dig(said, "status"), dig(said, "code")
    if isinstance(status, str) and status in _NAMES:
        return status
    if isinstance(code, bool) or not isinstance(code, int):
        return ""
    return _NAMES[code] if 0 <= code < len(_NAMES) else _BY_HTTP.get(code, "")


def _iter_words(said: Json) -> Iterator[str]:
    yield clean_text(said, 300)
    yield clean_text(dig(said, "message"), 300)
    for detail in listed(dig(said, "details"))[:5]:
        yield clean_text(dig(detail, "reason"), 100)
        yield clean_text(dig(detail, "metadata", "quota_limit"), 100)
