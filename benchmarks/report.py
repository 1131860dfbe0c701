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
from peer_report import HONEST, OURS, scores_of, show_peers
from peer_report import show_kinds as show_peer_kinds

from monitor.matching.compare.score import PHOTOGRAPH, THING

if TYPE_CHECKING:
    from recognition import Pair, Shown

ALERT, RECORD = 0.80, 0.50
VARIANTS: Final = (
    "another print",
    "part recoloured",
    "mock-up",
    "family",
    "family, recoloured",
)
# Weight of a pair when the score is fitted. Several pairs are made of one picture; a listed kind of
# copy stands for its share of the unseen ones, so that the score means what it says on the mix.
_FIT_WEIGHTS: Final = {
    "another print": 0.5,
    "part recoloured": 0.5,
    **dict.fromkeys(LISTED, len(KINDS) / len(LISTED)),
}
_RIDGE: Final = 1e-4


def _scores(pairs: Sequence[Pair], name: str = OURS) -> Doubles:
    return scores_of(pairs, name)


def show(pairs: Sequence[Pair], others: Sequence[Shown]) -> None:
    copies = [pair for pair in pairs if pair.kind in KINDS]
    honest = [pair for pair in pairs if pair.kind in HONEST]
    show_peers(pairs, others)
    _show_kinds(copies, honest)
    show_peer_kinds(pairs)
    _show_contents(copies, honest)
    _show_others(pairs)
    _show_listed(pairs, threshold(_scores(honest), 1e-3))
    _show_reliability(copies, honest, [pair for pair in pairs if pair.kind in VARIANTS])
    _show_times(pairs, others)
    _show_worst(pairs)


def _show_kinds(copies: Sequence[Pair], honest: Sequence[Pair]) -> None:
    limits = [threshold(_scores(honest), rate) for rate in RATES]
    header = " | ".join(f"{rate:.0e}" for rate in RATES)
    print(f"\n| kind | copies | {header} | >= {ALERT} | >= {RECORD} | average precision |")
    print("|---|---|---|---|---|---|---|---|")
    parts = {"**all**": set(KINDS), "**listed**": set(LISTED), "**unseen**": set(UNSEEN)}
    for title, kinds in (parts | {kind: {kind} for kind in KINDS}).items():
        scores = _scores([pair for pair in copies if pair.kind in kinds])
        cells = [f"{recall(scores, limit):.3f}" for limit in limits]
        cells += [f"{float((scores >= limit).mean()):.3f}" for limit in (ALERT, RECORD)]
        cells.append(f"{average_precision(scores, _scores(honest)):.4f}")
        print(f"| {title} | {len(scores)} | {' | '.join(cells)} |")


def _show_contents(copies: Sequence[Pair], honest: Sequence[Pair]) -> None:
    limit = threshold(_scores(honest, OURS), 1e-3)
    print("\n| content of the original | copies | recall at 1e-03 |\n|---|---|---|")
    for content in sorted({pair.content for pair in copies}):
        chosen = [pair for pair in copies if pair.content == content]
        scores = _scores(chosen, OURS)
        print(f"| {content or 'unknown'} | {len(chosen)} | {recall(scores, limit):.3f} |")


def _show_others(pairs: Sequence[Pair]) -> None:
    print(f"\n| others | pairs | >= {ALERT} | >= {RECORD} | told as variant |")
    print("|---|---|---|---|---|")
    parts: dict[str, tuple[str, ...]] = {kind: (kind,) for kind in (*HONEST, *VARIANTS)}
    parts["**all families**"] = ("family", "family, recoloured")
    for title, kinds in parts.items():
        chosen = [pair for pair in pairs if pair.kind in kinds]
        if chosen:
            print(f"| {title} | {len(chosen)} | {' | '.join(_shares(chosen))} |")


def _shares(pairs: Sequence[Pair]) -> list[str]:
    """How many are told, recorded, and called a variant."""
    scores = _scores(pairs)
    counts = [int((scores >= limit).sum()) for limit in (ALERT, RECORD)]
    counts.append(sum(pair.relation == "variant" for pair in pairs))
    return [f"{count} ({count / len(pairs):.1%})" for count in counts]


def _show_listed(pairs: Sequence[Pair], limit: float) -> None:
    """Pairs of real files, edited by others."""
    kinds = sorted({pair.kind for pair in pairs if pair.kind.startswith("listed ")})
    if kinds:
        print(f"\n| listed pairs | pairs | above 1e-3 | >= {ALERT} | >= {RECORD} | variant |")
        print("|---|---|---|---|---|---|")
    for kind in kinds:
        chosen = [pair for pair in pairs if pair.kind == kind]
        above = f"{recall(_scores(chosen), limit):.3f}"
        print(f"| {kind[7:]} | {len(chosen)} | {above} | {' | '.join(_shares(chosen))} |")


def _show_reliability(
    copies: Sequence[Pair], honest: Sequence[Pair], variants: Sequence[Pair]
) -> None:
    """The diagram is of copies, honest pairs and variants together."""
    parts = [_scores(part) for part in (copies, honest, variants)]
    scores = np.concatenate(parts)
    is_copy = np.concatenate([np.ones(len(copies)), np.zeros(len(honest) + len(variants))])
    mix = reliability(scores, is_copy, np.ones(len(scores)))
    print(f"\ncalibration error on the mix: {calibration_error(mix):.4f}")
    for title, others in (("honest pairs", honest), ("other pairs", [*honest, *variants])):
        two = np.concatenate([_scores(copies), _scores(others)])
        labels = np.concatenate([np.ones(len(copies)), np.zeros(len(others))])
        even = np.where(labels == 1, 1 / max(1, len(copies)), 1 / max(1, len(others)))
        error = calibration_error(reliability(two, labels, even))
        print(f"calibration error with as many {title} as copies: {error:.4f}")
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
