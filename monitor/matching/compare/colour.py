"""The one smooth change of light and colour that leads from one picture to the other.

A seller changes brightness, contrast, hue, tint or light of the whole picture; a shop recolours the
product and leaves the rest. So one change is fitted for the whole overlap, by majority, and what it
leaves tells the two apart. First the light, a factor that changes slowly over the picture, then the
colours, the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from monitor.matching.fingerprint.describe import Flags, Floats, Places

# Parts of the channels in what looks light or dark (ITU-R BT.601).
LUMA: Final[Floats] = np.array((0.299, 0.587, 0.114), dtype=np.float32)
# Light: a polynomial of this degree over the picture, enough for a shadow's edge.
_DEGREE: Final = 4
_LEAST_LIGHT, _MOST_LIGHT = 0.2, 3.0
# Terms of a change of colour: three channels, their squares, a constant.
_TERMS: Final = 7
_CHANNELS: Final = slice(0, 3)
_SQUARES: Final = 3
_ROUNDS: Final = 3
# Windows that the fits look at, at most.
_SAMPLES: Final = 900
# Grey levels off from which a window counts less for the change: it shows something else.
_OUTLIER: Final = 20.0
_RIDGE: Final = 0.002
_MOST_GAIN: Final = 3.0
_WHITE: Final = np.float32(255)


@dataclass(frozen=True, slots=True, eq=False)
class ColourChange:
    """What differs, in grey levels, a value a window: in the same light (`apart`), after a change
    per channel (`tint`), and after one that mixes the three (`colour`).

    `light` is the second picture's over the first's. `is_forward` says that the colours lead from
    the first picture to the second.
    """

    light: Floats
    apart: Floats
    tint: Floats
    colour: Floats
    is_forward: bool
    mixing: Floats  # (3, 3)

    def to_grey(self) -> Floats:
        """The weights by which the three channels make the other picture's grey."""
        return np.asarray(self.mixing @ LUMA, dtype=np.float32)


def match_colours(one: Floats, other: Floats, inside: Flags) -> ColourChange:
    """The change between two grids of colours, (rows, columns, 3), grey levels 0..255.

    It leads from the more colourful of the two: colours that a copy has lost can't be made again.
    """
    places = np.flatnonzero(inside)
    places = places[:: -(-len(places) // _SAMPLES)]
    light = _fit_light(one @ LUMA, other @ LUMA, places)
    lit = np.minimum(one * light[..., None], _WHITE)
    first, second = lit.reshape(-1, 3), other.reshape(-1, 3)
    vividness = _vividness(first[places]), _vividness(second[places])
    is_forward = vividness[0] >= vividness[1]
    source, target = (first, second) if is_forward else (second, first)
    design, wanted = _design(source / _WHITE), target / _WHITE
    rows, goal = design[places], wanted[places]
    normal, towards = _weigh(rows, goal - rows[:, _CHANNELS])
    mixed, plain = _solve(normal, towards), _solve_apart(normal, towards)
    gain = _gain(rows[:, _CHANNELS], goal)
    tint, colour = (
        _left(design, change, wanted, gain).reshape(inside.shape) for change in (plain, mixed)
    )
    # Where the target is grey, no hue can have changed on its own.
    tint *= np.float32(min(vividness) / max(*vividness, 1e-3))
    apart = np.abs(lit - other).mean(axis=2)
    mixing = np.eye(3, dtype=np.float32) + mixed[_CHANNELS]
    return ColourChange(light, apart, tint, colour, is_forward, mixing)


def _fit_light(one: Floats, other: Floats, places: Places) -> Floats:
    """The factor from `one` to `other` over the grid, by majority of the windows at `places`."""
    terms = _light_terms(*one.shape)
    rows = terms[places] * (one.ravel()[places] / _WHITE)[:, None]
    rest = ((other - one).ravel()[places] / _WHITE)[:, None]
    solved = _solve(*_weigh(rows, rest))
    light = 1 + (terms @ solved).reshape(one.shape)
    return np.asarray(np.clip(light, _LEAST_LIGHT, _MOST_LIGHT), dtype=np.float32)


# Most canvases have one of few shapes; about 200 kB each.
@lru_cache(maxsize=64)
def _light_terms(height: int, width: int) -> Floats:
    """(windows, terms): the polynomial's terms at each place of a grid."""
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    along = np.linspace(-1, 1, width, dtype=np.float32)[None]
    powers = [(a, b) for a in range(_DEGREE + 1) for b in range(_DEGREE + 1 - a)]
    return np.stack([(down**a * along**b).ravel() for a, b in powers], axis=1)


def _vividness(colours: Floats) -> float:
    return float((colours - colours.mean(axis=1, keepdims=True)).std())


def _design(source: Floats) -> Floats:
    """(windows, terms) of colours 0..1."""
    ones = np.ones((len(source), 1), dtype=np.float32)
    return np.hstack([source, source * source, ones])


def _weigh(rows: Floats, rest: Floats) -> tuple[Floats, Floats]:
    """The normal equations, windows that stay far off counting little."""
    ridge = np.float32(_RIDGE * len(rows)) * np.eye(rows.shape[1], dtype=np.float32)
    normal, towards = rows.T @ rows + ridge, rows.T @ rest
    for _ in range(_ROUNDS):
        off = np.abs(rows @ _solve(normal, towards) - rest) @ _mean_of(rest)
        off *= np.float32(255 / _OUTLIER)
        weighted = rows / (1 + off * off)[:, None]
        normal, towards = weighted.T @ rows + ridge, weighted.T @ rest
    return normal, towards


def _mean_of(rest: Floats) -> Floats:
    return np.full(rest.shape[1], 1 / rest.shape[1], dtype=np.float32)


def _solve(normal: Floats, towards: Floats) -> Floats:
    return np.asarray(np.linalg.solve(normal, towards), dtype=np.float32)


def _solve_apart(normal: Floats, towards: Floats) -> Floats:
    """Each channel from itself alone."""
    found = np.zeros_like(towards)
    for channel in range(3):
        kept = [channel, channel + _SQUARES, _TERMS - 1]
        found[kept, channel] = _solve(normal[np.ix_(kept, kept)], towards[kept, channel])
    return found


def _gain(source: Floats, goal: Floats) -> float:
    """How much the contrast fell: in a faint copy a difference counts for more."""
    ratio = float(source.std()) / max(float(goal.std()), 1e-3)
    return min(_MOST_GAIN, max(1.0, ratio))


def _left(design: Floats, change: Floats, wanted: Floats, gain: float) -> Floats:
    changed = np.clip(design[:, _CHANNELS] + design @ change, 0, 1)
    off = np.abs(changed - wanted).mean(axis=1)
    return np.asarray(off * np.float32(255 * gain), dtype=np.float32)
