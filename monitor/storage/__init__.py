"""rows <-> nouns: the only room that knows SQLAlchemy. A folder a chapter, a module a noun."""

from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.engine import Connection, Store
from monitor.storage.schema.versions import (
    check_revision,
    check_schema,
    ensure_schema,
    read_state,
    this_program,
    upgrade_schema,
)

__all__ = [
    "Connection",
    "PictureFiles",
    "Store",
    "check_revision",
    "check_schema",
    "ensure_schema",
    "read_state",
    "this_program",
    "upgrade_schema",
]
