"""rows <-> nouns: the only room that knows SQLAlchemy. One module per noun."""

import monitor.storage.marketplace_tables
import monitor.storage.search_tables  # noqa: F401 - else `metadata` lacks them
from monitor.storage.engine import Connection, Store
from monitor.storage.files import PictureFiles
from monitor.storage.schema import check_schema, ensure_schema, upgrade_schema

__all__ = [
    "Connection",
    "PictureFiles",
    "Store",
    "check_schema",
    "ensure_schema",
    "upgrade_schema",
]
