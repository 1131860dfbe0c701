"""API calls of one account: in turn, retried, with errors of our own tree and without secrets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import tenacity

from monitor.errors import MarketplaceError, ProtocolError, Throttled, Transient
from monitor.marketplaces.base import Outside
from monitor.marketplaces.kit.answers import Judge, error_of
from monitor.marketplaces.kit.refusals import hide
from monitor.net.wire import AddressRefused, Answer, AnswerRefused, Call, NoAnswer, Wire

log = logging.getLogger(__name__)

MAX_RETRIES = 3
# A longer Retry-After is not slept through in mid-scan: the account is held and the scan given up.
LONGEST_SLEEP = timedelta(minutes=2)
# Waits between tries, before jitter: 1, 2 and 4 s.
_FIRST_BACKOFF = 1.0


@dataclass(slots=True)
class Tally:
    """Counts the requests that were really made."""

    requests: int = 0


class PoliteClient:
    """API calls of one marketplace: in turn, retried, with errors of our own tree.

    No message repeats one of `secrets`, whatever the site echoes.
    """

    def __init__(self, name: str, outside: Outside, secrets: Sequence[str] = ()) -> None:
        self._name = name
        self._outside = outside
        self._secrets = tuple(secrets)
        self._wire = Wire(outside.limits, outside.sleep, proxy=outside.proxy)

    def send(self, build: Callable[[], Call], judge: Judge, tally: Tally) -> Answer:
        """The good answer to a call, which is built anew for each try (signatures hold a time).

        Throttled and Transient are retried three times, waiting as long as the site asks. Raises
        MarketplaceError with the marketplace's name in front, or Stopping.
        """
        retrying = tenacity.Retrying(
            sleep=self._outside.sleep,
            stop=tenacity.stop_after_attempt(1 + MAX_RETRIES),
            wait=self._wait,
            retry=tenacity.retry_if_exception(_is_worth_a_retry),
            before_sleep=self._tell,
            reraise=True,
        )
        answer: Answer = retrying(self._try, build, judge, tally)
        return answer

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def _try(self, build: Callable[[], Call], judge: Judge, tally: Tally) -> Answer:
        self._outside.pace.wait()
        tally.requests += 1
        try:
            answer = self._wire.exchange(build())
        except NoAnswer as error:
            raise Transient(f"{self._name}: {error}") from error
        except (AnswerRefused, AddressRefused) as error:
            raise ProtocolError(f"{self._name}: {error}") from error
        failure = error_of(answer, judge, self._outside.now())
        if failure is None:
            return answer
        self._hold(failure)
        if _asked_wait(failure) > LONGEST_SLEEP:
            failure = Throttled(f"{failure}, for a long time", retry_after=_asked_wait(failure))
        failure.args = (f"{self._name}: {hide(str(failure), self._secrets)}",)
        raise failure

    def _hold(self, failure: MarketplaceError) -> None:
        """Keep everybody off the account for as long as the site asks."""
        if isinstance(failure, Throttled | Transient) and failure.retry_after:
            self._outside.pace.hold(failure.retry_after)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds until the next try: doubling, up to half more by chance, never below asked."""
        backoff = _FIRST_BACKOFF * 2 ** (state.attempt_number - 1)
        backoff *= 1 + self._outside.rng.random() / 2
        asked = _asked_wait(state.outcome.exception() if state.outcome else None)
        return float(max(backoff, asked.total_seconds()))

    def _tell(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("%s; try %d follows", error, state.attempt_number + 1)
        if isinstance(error, Throttled) and not error.retry_after and state.next_action:
            # the site didn't say for how long: everybody waits as long as this caller does
            self._outside.pace.hold(timedelta(seconds=state.next_action.sleep))


def _is_worth_a_retry(error: BaseException) -> bool:
    return isinstance(error, Throttled | Transient) and _asked_wait(error) <= LONGEST_SLEEP


def _asked_wait(error: BaseException | None) -> timedelta:
    asked = error.retry_after if isinstance(error, Throttled | Transient) else None
    return asked or timedelta(0)
