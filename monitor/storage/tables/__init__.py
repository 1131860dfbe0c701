"""All tables, a file a chapter. They are ours to change; what users query are the views."""

from monitor.storage.tables.accounts import breakers, canaries, memories, pace_days, paces
from monitor.storage.tables.base import metadata
from monitor.storage.tables.catalogue import (
    HAS_PROBLEM,
    assets,
    clusters,
    comparisons,
    fingerprint_bands,
    fingerprints,
    listings,
    observations,
    picture_urls,
    pictures,
    reference_pictures,
    sellers,
    watches,
)
from monitor.storage.tables.matches import matches
from monitor.storage.tables.schema import schema_state
from monitor.storage.tables.searches import (
    IS_COMPLETE,
    appearances,
    baselines,
    cycles,
    is_complete,
    look_backs,
    scans,
    sightings,
)
from monitor.storage.tables.telling import (
    IS_HELD,
    IS_SILENCED,
    alerts,
    channels,
    deliveries,
    silences,
    troubles,
)
from monitor.storage.tables.trust import reference_checks

__all__ = [
    "HAS_PROBLEM",
    "IS_COMPLETE",
    "IS_HELD",
    "IS_SILENCED",
    "alerts",
    "appearances",
    "assets",
    "baselines",
    "breakers",
    "canaries",
    "channels",
    "clusters",
    "comparisons",
    "cycles",
    "deliveries",
    "fingerprint_bands",
    "fingerprints",
    "is_complete",
    "listings",
    "look_backs",
    "matches",
    "memories",
    "metadata",
    "observations",
    "pace_days",
    "paces",
    "picture_urls",
    "pictures",
    "reference_checks",
    "reference_pictures",
    "scans",
    "schema_state",
    "sellers",
    "sightings",
    "silences",
    "troubles",
    "watches",
]
