"""rows <-> nouns: the only room that knows SQLAlchemy. One module per noun."""

# else `metadata` lacks their tables
import monitor.storage.channel_tables
import monitor.storage.marketplace_tables
import monitor.storage.search_tables
import monitor.storage.silence_tables
import monitor.storage.troubles  # noqa: F401
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
