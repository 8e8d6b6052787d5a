"""Issues and targets in pairs: what a model is told of each, and what it starts from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from shared.arrays import Flags, Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Rows of (issue, target).

    Attributes:
        usual: What the weeks before say of the target, in kW per `scale`.
        departed: How far from usual the last hours were, in kW per `scale`, (rows x windows): the best single word
            first; NaN is no news.
        scale: What a departure is measured in [kW]; 0 where the target is known to be 0 (a roof at night).
        features: (rows x features), NaN is unknown.
        stated: Whether `usual` is what the site itself stated.
    """

    usual: Floats
    departed: Floats
    scale: Floats
    features: Floats
    stated: Flags

    def where(self, rows: Flags) -> "Pairs":
        """Return some of the rows."""
        return Pairs(self.usual[rows], self.departed[rows], self.scale[rows], self.features[rows], self.stated[rows])


def joined(pairs: Sequence[Pairs]) -> Pairs:
    """Return several sites' pairs as one."""
    parts = zip(*((one.usual, one.departed, one.scale, one.features) for one in pairs), strict=True)
    usual, departed, scale, features = (np.concatenate(part) for part in parts)
    return Pairs(usual, departed, scale, features, np.concatenate([one.stated for one in pairs]))


class View(Protocol):
    """A site as it was known at some time; two kinds of site have one each."""

    def scale_kw(self, target: Integers) -> Floats:
        """Return the scale of pairs with these target intervals."""

    def pairs(self, now: Integers, target: Integers) -> Pairs:
        """Return the pairs of issues (the number of the interval that had just begun) and target intervals."""
