"""Gradient-boosted trees for the mean and the quantiles of one number: LightGBM, one thread, repeatable to the bit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.arrays import Floats
from shared.errors import BadInput

try:
    import lightgbm
except OSError:
    # Its wheel takes the OpenMP runtime from the machine; most have it through a compiler or another library.
    lightgbm = None  # type: ignore[assignment]  # mypy knows no module that may be missing


# Few, small trees with well-filled leaves: a site's history is short, and its weeks are alike.
TREES = 60
SETTINGS: dict[str, object] = {
    "num_leaves": 8,
    "learning_rate": 0.09,
    "min_data_in_leaf": 300,
    "lambda_l2": 5.0,
    "feature_fraction": 0.8,
    "max_bin": 63,
    "seed": 20180101,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
# Below this many rows trees learn noise; the caller then goes without.
ROWS_MIN = 1_000


def require() -> None:
    """Raise BadInput where trees can't be learned on this machine."""
    if not is_here():
        hint, rule = "apt-get install libgomp1", "must be installed"
        raise BadInput(where="machine", field="libgomp.so.1", rule=rule, value="missing", hint=hint)


def is_here() -> bool:
    """Say whether trees can be learned, and served, on this machine."""
    return lightgbm is not None


def version() -> str:
    """Return what learns the trees."""
    return f"LightGBM {lightgbm.__version__}"


@dataclass(frozen=True, slots=True, eq=False)
class Boosted:
    """One model for the mean and one for each quantile, mean first."""

    models: "tuple[lightgbm.Booster, ...]"

    def predict(self, features: Floats) -> Floats:
        """Return (rows x outputs)."""
        return np.column_stack([np.asarray(one.predict(features, num_threads=1)) for one in self.models])

    def as_texts(self) -> list[str]:
        """Return what `boosted_of` makes the same models of."""
        return [one.model_to_string() for one in self.models]


def boosted_of(texts: Sequence[str]) -> Boosted:
    """Return the models that were written by `Boosted.as_texts`."""
    return Boosted(tuple(lightgbm.Booster(model_str=text) for text in texts))


def fit(features: Floats, target: Floats, weight: Floats, quantiles: Sequence[float]) -> Boosted | None:
    """Learn the mean and some quantiles; None where there are too few rows.

    Args:
        features: (rows x features), NaN is unknown.
        target: What to learn.
        weight: How much each row counts, not negative.
        quantiles: In (0, 1).
    """
    require()
    if len(target) < ROWS_MIN:
        return None
    rows = lightgbm.Dataset(
        features, label=target, weight=weight, params={**SETTINGS, "objective": "regression"}, free_raw_data=False
    )
    objectives: list[dict[str, object]] = [{"objective": "regression"}]
    objectives += [{"objective": "quantile", "alpha": quantile} for quantile in quantiles]
    return Boosted(tuple(lightgbm.train({**SETTINGS, **one}, rows, num_boost_round=TREES) for one in objectives))
