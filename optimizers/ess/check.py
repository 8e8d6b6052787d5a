"""Check a schedule against its case, by arithmetic of its own: nothing here is shared with what made the schedule."""

import numpy as np

from optimizers.ess.case import Battery, Case, DemandCharge, Schedule
from shared.arrays import Floats

# Room for the rounding of answers (1e-9 of a flow) over a long horizon, in kW and kWh.
TOLERANCE = 1e-6
COST_TOLERANCE = 1e-9


class BrokenPromise(Exception):  # noqa: N818 -- it says what happened
    """A schedule breaks a law or a limit without saying so."""


def check(case: Case, schedule: Schedule) -> None:
    """Raise `BrokenPromise` unless the schedule keeps what its case asks, or says which limit it does not keep."""
    _check_flows(case, schedule)
    _check_store(case, schedule)
    _check_limits(case, schedule)
    _check_money(case, schedule)


def _check_flows(case: Case, schedule: Schedule) -> None:
    for name in ("charge_kw", "discharge_kw", "curtail_kw", "import_kw", "export_kw", "soc_kwh"):
        series = getattr(schedule, name)
        if series.shape != (case.steps,):
            raise BrokenPromise(f"{name} must have {case.steps} steps, had {series.shape}")
        _hold(name, np.isfinite(series) & (series >= 0.0), series, "must be finite and >= 0")
    supply_kw = case.pv_kw - schedule.curtail_kw + schedule.import_kw + schedule.discharge_kw
    use_kw = case.load_kw + schedule.export_kw + schedule.charge_kw
    if case.bought_kw is not None:
        supply_kw = supply_kw + case.bought_kw
    if case.sold_kw is not None:
        use_kw = use_kw + case.sold_kw
    apart_kw = supply_kw - use_kw
    scale_kw = 1.0 + np.abs(use_kw)
    _hold("supply", np.abs(apart_kw) <= TOLERANCE * scale_kw, apart_kw, "must equal use, differed by [kW]")
    available_kw = case.pv_kw if case.pv_curtailable else np.zeros(case.steps)
    _hold("curtail_kw", schedule.curtail_kw <= available_kw + TOLERANCE, schedule.curtail_kw, "exceeds solar power")
    for one, other in (("import_kw", "export_kw"), ("charge_kw", "discharge_kw")):
        both_kw = np.minimum(getattr(schedule, one), getattr(schedule, other))
        _hold(one, both_kw <= TOLERANCE, both_kw, f"must not flow together with {other}")


def _check_store(case: Case, schedule: Schedule) -> None:
    battery = case.battery
    if battery is None:
        idle = (schedule.charge_kw == 0.0) & (schedule.discharge_kw == 0.0) & (schedule.soc_kwh == 0.0)
        _hold("charge_kw", idle, schedule.charge_kw, "must be idle without a battery")
        return
    for name, limit_kw in (("charge_kw", battery.max_charge_kw), ("discharge_kw", battery.max_discharge_kw)):
        series = getattr(schedule, name)
        _hold(name, series <= limit_kw + TOLERANCE, series, f"must be <= {limit_kw} kW")
    stored_kwh = battery.soc_initial * battery.capacity_kwh
    before_kwh = np.concatenate(([stored_kwh], schedule.soc_kwh[:-1]))
    hours = case.step_minutes / 60.0
    into_kwh = schedule.charge_kw * hours * battery.charge_efficiency
    out_of_kwh = schedule.discharge_kw * hours / battery.discharge_efficiency
    apart_kwh = schedule.soc_kwh - (before_kwh + into_kwh - out_of_kwh)
    near = np.abs(apart_kwh) <= TOLERANCE * (1.0 + before_kwh)
    _hold("soc_kwh", near, apart_kwh, "must follow from the flows, differed by [kWh]")
    _hold("soc_kwh", schedule.soc_kwh <= battery.capacity_kwh + TOLERANCE, schedule.soc_kwh, "must be <= capacity_kwh")


