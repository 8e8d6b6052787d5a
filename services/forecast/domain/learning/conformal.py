"""Ranges that hold what they promise: P10 and P90 moved by how far off those of the last weeks were.

Source:
    Romano, Patterson and Candès, Conformalized quantile regression (2019), each side for itself, over a moving window.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.arrays import Flags, Floats, Integers

WINDOW_DAYS = 42
# So much should lie beyond each side.
TAIL = 0.1
# Below this many a group is judged with all others, and below it again nothing is moved.
SAMPLES_MIN = 80
# Of a few days' errors the correction would take the largest: ranges that say nothing.
LEVEL_MAX = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """Forecasts that were tried and what came: how far it lay beyond each side, in the forecast's own scale.

    Attributes:
        now: When each was issued.
        target: What for; both are numbers of intervals since 1970.
        group: Of leads (and light) that are judged together.
        below: P10 less what came.
        missed: P50 less what came.
        above: What came less P90.
        scale_kw: The forecast's scale.
    """

    now: Integers
    target: Integers
    group: Integers
    below: Floats
    missed: Floats
    above: Floats
    scale_kw: Floats

    def __len__(self) -> int:
        return len(self.now)

    def where(self, rows: Flags) -> "Errors":
        """Return some of them."""
        now, target, group = (part[rows] for part in self.places)
        return Errors(now, target, group, *(part[rows] for part in self.distances))

    @property
    def places(self) -> tuple[Integers, Integers, Integers]:
        """Return the first fields in order."""
        return self.now, self.target, self.group

    @property
    def distances(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return the other fields in order."""
        return self.below, self.missed, self.above, self.scale_kw

    def pinball_kw(self, down: Floats, up: Floats) -> Floats:
        """Return each one's mean pinball loss over P10, P50 and P90, its group's ranges moved."""
        low, high = self.below - down[self.group], self.above - up[self.group]
        of_low = np.maximum(-TAIL * low, (1.0 - TAIL) * low)
        of_high = np.maximum(-TAIL * high, (1.0 - TAIL) * high)
        loss: Floats = (of_low + np.abs(self.missed) / 2 + of_high) / 3 * self.scale_kw
        return loss


NO_ERRORS = Errors(*(np.zeros(0, dtype=np.int64),) * 3, *(np.zeros(0),) * 4)


def joined(errors: Sequence[Errors]) -> Errors:
    """Return them all as one; at least one is needed."""
    now, target, group = (np.concatenate(part) for part in zip(*(one.places for one in errors), strict=True))
    distances = (np.concatenate(part) for part in zip(*(one.distances for one in errors), strict=True))
    return Errors(now, target, group, *distances)


def moves(errors: Errors, samples: Floats) -> tuple[Floats, Floats]:
    """Return by how much P10 must go down and P90 up in each group; negative where they are too wide.

    `samples` is how many independent samples each group's errors are worth: hours of one cloudy day are not.
    """
    groups = len(samples)
    down, up = np.zeros(groups), np.zeros(groups)
    if len(errors) >= SAMPLES_MIN:
        down[:], up[:] = _reach(errors.below, samples.min()), _reach(errors.above, samples.min())
    for group in range(groups):
        rows = errors.group == group
        if np.count_nonzero(rows) >= SAMPLES_MIN:
            down[group] = _reach(errors.below[rows], samples[group])
            up[group] = _reach(errors.above[rows], samples[group])
    return down, up


def _reach(beyond: Floats, samples: float) -> float:
    """Return the distance that all but TAIL stay below, with the correction for a finite sample."""
    level = min((1.0 - TAIL) * (1.0 + 1.0 / max(samples, 1.0)), LEVEL_MAX)
    return float(np.quantile(beyond, level))
