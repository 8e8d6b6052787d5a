"""What meter readings of a file show of themselves before any is believed: their step, and a register's numbers.

A person's file may hold hourly values, or what the meter's register showed. Taken as energy by quarter hour these look
like any other numbers, so that every road on which such a file comes in asks here.
"""

from collections.abc import Sequence
from itertools import groupby, pairwise
from math import gcd

from shared.intervals import INTERVAL_S

# A pattern that chance would make in fewer files than this is none of chance's: a grid of all starts, a run of some.
GRID_CHANCE_MAX = 1e-3
RUN_CHANCE_MAX = 1e-5
EQUAL_DISTANCES_MIN = 2
# A day: what is used in an interval falls within one about as often as it rises.
REGISTER_ROWS_MIN = 96
REGISTER_RISES_MIN = 24
# A register falls where the meter was exchanged or rolled over.
RISES_A_FALL_MIN = 50


def step_s(starts: Sequence[int]) -> int:
    """Return how far apart readings are [s] that each stand for the time until the next one.

    Longer than a quarter hour only where all the starts lie on such a grid, which quarter hours with gaps do in one of
    a thousand files; a distance that is no whole number of quarter hours is returned as it is.

    Args:
        starts: Seconds since 1970 UTC, rising.
    """
    distances = [later - earlier for earlier, later in pairwise(starts)]
    grid = gcd(*distances)
    if grid <= INTERVAL_S or grid % INTERVAL_S:
        return grid or INTERVAL_S
    return grid if (INTERVAL_S / grid) ** len(distances) < GRID_CHANCE_MAX else INTERVAL_S


def change_of_step(starts: Sequence[int]) -> int | None:
    """Return the position from which readings come at a longer step than at first or elsewhere; None where none do.

    Readings that are lost by chance leave the same distance several times in a row, too: how often is reckoned with
    the share of those that are not lost.

    Args:
        starts: Seconds since 1970 UTC, rising.
    """
    step = step_s(starts)
    distances = [later - earlier for earlier, later in pairwise(starts)]
    # Of a few rows the share is hardly known: one more of either kind is counted.
    kept = (sum(distance == step for distance in distances) + 1) / (len(distances) + 2)
    position = 0
    for distance, run in groupby(distances):
        length = len(list(run))
        if distance > step and length >= EQUAL_DISTANCES_MIN:
            by_chance = kept * (1 - kept) ** (distance // step - 1)
            if len(distances) * by_chance**length < RUN_CHANCE_MAX:
                return position
        position += length
    return None


def is_register(readings: Sequence[float]) -> bool:
    """Say whether numbers, in order of time, are what a register showed and not what was used in each interval.

    Where they are fewer than a day's quarter hours nothing can be said.
    """
    if len(readings) < REGISTER_ROWS_MIN:
        return False
    rises = sum(later > earlier for earlier, later in pairwise(readings))
    falls = sum(later < earlier for earlier, later in pairwise(readings))
    return rises >= REGISTER_RISES_MIN and rises >= RISES_A_FALL_MIN * falls
