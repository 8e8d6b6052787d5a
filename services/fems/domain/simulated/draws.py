"""Chance that gives the same answer at every asking: numbers that a seed and a counter decide.

Whole-number arithmetic and rational functions alone, so that no version of a library's generators changes a plant.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shared.arrays import Floats, Integers

# SplitMix64: Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators", with Stafford's mix 13.
GAMMA, MIX_1, MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
WORD = 2**64
FRACTION_BITS = 53


@lru_cache(maxsize=16_384)
def seed_of(*names: str | int) -> int:
    """Return the seed that names stand for, in order."""
    return int.from_bytes(hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=8).digest())


def words(seed: int | Sequence[int], counters: Integers) -> NDArray[np.uint64]:
    """Return the SplitMix64 words that follow a seed, at some places of its sequence (0 is the first).

    Several seeds have a row each.
    """
    seeds = np.array(seed, dtype=np.uint64)
    word = seeds[..., None] + (counters.astype(np.uint64) + np.uint64(1)) * np.uint64(GAMMA)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(MIX_1)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(MIX_2)
    return np.asarray(word ^ (word >> np.uint64(31)))


def uniform(seed: int | Sequence[int], counters: Integers) -> Floats:
    """Return numbers in [0, 1), one for each counter; several seeds have a row each."""
    return np.asarray((words(seed, counters) >> np.uint64(64 - FRACTION_BITS)) * 2.0**-FRACTION_BITS)


def fraction(*names: str | int) -> float:
    """Return the number in [0, 1) that names stand for."""
    return seed_of(*names) / WORD


def smooth(seed: int | Sequence[int], at: Integers, *, every: int) -> Floats:
    """Return smooth courses in [0, 1) through values at every so-many-th place, a row a seed; `at` ascends."""
    node = at // every
    first = int(node[0])
    heights = uniform(seed, np.arange(first, int(node[-1]) + 2))
    part = (at - node * every) / every
    ease = part * part * (3 - 2 * part)
    low, high = heights[..., node - first], heights[..., node - first + 1]
    return np.asarray(low + (high - low) * ease)
