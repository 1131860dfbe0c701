"""The dead man's switch: an address is visited while all is well.

When the visits stop, for whatever reason, somebody else raises the alarm: the one trouble that we
can't tell is our own end.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeAlias
from urllib.parse import urlsplit

from monitor.alerting.options import AlertOptions
from monitor.errors import OutsideError
from monitor.health.policy import PING_LIMITS
from monitor.net.wire import Call, Wire

log = logging.getLogger(__name__)

# Visits an address; raises OutsideError.
Visit: TypeAlias = Callable[[str], None]


class DeadMansSwitch:
    """Pings while all is well, and tells once when it is not. To be used by one thread.

    What was told is forgotten by a restart: the first look then pings in any case.
    """

    def __init__(
        self,
        url: str,
        every: timedelta,
        visit: Visit,
        *,
        tells_failure: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.every = every
        self._url = url
        self._visit = visit
        self._tells_failure = tells_failure
        self._monotonic = monotonic
        self._pinged_at: float | None = None
        self._has_told_failure = False
        self._is_unreachable = False

    def hold(self, problem: str | None) -> None:
        """Ping if all is well and it is time, or tell that it is not; never raises OutsideError.

        A visit that fails is tried again at the next call. Raises Stopping.
        """
        if problem is not None:
            self._tell_failure(problem)
        elif self._is_time() and self._try(self._url):
            self._pinged_at = self._monotonic()
            self._has_told_failure = False

    def _is_time(self) -> bool:
        if self._pinged_at is None or self._has_told_failure:
            return True  # what was told to be down is not to stay so
        return self._monotonic() - self._pinged_at >= self.every.total_seconds()

    def _tell_failure(self, problem: str) -> None:
        if self._has_told_failure:
            return
        if not self._tells_failure:
            self._has_told_failure = True
            log.warning("no more pings: %s", problem)
        elif self._try(fail_url(self._url)):
            self._has_told_failure = True
            log.warning("pinged that all is not well: %s", problem)

    def _try(self, url: str) -> bool:
        try:
            self._visit(url)
        except OutsideError as error:
            if not self._is_unreachable:
                log.warning("the ping failed: %s; trying again", error)
            self._is_unreachable = True
            return False
        if self._is_unreachable:
            log.info("the ping goes through again")
        self._is_unreachable = False
        return True


def fail_url(url: str) -> str:
    """The address by which healthchecks and its like learn of a failure."""
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path.rstrip('/')}/fail").geturl()


@contextmanager
def open_switch(
    options: AlertOptions, sleep: Callable[[float], None]
) -> Iterator[DeadMansSwitch | None]:
    """The switch of a config, if it has one. `sleep(0)` may raise Stopping during a visit."""
    if options.ping_url is None:
        yield None
        return
    wire = Wire(PING_LIMITS, sleep)
    try:
        yield DeadMansSwitch(
            options.ping_url.get_secret_value(),
            options.ping_every,
            lambda url: _get(wire, url),
            tells_failure=options.ping_fail,
        )
    finally:
        wire.close()


def _get(wire: Wire, url: str) -> None:
    """Raises OutsideError, whose message names the host only: the path is the secret."""
    answer = wire.exchange(Call("GET", url))
    if not 200 <= answer.status < 300:
        raise OutsideError(f"{urlsplit(url).hostname} answered {answer.status}")
