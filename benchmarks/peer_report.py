"""Our score next to other programs, as tables: all kinds together, then kind by kind.

python benchmarks/peer_report.py PAIRS    of the pairs that `recognition.py --keep PAIRS` wrote
"""

from __future__ import annotations

import argparse
import itertools
import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import peers
from figures import RATES, Doubles, average_precision, recall, threshold
from kinds import KINDS, LISTED, UNSEEN

from monitor import matching

if TYPE_CHECKING:
    from recognition import Pair, Shown

OURS: Final = "ours"
HONEST: Final = ("honest", "disguised alike")
_TIMED_PAIRS: Final = 2000
# Honest pairs that must be above a limit for it to mean something.
_LEAST_ABOVE: Final = 1


def scores_of(pairs: Sequence[Pair], name: str) -> Doubles:
    """What a program says of each pair that it was asked about."""
    if name == OURS:
        return np.array([pair.score for pair in pairs])
    return np.array([pair.peers[name] for pair in pairs if name in pair.peers])


def programs_of(pairs: Sequence[Pair]) -> list[str]:
    """Ours and the peers that were in the run, in the order of `PEERS`."""
    asked = {name for pair in pairs for name in pair.peers}
    return [OURS, *(name for name in peers.PEERS if name in asked)]


def show_peers(pairs: Sequence[Pair], others: Sequence[Shown] = ()) -> None:
    """All kinds together; with the pictures, also what each program takes for one."""
    copies, honest = _split(pairs)
    header = " | ".join(f"recall at {rate:.0e}" for rate in RATES)
    times = " | ms a picture | ms a pair" if others else ""
    print(f"\n| program | copies | honest pairs | {header} | average precision{times} |")
    print("|---" * (7 + 2 * bool(others)) + "|")
    for name in programs_of(pairs):
        found, wrong = scores_of(copies, name), scores_of(honest, name)
        if not len(found) or not len(wrong):  # a slow one, in a small run
            continue
        cells = [str(len(found)), str(len(wrong))]
        cells += [_recall(found, wrong, rate) for rate in RATES]
        cells.append(f"{average_precision(found, wrong):.4f}")
        if others:
            cells += [f"{seconds * 1e3:.4g}" for seconds in _seconds(name, pairs, others)]
        print(f"| {name} | {' | '.join(cells)} |")


def show_kinds(pairs: Sequence[Pair]) -> None:
    """Kind by kind: a table for each rate and one for average precision, a column a program."""
    copies, honest = _split(pairs)
    for rate in RATES:
        _show_table(f"recall at {rate:.0e}", copies, honest, _recall_at(rate))
    _show_table("average precision", copies, honest, _precision)


Cell = Callable[[Doubles, Doubles], str]


def _show_table(title: str, copies: Sequence[Pair], honest: Sequence[Pair], cell: Cell) -> None:
    names = [name for name in programs_of(copies) if name not in peers.SLOW]
    wrong = {name: scores_of(honest, name) for name in names}
    print(f"\n| {title} | copies | {' | '.join(names)} |\n{'|---' * (len(names) + 2)}|")
    parts = {"**all**": set(KINDS), "**listed**": set(LISTED), "**unseen**": set(UNSEEN)}
    for part, kinds in (parts | {kind: {kind} for kind in KINDS}).items():
        chosen = [pair for pair in copies if pair.kind in kinds]
        if chosen:
            cells = [cell(scores_of(chosen, name), wrong[name]) for name in names]
            print(f"| {part} | {len(chosen)} | {' | '.join(cells)} |")


def _recall_at(rate: float) -> Cell:
    return lambda found, wrong: _recall(found, wrong, rate, digits=3)


def _precision(found: Doubles, wrong: Doubles) -> str:
    return f"{average_precision(found, wrong):.3f}"


def _recall(found: Doubles, wrong: Doubles, rate: float, digits: int = 4) -> str:
    """Empty where the honest pairs are too few for this rate."""
    if rate * len(wrong) < _LEAST_ABOVE:
        return ""
    return f"{recall(found, threshold(wrong, rate)):.{digits}f}"


def _split(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    copies = [pair for pair in pairs if pair.kind in KINDS]
    return copies, [pair for pair in pairs if pair.kind in HONEST]


# -- times


def _seconds(name: str, pairs: Sequence[Pair], others: Sequence[Shown]) -> tuple[float, float]:
    """(a picture, a pair), medians; a pair is a copy or an honest one as the run had them."""
    if name == OURS:
        asked = [pair.seconds for pair in pairs if pair.kind in KINDS or pair.kind in HONEST]
        return float(np.median([shown.seconds for shown in others])), float(np.median(asked))
    keys = peers.PEERS[name].hashes
    shown = [item.hashes for item in others if all(key in item.hashes for key in keys)]
    taken = [sum(hashes[key].seconds for key in keys) for hashes in shown]
    return float(np.median(taken)), _seconds_a_pair(name, shown)


def _seconds_a_pair(name: str, shown: Sequence[dict[str, peers.Taken]]) -> float:
    """The mean of many pairs in a row: one alone is too short for the clock."""
    keys = peers.PEERS[name].hashes
    hashes = [[item[key].hash for key in keys] for item in shown]
    pairs = list(itertools.islice(itertools.combinations(hashes, 2), _TIMED_PAIRS))
    function = peers.PEERS[name].alike
    start = time.process_time()
    for one, other in pairs:
        function(one, other)
    return (time.process_time() - start) / max(1, len(pairs))


# -- kept pairs


class _Unpickler(pickle.Unpickler):
    """What `recognition.py` wrote as a program is read as its module."""

    def find_class(self, module: str, name: str) -> object:
        return super().find_class("recognition" if module == "__main__" else module, name)


def main() -> None:
    parser = argparse.ArgumentParser(description="Our score next to other programs.")
    parser.add_argument("pairs", type=Path)
    arguments = parser.parse_args()
    with arguments.pairs.open("rb") as file:
        pairs: list[Pair] = _Unpickler(file).load()
    print(f"{matching.METHOD}, {len(pairs)} pairs")
    show_peers(pairs)
    show_kinds(pairs)


if __name__ == "__main__":
    main()
