"""Which message is tried instead of one that its service has refused.

One text may be what a service doesn't want: a title with a word on its list, a picture that is too
large, a link that it takes for unsafe. The other alerts must not wait for that one, and it must
arrive itself, if need be without its text.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.alerting.policy import ISOLATED_FROM_ATTEMPT, MOST_ALONE, MOST_UNTAKEN
from monitor.alerting.rendering import Plainness
from monitor.errors import ChannelError
from monitor.storage.telling.deliveries import DueDelivery


@dataclass(frozen=True, slots=True)
class Share:
    """Some of a batch, told together."""

    items: tuple[DueDelivery, ...]
    plainness: Plainness = Plainness.FULL


@dataclass(slots=True)
class Isolation:
    """What of a batch is still to be told, in order; `aside` are the alerts that can't be."""

    shares: deque[Share]
    aside: list[DueDelivery] = field(default_factory=list)
    error: ChannelError | None = None
    _alone: int = 0
    _untaken: int = 0

    @classmethod
    def of(cls, batch: Sequence[DueDelivery]) -> Isolation:
        return cls(deque([Share(tuple(batch))]))

    def note_taken(self, share: Share) -> None:
        """The service has taken a message with alerts of the share."""
        self._untaken = 0
        if share.plainness is not Plainness.FULL:
            self._alone += 1

    def refuse(self, share: Share, rest: Sequence[DueDelivery], error: ChannelError) -> None:
        """Instead of `share`, which was refused: its halves, down to the alert that is the cause,
        and that one without its text. What is told after it is `rest`, as plain as it was.

        Raises `error` where it isn't about the message, or where it seems to be about all of them:
        a batch of n that is refused whatever is tried costs about log2(n) + 6 messages.
        """
        first = max(item.attempts for item in share.items)
        if not error.about_message or first < ISOLATED_FROM_ATTEMPT:
            raise error
        if rest:
            self.shares.appendleft(Share(tuple(rest), share.plainness))
        self.error = error
        if others := self._instead_of(share):
            self.shares.extendleft(reversed(others))
        else:
            self._set_aside(share.items, error)

    def _instead_of(self, share: Share) -> list[Share]:
        items, plainer = share.items, share.plainness.plainer
        if plainer is not None and (len(items) == 1 or self._alone >= MOST_ALONE):
            return [Share(items, plainer)]
        if len(items) == 1:
            return []
        middle = len(items) // 2
        return [Share(half, share.plainness) for half in (items[:middle], items[middle:])]

    def _set_aside(self, items: Sequence[DueDelivery], error: ChannelError) -> None:
        self._untaken += 1
        if self._untaken >= MOST_UNTAKEN:
            raise error
        self.aside += items
        self._keep_order(items)

    def _keep_order(self, items: Sequence[DueDelivery]) -> None:
        """What comes after it of the same listing waits as well."""
        listings = {_listing_of(item) for item in items} - {None}
        for _ in range(len(self.shares)):
            share = self.shares.popleft()
            kept = tuple(item for item in share.items if _listing_of(item) not in listings)
            self.aside += [item for item in share.items if _listing_of(item) in listings]
            if kept:
                self.shares.append(Share(kept, share.plainness))


def _listing_of(item: DueDelivery) -> tuple[str, str] | None:
    return None if item.match is None else (item.match.site, item.match.item_id)
