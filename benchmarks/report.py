"""What was measured, as tables for docs/benchmarks.md; and the numbers of the score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from figures import (
    RATES,
    Doubles,
    average_precision,
    calibration_error,
    fit_logistic,
    recall,
    reliability,
    threshold,
)
from kinds import KINDS, LISTED, UNSEEN

from monitor.matching.score import PHOTOGRAPH, THING

if TYPE_CHECKING:
    from recognition import Pair, Shown

ALERT, RECORD = 0.85, 0.60
OURS: Final = "ours"
HONEST: Final = ("honest", "disguised alike")
VARIANTS: Final = ("another print", "mock-up", "family")
# Weight of a pair when the score is fitted. Six pairs are made of one mock-up; a listed kind of
# copy stands for its share of the unseen ones, so that the score means what it says on the mix.
_FIT_WEIGHTS: Final = {"another print": 0.5} | dict.fromkeys(LISTED, len(KINDS) / len(LISTED))
_RIDGE: Final = 1e-4


def _scores(pairs: Sequence[Pair], name: str) -> Doubles:
    if name == OURS:
        return np.array([pair.score for pair in pairs])
    return np.array([pair.peers[name] for pair in pairs if name in pair.peers])


def show(pairs: Sequence[Pair], others: Sequence[Shown], names: Sequence[str]) -> None:
    copies = [pair for pair in pairs if pair.kind in KINDS]
    honest = [pair for pair in pairs if pair.kind in HONEST]
    _show_peers(copies, honest, (OURS, *names))
    _show_kinds(copies, honest)
    _show_contents(copies, honest)
    _show_others(pairs)
    _show_reliability(copies, honest)
    _show_times(pairs, others)
    _show_worst(pairs)


def _show_peers(copies: Sequence[Pair], honest: Sequence[Pair], names: Sequence[str]) -> None:
    header = " | ".join(f"recall at {rate:.0e}" for rate in RATES)
    print(f"\n| all kinds | copies | honest pairs | {header} | average precision |")
    print("|---|---|---|---|---|---|---|")
    for name in names:
        found, wrong = _scores(copies, name), _scores(honest, name)
        if not len(found) or not len(wrong):
            continue
        recalls = " | ".join(f"{recall(found, threshold(wrong, rate)):.4f}" for rate in RATES)
        precision = average_precision(found, wrong)
        print(f"| {name} | {len(found)} | {len(wrong)} | {recalls} | {precision:.4f} |")


def _show_kinds(copies: Sequence[Pair], honest: Sequence[Pair]) -> None:
    limits = [threshold(_scores(honest, OURS), rate) for rate in RATES]
    peer = "imagehash.phash"
    peer_limit = threshold(_scores(honest, peer), 1e-3)
    header = " | ".join(f"{rate:.0e}" for rate in RATES)
    print(f"\n| kind | copies | {header} | >= {ALERT} | >= {RECORD} | {peer} at 1e-03 |")
    print("|---|---|---|---|---|---|---|---|")
    parts = {"**all**": set(KINDS), "**listed**": set(LISTED), "**unseen**": set(UNSEEN)}
    for title, kinds in (parts | {kind: {kind} for kind in KINDS}).items():
        chosen = [pair for pair in copies if pair.kind in kinds]
        scores = _scores(chosen, OURS)
        cells = [f"{recall(scores, limit):.3f}" for limit in limits]
        cells += [f"{float((scores >= limit).mean()):.3f}" for limit in (ALERT, RECORD)]
        cells.append(f"{recall(_scores(chosen, peer), peer_limit):.3f}")
        print(f"| {title} | {len(chosen)} | {' | '.join(cells)} |")


def _show_contents(copies: Sequence[Pair], honest: Sequence[Pair]) -> None:
    limit = threshold(_scores(honest, OURS), 1e-3)
    print("\n| content of the original | copies | recall at 1e-03 |\n|---|---|---|")
    for content in sorted({pair.content for pair in copies}):
        chosen = [pair for pair in copies if pair.content == content]
        scores = _scores(chosen, OURS)
        print(f"| {content or 'unknown'} | {len(chosen)} | {recall(scores, limit):.3f} |")


def _show_others(pairs: Sequence[Pair]) -> None:
    print(f"\n| others | pairs | >= {ALERT} | >= {RECORD} |\n|---|---|---|---|")
    for kind in (*HONEST, *VARIANTS):
        scores = np.array([pair.score for pair in pairs if pair.kind == kind])
        if len(scores):
            cells = [
                f"{int((scores >= limit).sum())} ({float((scores >= limit).mean()):.1e})"
                for limit in (ALERT, RECORD)
            ]
            print(f"| {kind} | {len(scores)} | {' | '.join(cells)} |")


def _show_reliability(copies: Sequence[Pair], honest: Sequence[Pair]) -> None:
    scores = np.concatenate([_scores(copies, OURS), _scores(honest, OURS)])
    is_copy = np.concatenate([np.ones(len(copies)), np.zeros(len(honest))])
    mix = reliability(scores, is_copy, np.ones(len(scores)))
    even = np.where(is_copy == 1, 1 / max(1, len(copies)), 1 / max(1, len(honest)))
    print(f"\ncalibration error on the mix: {calibration_error(mix):.4f}")
    rows = reliability(scores, is_copy, even)
    print(f"calibration error with as many honest pairs as copies: {calibration_error(rows):.4f}")
    print("\n| score | pairs | mean score | copies among them | |\n|---|---|---|---|---|")
    for number, (_, mean, share, mass) in enumerate(mix):
        bar = "" if not mass else "#" * round(share * 20)
        print(
            f"| {number / 10:.1f}-{(number + 1) / 10:.1f} | {mass:.0f} | {mean:.3f} "
            f"| {share:.3f} | {bar} |"
        )


def _show_times(pairs: Sequence[Pair], others: Sequence[Shown]) -> None:
    """Of one process; other work on the machine counts in."""
    honest = [pair.seconds for pair in pairs if pair.kind in HONEST]
    copies = [pair.seconds for pair in pairs if pair.kind in KINDS]
    looked = [pair.seconds for pair in pairs if pair.features is not None]
    print("\n| what | median |\n|---|---|")
    print(
        f"| all fingerprints of a picture | {np.median([s.seconds for s in others]) * 1e3:.1f} ms |"
    )
    print(f"| compare, honest pair | {np.median(honest) * 1e3:.2f} ms |")
    print(f"| compare, copy | {np.median(copies) * 1e3:.2f} ms |")
    print(f"| compare, with the second look | {np.median(looked) * 1e3:.2f} ms |")
    share = sum(pair.features is not None for pair in pairs if pair.kind in HONEST) / len(honest)
    print(f"\nshare of honest pairs that get the second look: {share:.3f}")
    sizes = [sum(map(len, shown.prints.values())) for shown in others]
    print(f"stored bytes of a picture: median {np.median(sizes):.0f}, most {max(sizes)}")


def _show_worst(pairs: Sequence[Pair]) -> None:
    for title, kinds, sign in (("highest honest", HONEST, -1), ("lowest copies", tuple(KINDS), 1)):
        chosen = [pair for pair in pairs if pair.kind in kinds]
        print(f"\n{title}:")
        for pair in sorted(chosen, key=lambda pair: sign * pair.score)[:15]:
            print(f"  {pair.score:.4f}  {pair.kind}: {'  '.join(pair.names)}")


def show_fit(pairs: Sequence[Pair]) -> None:
    """Fit both logistics on the listed kinds; print the numbers for the code."""
    seen = [(pair, pair.features) for pair in pairs if pair.features is not None]
    copies = [(pair, both) for pair, both in seen if pair.kind in LISTED]
    for title, part, kinds, code in (
        ("THING", 0, HONEST, THING),
        ("PHOTOGRAPH", 1, VARIANTS, PHOTOGRAPH),
    ):
        used = copies + [(pair, both) for pair, both in seen if pair.kind in kinds]
        design = np.array([both[part] for _, both in used])
        target = np.array([float(pair.kind in LISTED) for pair, _ in used])
        weights = np.array([_FIT_WEIGHTS.get(pair.kind, 1.0) for pair, _ in used])
        found = fit_logistic(design, target, weights, _RIDGE)
        print(f"{len(used)} pairs, {int(target.sum())} of them copies")
        print(f"{title}: Final = {tuple(round(float(value), 3) for value in found)}")
        print(f"in the code: {code}")
