"""Channel URLs: instantiated with our limits, or refused with a reason that shows no secret."""

from __future__ import annotations

import difflib
import math
import re
import warnings
from functools import cache

from apprise import Apprise, AppriseAsset, NotifyBase
from apprise.common import OverflowMode
from apprise.manager_plugins import NotificationManager

from monitor.channels.services import register
from monitor.channels.transport import captured

# Seconds. Connecting and waiting for the next byte both end well before the daemon's stop (10 s);
# a URL may ask for less by `cto` and `rto`, never for more.
CONNECT_TIMEOUT = 3.0
READ_TIMEOUT = 6.0
# Mail has one timeout for every step, and a server may take seconds to look through a message.
MAIL_TIMEOUT = 7.0

_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]{0,29})://")
_TWO_URLS = re.compile(r"://\S*?[\s,;]+[A-Za-z][A-Za-z0-9+.-]*://")


class _Asset(AppriseAsset):
    """Sends in the caller's thread: the limits are ours (channel.py), so apprise needs no pool."""

    async_mode = False
    _service_timeout = 0.0


def check_url(url: str) -> str | None:
    """Why `url` can't be used as a channel, or None if it can. The reason never shows a secret."""
    if not url.strip():
        return "the URL is empty"
    match = _SCHEME.match(url)
    if match is None:
        return "not a URL: it has no scheme such as mailto:// or slack://"
    if _TWO_URLS.search(url):
        return "more than one URL; give each its own channel"
    if open_service(url) is not None:
        return None
    scheme, known = match[1].lower(), _known_schemes()
    if scheme in known:
        return f"the {scheme}:// URL is incomplete or malformed; see apprise's page on {scheme}"
    near = difflib.get_close_matches(scheme, known, n=1)
    hint = f"; did you mean {near[0]}://?" if near else "; see apprise's list of services"
    if scheme in ("http", "https"):
        hint = "; for a webhook of your own use json:// or jsons://"
    return f"{scheme}:// is no known service{hint}"


def open_service(url: str) -> NotifyBase | None:
    """A fresh apprise service with our limits, or None if apprise doesn't take the URL.

    Fresh for each send: a service that is kept waits 5.5 s between messages.
    """
    _known_schemes()
    with captured():
        service = Apprise.instantiate(url.strip(), asset=_Asset())
    if service is None:
        return None
    service.request_rate_per_sec = 0  # nor between the parts of one message
    service.retry = 0  # our rows are the retry; a wait in here would hold up a stop
    service.optional = False  # a failed send must not count as sent
    # Whatever the URL says: nothing is cut. We split before (pieces.py); this is for a text that
    # grows as apprise converts it.
    service.overflow_mode = OverflowMode.SPLIT
    _limit(service, url)
    return service


def _limit(service: NotifyBase, url: str) -> None:
    """Cap the service's timeouts; a smaller one in the URL stays."""
    has_one_for_all = type(service).socket_connect_timeout > READ_TIMEOUT
    connect = MAIL_TIMEOUT if has_one_for_all else CONNECT_TIMEOUT
    service.socket_connect_timeout = _timeout(url, "cto", connect)
    service.socket_read_timeout = _timeout(url, "rto", READ_TIMEOUT)


def _timeout(url: str, name: str, cap: float) -> float:
    match = re.search(rf"[?&]{name}=([^&#]*)", url, re.IGNORECASE)
    try:
        value = float(match[1]) if match else cap
    except ValueError:
        return cap
    return value if math.isfinite(value) and 0 < value <= cap else cap


@cache
def _known_schemes() -> list[str]:
    """Loads every service once; some bring libraries along that warn of their own old age."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        register()
        manager = NotificationManager()  # type: ignore[no-untyped-call]
        return [str(scheme) for scheme in manager.schemas()]  # type: ignore[no-untyped-call]
