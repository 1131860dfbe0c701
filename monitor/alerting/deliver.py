"""due -> gate -> render -> send part by part -> finish each. The rows are the queue."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from monitor.alerting.context import AlertContext, ChannelOptions, Destination
from monitor.alerting.drawing import drawn
from monitor.alerting.failing import finish_failed
from monitor.alerting.gate import open_until, quiet_until
from monitor.alerting.isolating import Isolation, Share
from monitor.alerting.rendering import Part, Plainness, render, render_plain, told_with_pictures
from monitor.channels import Capacity, Sent
from monitor.errors import ChannelError, NotFound, Stopping, StoreError
from monitor.storage import Connection, channels, deliveries
from monitor.storage.deliveries import DueDelivery

log = logging.getLogger(__name__)

# Whoever works on a batch renews its leases meanwhile: the daemon's beat, `monitor scan`'s.
LEASE = timedelta(seconds=30)
_MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class _Sending:
    """A claimed batch on its way: `done` are the ids of what was accepted, `in_hand` of what may
    have been, as its sending has begun.
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
    def rest(self) -> list[DueDelivery]:
        return [item for item in self.batch if item.id not in self.done]


def deliver_next(context: AlertContext, name: str, *, group: timedelta | None = None) -> bool:
    """Deliver the next due group of a channel; False if nothing is due, or may go out now.

    It goes as one message, or in as many parts as the channel's capacity demands. Each part that
    was accepted is finished in a transaction of its own before the next one goes out, so what goes
    wrong in between repeats nothing. `group` overrides the channel's own wait. A crash leaves rows
    in `sending`, whose lease runs out: they are delivered again under the same alert id.
    Raises StoreError; Stopping in a wait for the channel's pace, with the rest given back.
    """
    destination = context.destinations[name]
    options = destination.options
    options = options if group is None else replace(options, group=group)
    found = _find_ready(context, name, options)
    if not found:
        return False
    spacing = _spacing(destination)
    has_waited = _await_pace(context, name, spacing)
    began_at = context.clock()
    # what has come meanwhile goes along
    batch = _claim(context, name, options, None if has_waited else found)
    if not batch:
        return False
    sending = _Sending(context, destination, options, batch, spacing, Isolation.of(batch))
    try:
        error = _send(sending)
    except Stopping:
        _give_back(sending)
        raise
    error = error or _what_is_aside(sending)
    if error is not None:
        finish_failed(context, name, sending.rest, error)
    _log_delivery(sending, error, began_at)
    return True


# -- claim


def _find_ready(context: AlertContext, name: str, options: ChannelOptions) -> list[int]:
    """A look without the database's write lock, however long the queue is."""
    now = context.clock()
    with context.store.reading() as conn:
        gate = _find_gate(conn, name, options, now)
        if gate is None:
            return []
        return deliveries.find_ready(
            conn,
            name,
            context.owner,
            now,
            gate.group,
            until=gate.until,
            only_retries=gate.only_retries,
            operator_group=gate.operator_group,
        )


def _claim(
    context: AlertContext, name: str, options: ChannelOptions, found: list[int] | None
) -> list[DueDelivery]:
    now = context.clock()
    with context.store.writing() as conn:
        gate = _find_gate(conn, name, options, now)
        if gate is None:
            return []
        batch = deliveries.claim(
            conn,
            name,
            context.owner,
            now,
            LEASE,
            gate.group,
            until=gate.until,
            only_retries=gate.only_retries,
            operator_group=gate.operator_group,
            found=found,
        )
        if batch:
            channels.note_try(conn, name, now)
    return batch


@dataclass(frozen=True, slots=True)
class _Gate:
    """What an open gate lets through: what was routed `until` then, or retries alone.

    That the monitor is in trouble waits for no digest, but for `operator_group`.
    """

    group: timedelta
    until: datetime | None
    only_retries: bool
    operator_group: timedelta | None = None


def _find_gate(conn: Connection, name: str, options: ChannelOptions, now: datetime) -> _Gate | None:
    """None while nothing may go out. What was tried before waits for no interval or digest."""
    if quiet_until(options, now) is not None:
        return None
    last_sent_at = deliveries.find_last_sent_at(conn, name) if options.interval else None
    until = open_until(options, now, last_sent_at)
    if options.digest is not None:
        return _Gate(timedelta(0), until, until is None, operator_group=options.group)
    return _Gate(options.group, None, until is None)


