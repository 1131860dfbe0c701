"""What comes of a message that was not accepted: the next try, or the end, and who is told."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

from monitor.alerting.context import AlertContext
from monitor.alerting.policy import (
    FIRST_RETRY,
    GIVE_UP_AFTER,
    LONGEST_RETRY,
    REFUSALS_TO_BREAK,
    REFUSED_FOR,
    REFUSED_RETRIES,
    RETRY_FACTOR,
    RETRY_SPREAD,
    TOLD_AFTER_ATTEMPTS,
)
from monitor.errors import ChannelError
from monitor.model.events import ChannelFailing, ChannelGaveUp, ChannelRefuses
from monitor.storage.db.engine import Connection
from monitor.storage.telling import alerts, channels, delivery_states
from monitor.storage.telling.channels import ChannelState
from monitor.storage.telling.deliveries import DueDelivery
from monitor.words import read_words

log = logging.getLogger(__name__)

# What stands at a delivery that was in hand when its process ended, ...
INTERRUPTED: Final = "interrupted while sending; it may have arrived"
# ... and at one that was never sent, as a stop or quiet hours came first.
STOPPED: Final = "stopped before it was sent"


def finish_failed(
    context: AlertContext, name: str, rest: Sequence[DueDelivery], error: ChannelError
) -> None:
    """Note in one transaction that `rest` was not accepted, and what follows. Raises StoreError."""
    now = context.clock()
    with context.store.writing() as conn:
        state = channels.note_failure(conn, name, now, is_permanent=error.permanent)
        if error.permanent and _is_broken(state, now):
            _break(context, conn, name, error, now)
            return
        next_try_at = _next_try(context, rest, error, state, now)
        expired = [item.id for item in rest if now - item.due_from_at > GIVE_UP_AFTER]
        others = [item.id for item in rest if now - item.due_from_at <= GIVE_UP_AFTER]
        delivery_states.fail(conn, others, context.owner, str(error), next_try_at)
        if expired:
            delivery_states.give_up(conn, expired, context.owner, str(error))
            _tell_expired(context, conn, name, len(expired), error, now)
        elif _is_worth_telling(rest, state):
            event = ChannelFailing(name, str(error))
            _tell(context, conn, name, str(state.failing_from), event, now)


def _is_broken(state: ChannelState, now: datetime) -> bool:
    since = state.refused_from or now
    return state.broken_at is not None or (
        state.refusals >= REFUSALS_TO_BREAK and now - since >= REFUSED_FOR
    )


def _next_try(
    context: AlertContext,
    rest: Sequence[DueDelivery],
    error: ChannelError,
    state: ChannelState,
    now: datetime,
) -> datetime:
    """When to try again, spread by up to a tenth; for all at once: they stay one message."""
    if error.permanent:
        wait = REFUSED_RETRIES[min(state.refusals, len(REFUSED_RETRIES)) - 1]
    else:
        exponent = min(max(item.attempts for item in rest) - 1, 20)
        wait = min(FIRST_RETRY * RETRY_FACTOR**exponent, LONGEST_RETRY)
    spread: float = context.random.uniform(0, RETRY_SPREAD)
    return now + wait * (1 + spread)


def _is_worth_telling(rest: Sequence[DueDelivery], state: ChannelState) -> bool:
    """Not for one message that a working channel doesn't take, nor for a moment's trouble."""
    attempts = max(item.attempts for item in rest)
    return min(attempts, state.failures) >= TOLD_AFTER_ATTEMPTS


def _break(
    context: AlertContext, conn: Connection, name: str, error: ChannelError, now: datetime
) -> None:
    given_up = channels.give_up(conn, name, context.owner, str(error), now)
    broken_at = channels.find(conn, name).broken_at
    log.error(
        "channel=%s refuses messages, given up alerts=%d error=%r", name, given_up, str(error)
    )
    event = ChannelRefuses(name, str(error), given_up)
    _tell(context, conn, name, f"refused:{broken_at}", event, now)


def _tell_expired(
    context: AlertContext,
    conn: Connection,
    name: str,
    count: int,
    error: ChannelError,
    now: datetime,
) -> None:
    """Once a day, as they may come to their end one after the other."""
    event = ChannelGaveUp(name, str(error), GIVE_UP_AFTER.days, count)
    _tell(context, conn, name, f"given-up:{now:%Y-%m-%d}", event, now)


def _tell(
    context: AlertContext,
    conn: Connection,
    name: str,
    cause: str,
    event: ChannelFailing | ChannelRefuses | ChannelGaveUp,
    now: datetime,
) -> None:
    """Tell the operator once of each cause, through other channels than the broken one."""
    alert_id = context.new_alert_id()
    is_new = alerts.add(
        conn,
        event,
        dedup_key=f"channel:{name}:{cause}",
        now=now,
        alert_id=alert_id,
    )
    if not is_new:
        return
    others = others_than(context, name)
    is_permanent = isinstance(event, ChannelRefuses)
    if not others and name in context.routes.ops and not is_permanent:
        others = (name,)  # there is no other, and it may come back
    if not others:
        text = read_words().tell(event)
        log.error("alert id=%s has no channel to go to: %s", alert_id, text)
    alerts.route(conn, alert_id, others, now)


def others_than(context: AlertContext, name: str) -> tuple[str, ...]:
    """Who hears that a channel is broken: the other `ops` channels, else every other one.

    Nobody where operator alerts have no channel at all: the config says so.
    """
    others = tuple(channel for channel in context.routes.ops if channel != name)
    if others or not context.routes.ops:
        return others
    return tuple(channel for channel in context.destinations if channel != name)


@lru_cache(maxsize=256)  # slow as it is, it is asked for again at each reload
def digest_of_url(name: str, url: str) -> str:
    """What tells a channel's URL from another, and gives it away to nobody.

    By scrypt, which is slow on purpose (about 20 ms): a URL may hold no more of a secret than a
    short password, and the digest stands in every backup.
    """
    salt = f"channel {name}".encode()
    return hashlib.scrypt(url.encode(), salt=salt, n=2**13, r=8, p=1, dklen=16).hex()
