"""Why the battery does what it does in each step, as one code."""

from enum import StrEnum, unique

import numpy as np

from optimizers.ess.case import Case, Violation
from optimizers.ess.plan import PowerPlan, peaks_kw, window_means_kw
from shared.arrays import Flags, Floats

# Less is the solver's rounding, not a decision.
MOVEMENT_KW = 1e-6
STORED_KWH = 1e-6


@unique
class Reason(StrEnum):
    """The first that applies, in this order."""

    LIMIT_EXCEEDED = "limit_exceeded"  # a limit gives way in this step; `violations` says which
    CHARGE_PAID = "charge_paid"  # charges while importing at a negative price
    STORE_SUN = "store_sun"  # charges from solar power the site doesn't use itself
    RESERVE = "reserve"  # charges energy that stays in store to the end of the horizon
    CHARGE_CHEAP = "charge_cheap"  # charges from the grid for a later, dearer step
    LIMIT_BINDING = "limit_binding"  # discharges, or waits, with import or export at its limit
    SHAVE_PEAK = "shave_peak"  # discharges in a demand window that is at the billed peak
    SELL_AT_PRICE = "sell_at_price"  # discharges while exporting
    DISCHARGE_EXPENSIVE = "discharge_expensive"  # discharges instead of importing
    CURTAIL = "curtail"  # waits, and leaves solar power unused
    HOLD_FOR_PEAK = "hold_for_peak"  # keeps energy for a later peak
    HOLD_FOR_PRICE = "hold_for_price"  # keeps energy for a later price
    IDLE = "idle"  # nothing to gain


def reasons_of(case: Case, plan: PowerPlan, found: tuple[Violation, ...]) -> tuple[str, ...]:
    """Return the code of each step.

    Args:
        case: The case.
        plan: Its plan.
        found: Limits that gave way.
    """
    charging = plan.charge_kw > MOVEMENT_KW
    discharging = plan.discharge_kw > MOVEMENT_KW
    waiting = ~charging & ~discharging
    at_limit = _at(plan.import_kw, case.import_limit_kw) | _at(plan.export_kw, case.export_limit_kw)
    shaving = discharging & _at_peak(case, plan)
    exceeded = np.zeros(case.steps, bool)
    exceeded[[violation.step for violation in found]] = True
    holding, for_peak = _holding(case, plan, waiting, discharging, shaving)
    rules = (
        (Reason.LIMIT_EXCEEDED, exceeded),
        (Reason.CHARGE_PAID, charging & (plan.import_kw > MOVEMENT_KW) & (case.price_buy_krw_per_kwh < 0.0)),
        (Reason.STORE_SUN, charging & (case.pv_kw - plan.curtail_kw - case.load_kw > MOVEMENT_KW)),
        (Reason.RESERVE, charging & ~_later(discharging)),
        (Reason.CHARGE_CHEAP, charging),
        (Reason.LIMIT_BINDING, discharging & at_limit),
        (Reason.SHAVE_PEAK, shaving),
        (Reason.SELL_AT_PRICE, discharging & (plan.export_kw > MOVEMENT_KW)),
        (Reason.DISCHARGE_EXPENSIVE, discharging),
        (Reason.CURTAIL, plan.curtail_kw > MOVEMENT_KW),
        (Reason.LIMIT_BINDING, at_limit),
        (Reason.HOLD_FOR_PEAK, holding & for_peak),
        (Reason.HOLD_FOR_PRICE, holding),
    )
    chosen = np.select([mask for _, mask in rules], list(range(len(rules))), default=len(rules))
    codes = [str(reason) for reason, _ in rules] + [str(Reason.IDLE)]
    return tuple(codes[k] for k in chosen.tolist())


def _at(flow_kw: Floats, limit_kw: float | None) -> Flags:
    if limit_kw is None:
        return np.zeros(len(flow_kw), bool)
    return (flow_kw > MOVEMENT_KW) & (flow_kw >= limit_kw - MOVEMENT_KW)


def _at_peak(case: Case, plan: PowerPlan) -> Flags:
    """Return the steps of demand windows that are at a billed peak, in so far as they count for it."""
    at_peak = np.zeros(case.steps, bool)
    for peak, peak_kw in zip(case.demand_charges, peaks_kw(case, plan), strict=True):
        if peak.charge_krw_per_kw > 0.0:
            windows = window_means_kw(case, plan, peak) >= peak_kw - MOVEMENT_KW
            reached = np.repeat(windows, case.window_steps)[: case.steps]
            at_peak |= reached if peak.counts is None else reached & peak.counts
    return at_peak


def _later(happening: Flags) -> Flags:
    """Return the steps after which it happens again."""
    later = np.zeros(len(happening), bool)
    later[:-1] = np.logical_or.accumulate(happening[::-1])[::-1][1:]
    return later


def _holding(case: Case, plan: PowerPlan, waiting: Flags, discharging: Flags, shaving: Flags) -> tuple[Flags, Flags]:
    """Return the steps that wait with energy for the next discharge, and those whose next discharge shaves a peak."""
    if case.battery is None:
        return waiting & False, waiting & False
    spare = plan.soc_kwh > case.battery.soc_min * case.battery.capacity_kwh + STORED_KWH
    moves = np.flatnonzero(~waiting)
    following = np.searchsorted(moves, np.arange(case.steps), side="right")
    next_move = np.append(moves, -1)[np.minimum(following, len(moves))]
    exists = following < len(moves)
    next_discharges = exists & discharging[next_move]
    return waiting & spare & next_discharges, exists & shaving[next_move]
