"""Findings: all that we can tell of our own health, one frozen class a kind.

Status, operator alerts, the dead man's switch, metrics and pages read these; their texts are made
from them here and nowhere else, from the table `findings` of a language. A new kind is a class
here, its text there, and whoever finds it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import ClassVar

from monitor.model.events import Event, Fact, Written
from monitor.words import Words, read_words


@dataclass(frozen=True, slots=True)
class Facts:
    """What a finding knows besides its subject; the class is its kind."""

    kind: ClassVar[str]
    is_problem: ClassVar[bool] = True

    def for_words(self) -> dict[str, Fact]:
        """What its text may show and choose by."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about our own health; a problem needs a person, the others say what there is.

    `subject` is the name of what it is about: a watch, a marketplace, a channel, a host; empty
    where that is the whole. `since` is when it began, where that is known. What the daemon told as
    an alert when it began has the facts of that event.
    """

    kind: str
    subject: str
    facts: Facts | Event | Written
    since: datetime | None = None

    @classmethod
    def of(cls, subject: str, facts: Facts, since: datetime | None = None) -> Finding:
        """One whose facts say its kind."""
        return cls(facts.kind, subject, facts, since)

    @property
    def is_problem(self) -> bool:
        return not isinstance(self.facts, Facts) or self.facts.is_problem


def describe(finding: Finding, words: Words | None = None) -> str:
    """One line for people, in English if no other words are given."""
    words, told = words or read_words(), finding.facts
    about: dict[str, Fact] = {"subject": finding.subject, "since": finding.since}
    if isinstance(told, Facts):
        return words.fill(f"findings.{finding.kind}.text", {**told.for_words(), **about})
    return words.tell(told) or words.say("findings.noted.text", kind=finding.kind, **about)


# -- watches; the subject is the watch


@dataclass(frozen=True, slots=True)
class WatchState(Facts):
    kind = "watch_state"
    is_problem = False

    reference_pictures: int
    open_matches: int
    last_scanned_at: datetime | None


@dataclass(frozen=True, slots=True)
class WatchNeverRun(Facts):
    kind = "watch_never_run"
    is_problem = False


@dataclass(frozen=True, slots=True)
class PicturesUnspecific(Facts):
    """Known, told when it came, and safe: no problem that should drown out others."""

    kind = "pictures_unspecific"
    is_problem = False

    pictures: int
    held: int


@dataclass(frozen=True, slots=True)
class PicturesFeatureless(Facts):
    """Known and told when it came, as those that are unspecific."""

    kind = "pictures_featureless"
    is_problem = False

    pictures: int


@dataclass(frozen=True, slots=True)
class WatchUnknown(Facts):
    """It stands in the config, and nobody has planned it yet."""

    kind = "watch_unknown"


@dataclass(frozen=True, slots=True)
class WatchOverdue(Facts):
    """It should have been planned, by the rows."""

    kind = "watch_overdue"


@dataclass(frozen=True, slots=True)
class WatchWithoutPictures(Facts):
    kind = "watch_without_pictures"


@dataclass(frozen=True, slots=True)
class YieldDropped(Facts):
    """Of its scans of the last cycle on a marketplace so many saw less than half of the usual."""

    kind = "yield_dropped"

    marketplace: str
    suspect: int
    scans: int


@dataclass(frozen=True, slots=True)
class ScansIncomplete(Facts):
    """So many scans of the last cycle on a marketplace ended so; the error is one's, as example."""

    kind = "scans_incomplete"

    marketplace: str
    outcome: str
    scans: int
    error: str | None


# -- marketplaces; the subject is the marketplace


@dataclass(frozen=True, slots=True)
class CanaryState(Facts):
    kind = "canary_state"
    is_problem = False

    found_at: datetime | None


@dataclass(frozen=True, slots=True)
class BudgetUse(Facts):
    """Calls that a marketplace's credential made on this UTC day and in this UTC month.

    `day_limit` is what today may take: the daily quota, or the share of the month if that is less.
    `usual_day` is the mean of the last seven days with any use, `days_left` how many such days the
    rest of the month's quota lasts, `days_to_reset` when it is new again, today counted in.
    """

    kind = "budget"
    is_problem = False

    marketplace: str
    used_today: int
    day_limit: int | None
    daily_quota: int | None
    used_this_month: int
    monthly_quota: int | None
    usual_day: float | None
    days_left: float | None
    days_to_reset: int

    def for_words(self) -> dict[str, Fact]:
        # a limit of nothing is one too
        return {**Facts.for_words(self), "has_day_limit": self.day_limit is not None}


@dataclass(frozen=True, slots=True)
class BudgetUsedUp(Facts):
    """`budget` is `month`, `day`, or `share`: the day's part of the month."""

    kind = "budget_used_up"

    budget: str
    calls: int


@dataclass(frozen=True, slots=True)
class MarketplacePaused(Facts):
    kind = "marketplace_paused"

    failures: int
    probe_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class CanaryLost(Facts):
    """The canary of that name was not found so many times in a row."""

    kind = "canary_lost"

    canary: str
    missed: int
    problem: str | None


# -- hosts and disks; the subject is the host, or host and folder


@dataclass(frozen=True, slots=True)
class PicturesUnavailable(Facts):
    """The host gave few of the last day's pictures; `problem` is the commonest reason."""

    kind = "pictures_unavailable"

    failed: int
    tried: int
    problem: str | None


# -- channels and what they should bring; the subject is the channel


@dataclass(frozen=True, slots=True)
class SilencesHold(Facts):
    """Asked for by a person, so no problem."""

    kind = "silences_hold"
    is_problem = False

    active: int
    held: int


@dataclass(frozen=True, slots=True)
class ChannelOverdue(Facts):
    """So many alerts wait, and the first should be out; `error` is what the channel said last."""

    kind = "channel_overdue"

    waiting: int
    error: str | None


@dataclass(frozen=True, slots=True)
class ChannelRefuses(Facts):
    kind = "channel_refuses"

    given_up: int
    error: str | None


@dataclass(frozen=True, slots=True)
class ChannelGaveUp(Facts):
    kind = "channel_gave_up"

    given_up: int


@dataclass(frozen=True, slots=True)
class AlertsHomeless(Facts):
    """Operator alerts of the last day that had no channel to go to."""

    kind = "alerts_homeless"

    alerts: int


@dataclass(frozen=True, slots=True)
class AlertsStranded(Facts):
    """Alerts of a watch that has left the config, and nobody else is named who could hear."""

    kind = "alerts_stranded"

    alerts: int


# -- the program itself


@dataclass(frozen=True, slots=True)
class StepHangs(Facts):
    """The step of the daemon that is the subject has worked on one thing for longer than that."""

    kind = "step_hangs"

    hours: float


@dataclass(frozen=True, slots=True)
class StoreUnusable(Facts):
    """The rows can't be read, so nothing else can be known."""

    kind = "store_unusable"

    error: str
