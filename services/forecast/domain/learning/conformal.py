"""Ranges that hold what they promise: P10 and P90 moved by how far off those of the last weeks were.

Source:
    Romano, Patterson and Candès, Conformalized quantile regression (2019), each side for itself, over a moving window.
"""

from dataclasses import dataclass

import numpy as np

from shared.arrays import Flags, Floats, Integers

WINDOW_DAYS = 42
# So much should lie beyond each side.
TAIL = 0.1
# Below this many a group is judged with all others, and below it again nothing is moved.
SAMPLES_MIN = 80


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """Forecasts that were tried and what came: how far it lay beyond each side, in the forecast's own scale.

    Attributes:
        now: When each was issued.
        target: What for.
        group: Of leads (and light) that are judged together.
        below: P10 less what came.
        above: What came less P90.
    """

    now: Integers
    target: Integers
    group: Integers
    below: Floats
    above: Floats

    def __len__(self) -> int:
        return len(self.now)

    def where(self, rows: Flags) -> "Errors":
        """Return some of them."""
        return Errors(self.now[rows], self.target[rows], self.group[rows], self.below[rows], self.above[rows])


NO_ERRORS = Errors(*(np.zeros(0, dtype=np.int64),) * 3, *(np.zeros(0),) * 2)


def joined(errors: list[Errors]) -> Errors:
    """Return them all as one."""
    parts = zip(*((one.now, one.target, one.group, one.below, one.above) for one in errors), strict=True)
    now, target, group, below, above = (np.concatenate(part) for part in parts)
    return Errors(now, target, group, below, above)


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
    level = min((1.0 - TAIL) * (1.0 + 1.0 / max(samples, 1.0)), 1.0)
    return float(np.quantile(beyond, level))
