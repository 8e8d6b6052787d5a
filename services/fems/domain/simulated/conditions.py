"""What a simulated complex is asked to go through: clouds over all its roofs, consumption on top of a factory's own.

Both hold for whole intervals and are part of what the meters count, so that a restart finds the same counters for as
long as they stay asked for. What has passed must not be asked for anew.
"""

from dataclasses import dataclass

import numpy as np

from shared.arrays import Floats, Integers
from shared.intervals import INTERVALS_PER_HOUR


@dataclass(frozen=True, slots=True)
class CloudFront:
    """Clouds that let `through` of the light come, by interval from number `first` on."""

    first: int
    through: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LoadStep:
    """What a factory draws on top of its own load in `count` intervals from number `first` on."""

    participant_id: str
    first: int
    count: int
    added_w: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """All that a complex is asked to go through."""

    fronts: tuple[CloudFront, ...] = ()
    steps: tuple[LoadStep, ...] = ()

    def through(self, first: int, count: int) -> Floats:
        """Return which part of the light comes through all fronts, for `count` intervals from number `first` on."""
        part = np.ones(count)
        for front in self.fronts:
            begin, end = _overlap(front.first, len(front.through), first, count)
            part[begin - first : end - first] *= front.through[begin - front.first : end - front.first]
        return part

    def added_wh(self, participant_id: str, first: int, count: int) -> Integers:
        """Return what a factory draws on top, for `count` intervals from number `first` on."""
        added = np.zeros(count, dtype=np.int64)
        for step in self.steps:
            if step.participant_id == participant_id:
                begin, end = _overlap(step.first, step.count, first, count)
                added[begin - first : end - first] += step.added_w // INTERVALS_PER_HOUR
        return added


AS_EVER = Conditions()


def as_ever() -> Conditions:
    """Return that nothing is asked for."""
    return AS_EVER


def _overlap(first: int, count: int, wanted_first: int, wanted_count: int) -> tuple[int, int]:
    """Return which intervals two ranges have in common, as first and end; the end is the first where there is none."""
    begin = min(max(first, wanted_first), wanted_first + wanted_count)
    return begin, max(begin, min(first + count, wanted_first + wanted_count))