# -- pace


def _spacing(destination: Destination) -> timedelta:
    """The least time between two messages; the operator's word counts before the service's."""
    pace = destination.options.pace_per_minute or destination.channel.capacity.pace_per_minute
    return _MINUTE / pace if pace else timedelta(0)


def _await_pace(context: AlertContext, name: str, spacing: timedelta) -> bool:
    """Wait until the channel takes its next message; whether it had to.

    A row says when: a restart keeps the pace.
    """
    if not spacing:
        return False
    with context.store.reading() as conn:
        tried_at = channels.find(conn, name).tried_at
    if tried_at is None:
        return False
    # never longer than the spacing: the clock may have been put back
    wait = min(tried_at + spacing - context.clock(), spacing)
    if wait <= timedelta(0):
        return False
    context.sleep(wait.total_seconds())
    return True


# -- send


def _what_is_aside(sending: _Sending) -> ChannelError | None:
    """Why some alerts were not accepted although the batch went out; None if all were."""
    return sending.isolation.error if sending.isolation.aside and not sending.is_over else None


def _send(sending: _Sending) -> ChannelError | None:
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


def _send_parts(sending: _Sending) -> None:
    """Share by share: first the whole batch, and less and less of it while it is refused."""
    context, capacity = sending.context, sending.destination.channel.capacity
    isolation = sending.isolation
    shown = told_with_pictures(sending.batch, sending.options, capacity)
    with drawn(context, shown, sending.options.language) as drawings:
        while isolation.shares and not sending.is_over:
            share = isolation.shares.popleft()
            parts = _render(sending, share, capacity, drawings)
            _send_share(sending, share, parts)


def _render(
    sending: _Sending, share: Share, capacity: Capacity, drawings: Mapping[int, Path]
) -> tuple[Part, ...]:
    """Raises ChannelError for an alert that is in no part: it would be lost without a word."""
    context, options = sending.context, sending.options
    if share.plainness is Plainness.FULL:
        parts = render(share.items, options, capacity, context.files, drawings, context.templates)
    else:
        parts = render_plain(share.items, options, capacity, share.plainness)
    told = {number for part in parts for number in part.delivery_ids}
    if left := sum(item.id not in told for item in share.items):
        raise ChannelError(f"{left} of {len(share.items)} alerts are in no part of the message")
    return parts


def _send_share(sending: _Sending, share: Share, parts: Sequence[Part]) -> None:
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


def _is_open(sending: _Sending) -> bool:
    """Whether the next part may go out; what is left is given back if not. Keeps the pace."""
    sending.tries += 1
    if sending.tries == 1:
        return True
    _await_pace(sending.context, sending.name, sending.spacing)
    if quiet_until(sending.options, sending.context.clock()) is None:
        return True
    _give_back(sending)
    sending.is_over = True
    return False


def _note_refusal(sending: _Sending, told: Share, error: ChannelError) -> None:
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


def _finish_part(sending: _Sending, part: Part, sent: Sent) -> bool:
    """Note what was accepted; False if another process has taken the batch over."""
    context, now = sending.context, sending.context.clock()
    ids = [number for number in part.delivery_ids if number not in sending.done]
    with context.store.writing() as conn:
        finished = deliveries.finish_sent(conn, ids, context.owner, now)
        deliveries.note_left_out(conn, _left_out(part, sent))
        revived = channels.note_accepted(conn, sending.name, now)
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


def _give_back(sending: _Sending) -> None:
    """What was not sent yet is due at once for whoever comes next."""
    ids = [item.id for item in sending.rest if item.id not in sending.in_hand]
    with sending.context.store.writing() as conn:
        deliveries.give_back(conn, ids, sending.context.owner)


def _log_delivery(sending: _Sending, error: ChannelError | None, began_at: datetime) -> None:
    """The one canonical line of a delivery."""
    batch = sending.batch
    log.log(
        logging.WARNING if error else logging.INFO,
        "delivery channel=%s alerts=%d first=%s attempt=%d parts=%d outcome=%s seconds=%.2f%s",
        sending.name,
        len(batch),
        batch[0].alert_id,
        max(item.attempts for item in batch),
        sending.parts,
        "failed" if error else "sent",
        (sending.context.clock() - began_at).total_seconds(),
        f" error={str(error)!r}" if error else "",
    )
