"""An HTTP answer -> the error it stands for. Pure: no network, no waiting.

Order of judgement: the status where it is clear by itself (401, 413, 429, 5xx, redirects), then
what the adapter reads in the body, then the remaining statuses. A 401 stays an AuthError; the body
may say of which kind. A 429 or 5xx is a used-up quota where the body says so: some gateways say
everything under one status.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeAlias
from urllib.parse import SplitResult, urljoin, urlsplit

from monitor.errors import (
    AuthError,
    BadImage,
    Blocked,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.net.wire import Answer

# Nobody means a longer Retry-After; a larger number would overflow a date.
LONGEST_RETRY_AFTER = timedelta(days=1)
# A clock that is off by less is not worth a word.
SMALL_SKEW_SECONDS = 5


class PictureTooLarge(BadImage):
    """HTTP 413, or the same said in words: a smaller version of the picture may pass."""


# What an adapter reads in a body: the error it tells of, or None for no error.
Judge: TypeAlias = Callable[[Answer], MarketplaceError | None]


def error_of(answer: Answer, judge: Judge, now: float) -> MarketplaceError | None:
    """The error that an answer stands for, or None for a good one. `now` is epoch seconds."""
    clear = _by_clear_status(answer, now)
    if clear is not None and not isinstance(clear, Throttled | AuthError | Transient):
        return clear
    refusal = None if answer.is_html else judge(answer)
    if isinstance(refusal, AuthError):
        refusal = auth_error(str(refusal), answer, now, kind=type(refusal))
    if isinstance(clear, AuthError):
        # a site may say in the body which of its credentials it refuses
        return refusal if isinstance(refusal, AuthError) else clear
    if clear is not None:
        return refusal if isinstance(refusal, QuotaExhausted) else clear
    return refusal or _by_status(answer)


def auth_error(
    problem: str, answer: Answer, now: float, *, kind: type[AuthError] = AuthError
) -> AuthError:
    """An AuthError that says what to check, with this clock's skew where the answer shows it."""
    advice = "check the key, the secret or token and this machine's clock"
    date = _parse_date(answer.headers.get("date", ""))
    if date is None:
        return kind(f"{problem}: {advice} (the answer has no Date to compare it with)")
    skew = now - date.timestamp()
    if abs(skew) < SMALL_SKEW_SECONDS:
        return kind(f"{problem}: {advice} (the clock agrees with the site's)", skew=skew)
    side = "ahead of" if skew > 0 else "behind"
    text = f"{problem}: {advice}, which is {abs(skew):.0f} s {side} the site's"
    return kind(text, skew=skew)


def retry_after(answer: Answer, now: float) -> timedelta | None:
    """The wait that an answer asks for, from 0 to a day; None where it asks for none.

    Seconds or an HTTP date (RFC 9110, 10.2.3); a date is compared with the answer's own Date.
    """
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        # no more digits than can matter: huge numbers are slow to read
        return min(timedelta(seconds=int(text[:9])), LONGEST_RETRY_AFTER)
    date = _parse_date(text)
    if date is None:
        return None
    since = _parse_date(answer.headers.get("date", "")) or datetime.fromtimestamp(now, UTC)
    return min(max(date - since, timedelta(0)), LONGEST_RETRY_AFTER)


def _by_clear_status(answer: Answer, now: float) -> MarketplaceError | None:
    """What the status says beyond doubt, whatever the body is."""
    status = answer.status
    if 300 <= status < 400:
        return _redirect(answer)
    if status == 401:
        return auth_error("the site refused the credentials (HTTP 401)", answer, now)
    if status == 413:
        return PictureTooLarge("the site finds the picture too large (HTTP 413)")
    wait = retry_after(answer, now)
    if status == 429:
        return Throttled("the site wants fewer calls (HTTP 429)", retry_after=wait)
    if status >= 500 or status == 408:
        return Transient(f"the site failed (HTTP {status})", retry_after=wait)
    return None


def _by_status(answer: Answer) -> MarketplaceError | None:
    """What the status says where the body says nothing."""
    status = answer.status
    if answer.is_html and status != 404:
        return Blocked(f"a web page (HTTP {status}) came where an answer was expected")
    if status == 200:
        return None
    if status == 402:
        return QuotaExhausted("the site asks for payment (HTTP 402)")
    if status == 403:
        return PermissionDenied("this key may not use the search (HTTP 403): check its permissions")
    if status in (415, 422):
        return BadImage(f"the site refuses the picture (HTTP {status})")
    advice = "check base_url" if status == 404 else "the site or this adapter has changed"
    return ProtocolError(f"HTTP {status}, which is no answer to a search: {advice}")


def _redirect(answer: Answer) -> MarketplaceError:
    """A redirect is a wall, except to the same place over https: then base_url is outdated."""
    here, there = urlsplit(answer.url), _target(answer)
    is_same = there is not None and (there.hostname, there.path) == (here.hostname, here.path)
    if there is not None and is_same and there.scheme != here.scheme:
        return ProtocolError(f"the search moved to {there.scheme}://: correct base_url")
    where = there.hostname if there is not None else None
    return Blocked(f"redirected (HTTP {answer.status}) to {where or 'an unknown address'}")


def _target(answer: Answer) -> SplitResult | None:
    try:
        target = urlsplit(urljoin(answer.url, answer.headers.get("location", "")))
        return target if target.hostname else None
    except ValueError:
        return None


def _parse_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
