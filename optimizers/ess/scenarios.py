"""One site's futures, from the quantiles of its forecast: what two-stage scheduling decides between."""

from dataclasses import dataclass, replace

import numpy as np

from optimizers.ess.case import Case, Schedule
from optimizers.ess.fleet import Fleet, FleetSolver
from shared.arrays import Floats
from shared.errors import BadInput

# Equally likely, and the middle one is the median, whose plan is shown.
LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
MIDDLE = LEVELS.index(0.5)
QUANTILE_LEVELS = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quantiles:
    """A forecast in each step: 10 %, 50 % and 90 %."""

    p10_kw: Floats
    p50_kw: Floats
    p90_kw: Floats

    def at(self, level: float) -> Floats:
        """Return the forecast at another level, between the outer ones, on the straight lines through the three."""
        series = np.stack((self.p10_kw, self.p50_kw, self.p90_kw))
        return np.array([np.interp(level, QUANTILE_LEVELS, series[:, t]) for t in range(series.shape[1])])


@dataclass
class CarefulSolver:
    """Schedules one battery against an uncertain load and sun.

    Args:
        caution: 0 minimises the mean cost of the scenarios, 1 the mean cost of the worst tenth.
        tied_steps: Steps that are decided now; later ones may depend on what came true.
    """

    caution: float
    tied_steps: int = 1

    def __post_init__(self) -> None:
        if not 0.0 <= self.caution <= 1.0:
            raise BadInput(where="settings", field="caution", rule="must be >= 0 and <= 1", value=self.caution)
        self._fleet = FleetSolver()

    def solve(self, case: Case, load: Quantiles, pv: Quantiles) -> Schedule:
        """Return the plan of the median, whose first steps are those that all scenarios agree on.

        Its values of energy are those of all scenarios together.

        A scenario is high or low all along, in load and against the sun alike: errors of forecasts last for hours, and
        what hurts is much load with little sun.
        """
        scenarios = tuple(
            replace(case, load_kw=np.maximum(load.at(level), 0.0), pv_kw=np.maximum(pv.at(1.0 - level), 0.0))
            for level in LEVELS
        )
        fleet = Fleet(sites=scenarios, tied_steps=self.tied_steps, caution=self.caution)
        schedules = self._fleet.solve(fleet).schedules
        # What a kWh is worth is its mean over the scenarios as they are weighed: with caution, more in the costly ones.
        value = np.mean([schedule.energy_value_krw_per_kwh for schedule in schedules], axis=0)
        trade_value = np.mean([schedule.trade_value_krw_per_kwh for schedule in schedules], axis=0)
        return replace(schedules[MIDDLE], energy_value_krw_per_kwh=value, trade_value_krw_per_kwh=trade_value)
