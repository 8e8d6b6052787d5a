"""One ESS scheduling case and its answer, as values; files and HTTP are turned into these and back at the edges."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from shared.arrays import Flags, Floats
from shared.errors import BadInput

MINUTES_PER_HOUR = 60.0
MINUTES_PER_DAY = 1440.0
# Larger magnitudes are typing errors, and would drown the rest of the case in rounding.
MAGNITUDE_MAX = 1e9
# A window is a whole number of steps up to this share of a step, which floats in minutes can't express better.
WINDOW_TOLERANCE = 1e-9
POWER_AND_CHARGE_FIELDS = (
    "demand_charge_krw_per_kw",
    "prior_peak_kw",
    "import_limit_kw",
    "export_limit_kw",
    "charge_kw_before",
    "discharge_kw_before",
)
# Where a rule is broken, until the edge that read the case says which file it was.
WHERE = "case"


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """One ESS as the scheduler sees it; powers are AC, soc_* are fractions of capacity_kwh.

    Args:
        cycle_cost_krw_per_kwh: Paid for each kWh discharged (AC).
    """

    capacity_kwh: float
    max_charge_kw: float
    max_discharge_kw: float
    charge_efficiency: float
    discharge_efficiency: float
    soc_min: float
    soc_max: float
    soc_initial: float
    soc_final_min: float
    cycle_cost_krw_per_kwh: float

    def __post_init__(self) -> None:
        at = "$.battery"
        for name in ("capacity_kwh", "max_charge_kw", "max_discharge_kw", "cycle_cost_krw_per_kwh"):
            _check_range(f"{at}.{name}", getattr(self, name), 0.0, MAGNITUDE_MAX)
        for name in ("charge_efficiency", "discharge_efficiency"):
            efficiency = getattr(self, name)
            if not 0.0 < efficiency <= 1.0:
                raise _broken(f"{at}.{name}", "must be > 0 and <= 1", efficiency)
        for name in ("soc_min", "soc_max", "soc_initial", "soc_final_min"):
            _check_range(f"{at}.{name}", getattr(self, name), 0.0, 1.0)
        if self.soc_min > self.soc_max:
            raise _broken(f"{at}.soc_min", f"must be <= soc_max ({self.soc_max})", self.soc_min)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DemandCharge:
    """A peak that is paid for beside the case's first one: another month's, or the part of a ratchet above a level.

    Args:
        charge_krw_per_kw: Paid for the highest window mean in steps that count, or prior_peak_kw if that is higher.
        counts: Steps that can set this peak; None for all.
    """

    charge_krw_per_kw: float
    prior_peak_kw: float
    counts: Flags | None = None

    def __post_init__(self) -> None:
        for name in ("charge_krw_per_kw", "prior_peak_kw"):
            _check_range(f"$.more_demand.{name}", getattr(self, name), 0.0, MAGNITUDE_MAX)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """A site, its prices and its battery over a horizon of equal steps.

    Args:
        step_minutes: Length of a step.
        load_kw: Average consumption of each step.
        pv_kw: Average solar power available in each step.
        price_buy_krw_per_kwh: Price of imported energy in each step, of either sign.
        price_sell_krw_per_kwh: Price of exported energy in each step, of either sign.
        demand_charge_krw_per_kw: Paid for the highest window mean of import, or prior_peak_kw if that is higher.
        import_limit_kw: None for no limit.
        export_limit_kw: None for no limit.
        pv_curtailable: Solar power may be left unused.
        demand_window_minutes: A multiple of step_minutes; shorter than a step, each step is a window.
        demand_counts: Steps that can set the peak (the Korean light load hours can't); None for all.
        more_demand: Further peaks that are paid for.
        bought_kw: Power bought by trades already made, in each step: it flows through the meter, but is paid for.
        sold_kw: Power sold by trades already made, in each step.
        charge_kw_before: What the battery does before the first step, so that smoothness can count from there.
        discharge_kw_before: The same, when it discharges.
    """

    step_minutes: float
    load_kw: Floats
    pv_kw: Floats
    price_buy_krw_per_kwh: Floats
    price_sell_krw_per_kwh: Floats
    demand_charge_krw_per_kw: float
    prior_peak_kw: float
    battery: Battery | None
    import_limit_kw: float | None = None
    export_limit_kw: float | None = None
    pv_curtailable: bool = False
    demand_window_minutes: float = 15.0
    demand_counts: Flags | None = None
    more_demand: tuple[DemandCharge, ...] = ()
    bought_kw: Floats | None = None
    sold_kw: Floats | None = None
    charge_kw_before: float = 0.0
    discharge_kw_before: float = 0.0

    def __post_init__(self) -> None:
        for name in ("step_minutes", "demand_window_minutes"):
            _check_minutes(f"$.{name}", getattr(self, name))
        if len(self.load_kw) == 0:
            raise _broken("$.load_kw", "must have at least one step", "0 steps")
        for name in ("load_kw", "pv_kw", "bought_kw", "sold_kw"):
            if getattr(self, name) is not None:
                _check_series(f"$.{name}", getattr(self, name), len(self.load_kw), 0.0)
        for name in ("price_buy_krw_per_kwh", "price_sell_krw_per_kwh"):
            _check_series(f"$.{name}", getattr(self, name), len(self.load_kw), -MAGNITUDE_MAX)
        for name in POWER_AND_CHARGE_FIELDS:
            if getattr(self, name) is not None:
                _check_range(f"$.{name}", getattr(self, name), 0.0, MAGNITUDE_MAX)
        _check_counts("$.demand_counts", self.demand_counts, len(self.load_kw))
        for k, more in enumerate(self.more_demand):
            _check_counts(f"$.more_demand[{k}].counts", more.counts, len(self.load_kw))
        ratio = self.demand_window_minutes / self.step_minutes
        if ratio > 1.0 and abs(ratio - round(ratio)) > WINDOW_TOLERANCE:
            rule = f"must be a multiple of step_minutes ({self.step_minutes})"
            raise _broken("$.demand_window_minutes", rule, self.demand_window_minutes)

    @property
    def steps(self) -> int:
        """How many steps the horizon has."""
        return len(self.load_kw)

    @property
    def step_h(self) -> float:
        """Length of a step [h]."""
        return self.step_minutes / MINUTES_PER_HOUR

    @property
    def window_steps(self) -> int:
        """Steps in a demand window."""
        return min(self.steps, max(1, round(self.demand_window_minutes / self.step_minutes)))

    @property
    def demand_charges(self) -> tuple[DemandCharge, ...]:
        """Every peak that is paid for, the first one first."""
        first = DemandCharge(
            charge_krw_per_kw=self.demand_charge_krw_per_kw,
            prior_peak_kw=self.prior_peak_kw,
            counts=self.demand_counts,
        )
        return (first, *self.more_demand)

    @property
    def traded_kw(self) -> Floats:
        """What trades bring to the site in each step; below 0 where they take."""
        nothing = np.zeros(self.steps)
        return (nothing if self.bought_kw is None else self.bought_kw) - (
            nothing if self.sold_kw is None else self.sold_kw
        )

    @property
    def residual_load_kw(self) -> Floats:
        """What is left to supply in each step before the battery and the grid do; below 0 for a surplus."""
        return self.load_kw - self.pv_kw - self.traded_kw

    def without_battery(self) -> "Case":
        """Return the same case with no battery."""
        return replace(self, battery=None)


LimitName = Literal["import_limit_kw", "export_limit_kw", "soc_min", "soc_max", "soc_final_min"]


@dataclass(frozen=True, slots=True)
class Violation:
    """A limit that gave way at the end of (soc_*) or during (others) a step."""

    limit: LimitName
    step: int
    excess: float
    unit: Literal["kW", "kWh"]


@dataclass(frozen=True, slots=True)
class SolveRecord:
    """How the answer was found.

    Args:
        method: "lp", or "milp" where binaries were needed.
        seconds_build: Time to compile and stamp the arrays.
        seconds_solve: Time in the solver and in checking its answers.
        gap: Relative gap that the MILP proved; 0 for an LP.
        violation_gap: The same of the MILP that found the least violation; 0 where none was needed.
    """

    method: Literal["lp", "milp"]
    seconds_build: float
    seconds_solve: float
    gap: float
    violation_gap: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Schedule:
    """The answer to a case; arrays have a value for each step, soc_kwh at its end.

    Args:
        status: "relaxed" where the limits could not be met; then `violations` says which, when and by how much.
        cost_without_battery_krw: What the best plan without the battery would cost.
        peak_kw: The first peak that is paid for.
        more_peaks_kw: The peaks of `Case.more_demand`.
        peak_without_battery_kw: The first peak of the best plan without the battery.
        peak_value_krw_per_kw: What one more kW at the highest metered demand of the plan would cost, over all the
            months that it would count in: what shaving it is worth.
        energy_value_krw_per_kwh: What one more kWh of load in the step would cost.
        trade_value_krw_per_kwh: What one more kWh bought in the step would save, or sold would cost: the value of
            energy without its part in a peak, as what is traded flows through the meter all the same.
        reasons: One code of `optimizers.ess.reasons.Reason` for each step.
    """

    status: Literal["optimal", "relaxed"]
    cost_krw: float
    cost_without_battery_krw: float
    charge_kw: Floats
    discharge_kw: Floats
    curtail_kw: Floats
    import_kw: Floats
    export_kw: Floats
    soc_kwh: Floats
    peak_kw: float
    more_peaks_kw: tuple[float, ...]
    peak_without_battery_kw: float
    peak_value_krw_per_kw: float
    energy_value_krw_per_kwh: Floats
    trade_value_krw_per_kwh: Floats
    reasons: tuple[str, ...]
    violations: tuple[Violation, ...]
    solve: SolveRecord


def _broken(path: str, rule: str, value: object) -> BadInput:
    return BadInput(where=WHERE, field=path, rule=rule, value=value)


def _check_range(path: str, number: float, low: float, high: float) -> None:
    if not low <= number <= high:
        raise _broken(path, f"must be >= {low:g} and <= {high:g}", number)


def _check_minutes(path: str, minutes: float) -> None:
    if not 0.0 < minutes <= MINUTES_PER_DAY:
        raise _broken(path, f"must be > 0 and <= {MINUTES_PER_DAY:g} minutes", minutes)


def _check_series(path: str, series: Floats, steps: int, low: float) -> None:
    if series.shape != (steps,):
        raise _broken(path, f"must have as many steps as load_kw ({steps})", f"{len(series)} steps")
    # NaN compares false, so it is caught here too.
    wrong = ~((series >= low) & (series <= MAGNITUDE_MAX))
    if np.any(wrong):
        step = int(np.argmax(wrong))
        raise _broken(f"{path}[{step}]", f"must be >= {low:g} and <= {MAGNITUDE_MAX:g}", float(series[step]))


def _check_counts(path: str, counts: Flags | None, steps: int) -> None:
    if counts is not None and counts.shape != (steps,):
        raise _broken(path, f"must have as many steps as load_kw ({steps})", f"{len(counts)} steps")