def _check_limits(case: Case, schedule: Schedule) -> None:
    named: dict[tuple[str, int], float] = {
        (violation.limit, violation.step): violation.excess for violation in schedule.violations
    }
    excesses: dict[str, Floats] = {}
    if case.import_limit_kw is not None:
        excesses["import_limit_kw"] = schedule.import_kw - case.import_limit_kw
    if case.export_limit_kw is not None:
        excesses["export_limit_kw"] = schedule.export_kw - case.export_limit_kw
    if case.battery is not None:
        excesses |= _soc_excesses(case.battery, schedule.soc_kwh)
    for limit, excess in excesses.items():
        said = np.array([named.pop((limit, step), 0.0) for step in range(case.steps)]) if named else 0.0
        missed = np.maximum(excess, 0.0) - said
        _hold(limit, np.abs(missed) <= 2.0 * TOLERANCE, missed, "must be kept or named in violations, missed by")
    if named:
        raise BrokenPromise(f"violations must name limits of the case, named {sorted(named)}")
    if (schedule.status == "relaxed") != bool(schedule.violations):
        raise BrokenPromise(f"status must be relaxed exactly where a limit gave way, was {schedule.status}")


def _soc_excesses(battery: Battery, soc_kwh: Floats) -> dict[str, Floats]:
    shortage_kwh = np.zeros(len(soc_kwh))
    shortage_kwh[-1] = battery.soc_final_min * battery.capacity_kwh - soc_kwh[-1]
    return {
        "soc_min": battery.soc_min * battery.capacity_kwh - soc_kwh,
        "soc_max": soc_kwh - battery.soc_max * battery.capacity_kwh,
        "soc_final_min": shortage_kwh,
    }


def _check_money(case: Case, schedule: Schedule) -> None:
    billed_kw = (schedule.peak_kw, *schedule.more_peaks_kw)
    demand_krw = 0.0
    for place, (peak, said_kw) in enumerate(zip(case.demand_charges, billed_kw, strict=True)):
        peak_kw = _billed_peak_kw(case, schedule, peak)
        if abs(peak_kw - said_kw) > TOLERANCE * (1.0 + peak_kw):
            name = "peak_kw" if place == 0 else f"more_peaks_kw[{place - 1}]"
            raise BrokenPromise(f"{name} must be {peak_kw}, was {said_kw}")
        demand_krw += peak.charge_krw_per_kw * peak_kw
    cycle_cost_krw_per_kwh = 0.0 if case.battery is None else case.battery.cycle_cost_krw_per_kwh
    rate_krw_per_h = (
        case.price_buy_krw_per_kwh * schedule.import_kw
        - case.price_sell_krw_per_kwh * schedule.export_kw
        + cycle_cost_krw_per_kwh * schedule.discharge_kw
    )
    cost_krw = float(rate_krw_per_h.sum()) * case.step_minutes / 60.0 + demand_krw
    scale_krw = 1.0 + float(np.abs(rate_krw_per_h).sum()) + demand_krw
    if abs(cost_krw - schedule.cost_krw) > COST_TOLERANCE * scale_krw:
        raise BrokenPromise(f"cost_krw must be {cost_krw}, was {schedule.cost_krw}")


def _billed_peak_kw(case: Case, schedule: Schedule, peak: DemandCharge) -> float:
    width = max(1, round(case.demand_window_minutes / case.step_minutes))
    starts = np.arange(0, case.steps, width)
    ends = np.minimum(starts + width, case.steps)
    metered_kw = schedule.import_kw.copy()
    # Trades flow through the meter too, and a step alone in its window nets what comes and goes.
    metered_kw += 0.0 if case.bought_kw is None else case.bought_kw
    metered_kw -= 0.0 if case.sold_kw is None else case.sold_kw
    single = starts[ends - starts == 1]
    metered_kw[single] -= schedule.export_kw[single]
    if peak.counts is not None:
        metered_kw[~peak.counts] = 0.0
    passed = np.concatenate(([0.0], np.cumsum(metered_kw)))
    return max(peak.prior_peak_kw, float(((passed[ends] - passed[starts]) / (ends - starts)).max()))


def _hold(name: str, kept: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], shown: Floats, rule: str) -> None:
    if not kept.all():
        step = int(np.argmin(kept))
        raise BrokenPromise(f"{name}[{step}] {rule}, was {shown[step]}")
