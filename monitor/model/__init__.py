"""Nouns that pass between rooms: frozen, without I/O, without third-party imports.

One noun, one meaning: docs/glossary.md defines each. A file a chapter.
"""

from monitor.model.accounts import Budget, days_left, share
from monitor.model.alerts import DeliveryState, SilenceState
from monitor.model.events import AlertEvent
from monitor.model.listings import Observation, Price, Seller
from monitor.model.matches import (
    DEFAULT_ALERT_SCORE,
    DEFAULT_RECORD_SCORE,
    SETTLED_VERDICTS,
    Basis,
    Polygon,
    Region,
    Relation,
    Similarity,
    Verdict,
    best_basis,
)
from monitor.model.messages import Attachment, Message, MessageFormat
from monitor.model.pictures import (
    CheckState,
    FileVersion,
    Fingerprints,
    FoundPicture,
    PictureRecord,
    ReferencePicture,
    Rights,
)
from monitor.model.searches import COMPLETE_OUTCOMES, Scan, ScanCounts, ScanOutcome

__all__ = [
    "COMPLETE_OUTCOMES",
    "DEFAULT_ALERT_SCORE",
    "DEFAULT_RECORD_SCORE",
    "SETTLED_VERDICTS",
    "AlertEvent",
    "Attachment",
    "Basis",
    "Budget",
    "CheckState",
    "DeliveryState",
    "FileVersion",
    "Fingerprints",
    "FoundPicture",
    "Message",
    "MessageFormat",
    "Observation",
    "PictureRecord",
    "Polygon",
    "Price",
    "ReferencePicture",
    "Region",
    "Relation",
    "Rights",
    "Scan",
    "ScanCounts",
    "ScanOutcome",
    "Seller",
    "SilenceState",
    "Similarity",
    "Verdict",
    "best_basis",
    "days_left",
    "share",
]
