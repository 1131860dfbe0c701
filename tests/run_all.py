"""All tests over a few processes: `python -m tests.run_all`; words are passed on to pytest.

One process more than there are cores: the end-to-end tests mostly wait, for processes and for time
to pass, while the others compute. Who has nothing left takes over what others have not begun.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.databases import postgres_server

# Files are synced thousands of times; in memory that takes no time.
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 2_000_000_000


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tests-", dir=_find_memory()) as folder:
        # for the servers and the processes that the tests start, too
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        # each of them would compile the program anew
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        with postgres_server() as url:
            os.environ["TEST_PG_URL"] = url
            sys.exit(subprocess.call(_command(sys.argv[1:])))


def _command(words: list[str]) -> list[str]:
    workers = (os.cpu_count() or 1) + 1
    spread = ["-n", str(workers), "--dist", "worksteal"]
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *spread, *words]


def _find_memory() -> Path | None:
    """A folder in memory with enough room; None for the usual one."""
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES:
        return _MEMORY
    return None


if __name__ == "__main__":
    main()
