"""send: a claimed batch, part by part; what is accepted is finished before the next goes out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from monitor.alerting.context import AlertContext, Destination
from monitor.alerting.drawings import drawn
from monitor.alerting.gate import quiet_until
from monitor.alerting.isolate import Isolation, Share
from monitor.alerting.options import ChannelOptions
from monitor.alerting.policy import MOST_REVIVED_ATTEMPTS
from monitor.alerting.rendering import Part, Plainness, render, render_plain, told_with_pictures
from monitor.alerting.retry import STOPPED
from monitor.alerting.spacing import await_pace
from monitor.channels import Capacity, Sent
from monitor.errors import ChannelError, NotFound, Stopping, StoreError
from monitor.storage.telling import channels, delivery_states
from monitor.storage.telling.deliveries import DueDelivery
from monitor.words import Words

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Sending:
    """A claimed batch on its way: `done` are the ids of what was accepted, `in_hand` of what may
    have been, as its sending has begun. Once it `is_over`, the rest is not ours any more.
    """

    context: AlertContext
    destination: Destination
    options: ChannelOptions
    batch: list[DueDelivery]
    spacing: timedelta
    isolation: Isolation
    done: set[int] = field(default_factory=set)
    in_hand: frozenset[int] = frozenset()
    tries: int = 0
    parts: int = 0
    is_over: bool = False

    @property
    def name(self) -> str:
        return self.destination.channel.name

    @property
    def words(self) -> Words:
        return self.context.words_of(self.options)

    @property
    def rest(self) -> list[DueDelivery]:
        return [item for item in self.batch if item.id not in self.done]


def send(sending: Sending) -> ChannelError | None:
    """Send part by part; why the rest was not accepted, or None."""
    try:
        _send_parts(sending)
    except ChannelError as error:
        return error
    except (NotFound, StoreError, Stopping):
        raise
    except Exception as error:
        # Border: one delivery. Whatever a transport raises, the row keeps it and tries again.
        log.exception("channel %s", sending.name)
        return ChannelError(f"unexpected {type(error).__name__}")
    return None


def what_is_aside(sending: Sending) -> ChannelError | None:
    """Why some alerts were not accepted although the batch went out; None if all were."""
    return sending.isolation.error if sending.isolation.aside and not sending.is_over else None


def give_back(sending: Sending) -> None:
    """What was not sent yet is due at once for whoever comes next."""
    ids = [item.id for item in sending.rest if item.id not in sending.in_hand]
    with sending.context.store.writing() as conn:
        delivery_states.give_back(conn, ids, sending.context.owner, STOPPED)


def _send_parts(sending: Sending) -> None:
    """Share by share: first the whole batch, and less and less of it while it is refused."""
    context, capacity = sending.context, sending.destination.channel.capacity
    isolation = sending.isolation
    shown = told_with_pictures(sending.batch, sending.options, capacity)
    with drawn(context, shown, sending.words) as drawings:
        while isolation.shares and not sending.is_over:
            share = isolation.shares.popleft()
            parts = _render(sending, share, capacity, drawings)
            _send_share(sending, share, parts)


def _render(
    sending: Sending, share: Share, capacity: Capacity, drawings: Mapping[int, Path]
) -> tuple[Part, ...]:
    """Raises ChannelError for an alert that is in no part: it would be lost without a word."""
    context, options = sending.context, sending.options
    if share.plainness is Plainness.FULL:
        parts = render(
            share.items,
            options,
            sending.words,
            capacity,
            context.files,
            drawings,
            context.templates,
        )
    else:
        parts = render_plain(share.items, sending.words, capacity, share.plainness)
    told = {number for part in parts for number in part.delivery_ids}
    if left := sum(item.id not in told for item in share.items):
        raise ChannelError(f"{left} of {len(share.items)} alerts are in no part of the message")
    return parts


def _send_share(sending: Sending, share: Share, parts: Sequence[Part]) -> None:
    """Send its parts, up to the first that is refused. Raises ChannelError."""
    items = {item.id: item for item in share.items}
    for at, part in enumerate(parts):
        if not _is_open(sending):
            return
        sending.in_hand = frozenset(part.delivery_ids)
        told = replace(share, items=tuple(items[number] for number in part.delivery_ids))
        try:
            sent = sending.destination.channel.send(part.message)
        except ChannelError as error:
            rest = [items[number] for later in parts[at + 1 :] for number in later.delivery_ids]
            sending.isolation.refuse(told, rest, error)
            _note_refusal(sending, told, error)
            return
        sending.isolation.note_taken(told)
        if not _finish_part(sending, part, sent):
            return


def _is_open(sending: Sending) -> bool:
    """Whether the next part may go out; what is left is given back if not. Keeps the pace."""
    sending.tries += 1
    if sending.tries == 1:
        return True
    await_pace(sending.context, sending.name, sending.spacing)
    if quiet_until(sending.options, sending.context.clock()) is None:
        return True
    give_back(sending)
    sending.is_over = True
    return False


def _note_refusal(sending: Sending, told: Share, error: ChannelError) -> None:
    """Other messages are tried at once, at the channel's pace."""
    sending.in_hand = frozenset()
    with sending.context.store.writing() as conn:
        channels.note_try(conn, sending.name, sending.context.clock())
    log.warning(
        "channel=%s refuses a message of alerts=%d first=%s, tried otherwise: %s",
        sending.name,
        len(told.items),
        told.items[0].alert_id,
        error,
    )


def _finish_part(sending: Sending, part: Part, sent: Sent) -> bool:
    """Note what was accepted; False if another process has taken the batch over."""
    context, now = sending.context, sending.context.clock()
    ids = [number for number in part.delivery_ids if number not in sending.done]
    with context.store.writing() as conn:
        finished = delivery_states.accept(conn, ids, context.owner, now)
        delivery_states.note_left_out(conn, _left_out(part, sent))
        revived = channels.note_accepted(conn, sending.name, now, MOST_REVIVED_ATTEMPTS)
    sending.done.update(ids)
    sending.in_hand = frozenset()
    sending.parts += 1
    if revived:
        log.info("channel=%s works again, due again alerts=%d", sending.name, revived)
    if finished < len(ids):
        log.error(
            "channel=%s: the leases ran out while sending; alerts may come twice", sending.name
        )
        sending.is_over = True
    return not sending.is_over


def _left_out(part: Part, sent: Sent) -> dict[int, str]:
    """What of each delivery did not go out, by the rendering's word or the channel's."""
    if not sent.left_out:
        return dict(part.left_out)
    stayed = "pictures: " + ", ".join(sent.left_out)
    return {
        number: "; ".join(filter(None, (part.left_out.get(number), stayed)))
        for number in part.delivery_ids
    }
