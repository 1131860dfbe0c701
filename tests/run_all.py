"""All tests, in two halves at once: `python -m tests.run_all`.

The end-to-end tests mostly wait, for processes and for time to pass; the others compute. Side by
side they take as long as the longer half. Each half brings its own databases and servers.
"""

from __future__ import annotations

import subprocess
import sys
from threading import Thread

HALVES = (["tests/e2e"], ["--ignore=tests/e2e"])


def main() -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for words in HALVES
    ]
    readers = [Thread(target=_pass_on, args=(run,)) for run in runs]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    codes = [run.wait() for run in runs]  # a run that was killed has a negative one
    sys.exit(1 if any(codes) else 0)


def _pass_on(run: subprocess.Popen[str]) -> None:
    """Line by line, so that a run that hangs shows where."""
    for line in run.stdout or ():
        print(line, end="", flush=True)


if __name__ == "__main__":
    main()
