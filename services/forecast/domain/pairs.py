"""Issues and targets in pairs: what a model is told of each, and what it starts from."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Rows of (issue, target).

    Attributes:
        live: What the last hours say of the target, in kW per `scale`; NaN is no news.
        usual: What the weeks before say of it, in kW per `scale`.
        scale: What a departure is measured in [kW]; 0 where the target is known to be 0 (a roof at night).
        features: (rows x features), NaN is unknown.
    """

    live: Floats
    usual: Floats
    scale: Floats
    features: Floats


class View(Protocol):
    """A site as it was known at some time; two kinds of site have one each."""

    def pairs(self, now: Integers, target: Integers) -> Pairs:
        """Return the pairs of issues (the number of the interval that had just begun) and target intervals."""
