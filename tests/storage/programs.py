"""Programs of other versions, as a database meets them; and one as a process of its own.

    python -m tests.storage.programs DATABASE VERSION MIGRATIONS WHEN

brings the database up. WHEN is `end`, or `hang`: then it stays within the transaction until it is
killed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from monitor.storage.db.engine import Store
from monitor.storage.schema.versions import Program, bring_up, ensure_schema, migrations_folder
from monitor.storage.schema.views import VIEWS

ROOT = Path(__file__).parents[2]

# a column at the end of each, and one in the middle
ADDED = VIEWS["seller_summary"].replace("  FROM sellers", ", 1 AS risk\n  FROM sellers")
ADDED_IN_THE_MIDDLE = VIEWS["open_matches"].replace("w.name AS watch,", "w.name AS watch, 7 AS of,")

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9998"
down_revision = "{head}"
branch_labels = None
depends_on = None
works_from = "{works_from}"

def upgrade():
"""


def program(version: str = "0.2.0", *, migrations: Path | None = None, **views: str) -> Program:
    """A program with some other views, by default the next one with one more column."""
    changed = views or {"seller_summary": ADDED}
    return Program.of(version, {**VIEWS, **changed}, migrations or migrations_folder())


def with_next(folder: Path, upgrade: str, works_from: str = "9998") -> Path:
    """The migrations and one more; `upgrade` is its body, without indentation."""
    target = folder / "migrations"
    shutil.copytree(migrations_folder(), target)
    head = program().head
    body = "".join(f"    {line}\n" for line in upgrade.strip().splitlines())
    text = NEXT.format(head=head, works_from=works_from) + body
    (target / "versions/9998_next.py").write_text(text, encoding="utf-8")
    return target


def start(url: str, version: str, migrations: Path, when: str) -> subprocess.Popen[str]:
    """The same in a process; it prints a line when it has done its work."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.storage.programs", url, version, str(migrations), when],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def main(url: str, version: str, migrations: str, when: str) -> None:
    store = Store.open(url)
    own = program(version, migrations=Path(migrations))
    if when == "end":
        ensure_schema(store, own)
        print("done")
    else:
        with store.migrating() as conn:
            bring_up(conn, own)
            print("within", flush=True)
            time.sleep(600)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
