"""Every threshold of this room, with its reason. Modules import them; none has one of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

# -- work in hand

# Renewed every 10 s: two renewals may be missed before another process takes over.
LEASE: Final = timedelta(seconds=30)
# A scan that was interrupted so often takes the program down with it: it is given up, and told.
MAX_ATTEMPTS: Final = 5

# -- a page of a search

# Downloads at once within a page; the fetcher holds the limit per host.
FETCH_THREADS: Final = 4
# The address of a stored picture is not asked again sooner, as a seller may swap the file. Each
# waits up to the spread longer, always the same for one address, so that those first met on one
# day part.
CHECK_AFTER: Final = timedelta(days=30)
CHECK_SPREAD: Final = timedelta(days=10)
# Of a page: after a long pause the others wait for the next scans.
CHECKS_OF_A_PAGE: Final = 10

# Without a change an observation is written this often, so that a history has no holes.
OBSERVE_EVERY: Final = timedelta(days=1)
# A value that more pictures share says nothing of which are near-identical: a common background,
# say.
MOST_ALIKE: Final = 500

# -- sizes of one step: a second or so of work, so that scans and stops get their turn in between

# Stored pictures that are fingerprinted again.
REFRESHED_AT_ONCE: Final = 50
# Stored listing pictures that a look back compares with.
LOOKED_BACK_AT_ONCE: Final = 200
# New reference pictures whose plain copy is scored: each is decoded and fingerprinted twice.
COPIES_AT_ONCE: Final = 20
# In one transaction; a watch that asks for reminders for the first time may have years of them.
REMINDERS_AT_ONCE: Final = 1_000
# Reference pictures that go into an index: what it needs of so many is 2 MB.
INDEXED_AT_ONCE: Final = 400

# -- what a process remembers between scans

# Reference pictures of its indexes together: some 5 kB each.
INDEXED_CACHED: Final = 20_000
# Answers of one index: some 300 bytes each.
ANSWERS_CACHED: Final = 20_000
# Whole fingerprints of reference pictures: up to 48 kB each.
FINGERPRINTS_CACHED: Final = 256

# -- a marketplace that fails

FAILURES_TO_OPEN: Final = 3
# The first pause; each probe that fails doubles it, up to the longest.
SHORTEST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)
# Whatever a site asks for. A probe that is further ahead was put there while the clock was wrong.
LONGEST_ASKED: Final = timedelta(days=1)
# Scans that are due on a paused marketplace wait for so long: a cycle must end, and be told.
PAUSED_PATIENCE: Final = timedelta(minutes=30)
# A budget that ends day after day is how some live: it is told so rarely, what else pauses always.
USED_UP_AGAIN: Final = timedelta(days=7)
# So many refused pictures of a watch are told one by one on a marketplace, within so long.
MOST_REFUSED_TOLD: Final = 10
REFUSED_AGAIN: Final = timedelta(days=7)

# -- a search that returns far less than it used to

# Scans remembered: of a site that returns less for good six are suspect, then it is the usual.
MOST_YIELDS: Final = 10
# With fewer before there is no usual yet.
LEAST_YIELDS: Final = 3
LEAST_SHARE: Final = 0.5
# Of so few listings a seller or two more or less make a half: that is trade, and no blindness.
LEAST_USUAL: Final = 5
# Of a whole cycle: where each picture has a handful, all of them together still say something.
LEAST_USUAL_OF_CYCLE: Final = 20

# -- a marketplace's canary

CANARY_EVERY: Final = timedelta(days=1)
# What is there is on the first page; who looks further pays for it every time that it is lost.
CANARY_PAGES: Final = 3
# After a search that failed, which says nothing of the canary.
CANARY_RETRY_AFTER: Final = timedelta(minutes=15)

# -- whether a reference picture can be believed

# Controls. 200 tell a picture that matches 5 % of all listings (10 of 200 expected, 5 needed) in 97
# of 100 cases from one that matches 1 % (2 expected, marked in 5 of 100); a watch that sees 1,000
# listings a cycle would be told 50 and 10 wrong ones. Fewer than 50 could not show 2 % at all.
MOST_CONTROLS: Final = 200
FEWEST_CONTROLS: Final = 50
# A false mark holds back true alerts, so both are asked for. Real copies do turn up in the searches
# for other assets. But what any search for this asset has returned is no control, nor its cluster,
# and marketplaces put copies first; each control is another cluster, so a picture that a hundred
# shops share counts once. What is left to fool this are edited copies that fill more than 2 % of
# other results and that no search of their own has met. Then matches wait, summarised, until a
# person trusts the picture. Noise alone marks nothing: of 6,000 real pairs that have nothing to do
# with each other none reached 0.6, of 8,001 pairs of logos one.
LEAST_MATCHED: Final = 3
MOST_MATCHED_SHARE: Final = 0.02
# Judged again when there are so many times more clusters: seven times on the way to a million.
AGAIN_AFTER_GROWTH: Final = 4
# With too few controls sooner.
AGAIN_AFTER_FEW: Final = 1.5

# Listing pictures looked through at once for controls, and how often at most: nearly all may belong
# to an asset that is the only one of its database, and a look at a million of them holds up
# everything else.
CONTROLS_WINDOW: Final = 500
MOST_CONTROLS_WINDOWS: Final = 10

# -- what becomes of a match

# A listing is gone after so many complete scans without it in a row, over at least this time, of
# each search that used to return it: sites shuffle what they return, and are re-indexed for a day.
GONE_AFTER_SCANS: Final = 3
GONE_AFTER: Final = timedelta(days=2)

# A site that shows two prices in turn would be told of at every search.
TELL_PRICE_EVERY: Final = timedelta(days=1)
# Reminders are a matter of days; looking for them goes through every unreviewed match.
REMIND_EVERY: Final = timedelta(hours=1)
