"""rows <-> nouns: the only room that knows SQLAlchemy. One module per noun."""

import monitor.storage.marketplace_tables
import monitor.storage.troubles  # noqa: F401 - else `metadata` lacks them
from monitor.storage.engine import Connection, Store
from monitor.storage.files import PictureFiles
from monitor.storage.schema import (
    check_revision,
    check_schema,
    ensure_schema,
    head_revision,
    upgrade_schema,
)

__all__ = [
    "Connection",
    "PictureFiles",
    "Store",
    "check_revision",
    "check_schema",
    "ensure_schema",
    "head_revision",
    "upgrade_schema",
]
