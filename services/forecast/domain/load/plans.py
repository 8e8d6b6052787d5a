"""What a factory states it will do, as it was known when: its shifts, batches and shutdowns as a log of intervals.

A plan is known from the minute at which it was stated. The newest version of a plan replaces the one before, from then
on; one that is withdrawn is none. Where shifts and shutdowns overlap the one that was stated last holds; batches come
on top of it, and of one another.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from services.forecast.domain.metered.timeline import WeatherLog
from shared.arrays import Floats, Integers
from shared.events.records import LoadPlan, PlanKind
from shared.units import WH_PER_KWH

# Consumption that is stated [kW, NaN: none], whether the factory rests at its base load, and what batches add [kW].
COLUMNS = LEVEL, RESTS, ADDED = range(3)
NAMES = ("level_kw", "rests", "added_kw")
NO_PLANS = WeatherLog(NAMES, rows=np.zeros((0, len(NAMES))))
SECONDS_PER_MINUTE = 60


def plan_log(plans: Iterable[LoadPlan], first: int, step_minutes: int) -> WeatherLog:
    """Return one factory's plans by interval and by the minute from which each word about it was known.

    Args:
        plans: All versions.
        first: The number of the interval from which intervals are counted; since 1970.
        step_minutes: The interval's length. A plan holds for an interval that it covers by half or more.
    """
    versions = sorted(plans, key=_order)
    intervals, minutes, rows = [], [], []
    for n, stated in enumerate(versions):
        # What holds is told anew wherever this version holds, or one that it replaces did.
        touched = [one for one in versions[: n + 1] if one.plan_id == stated.plan_id]
        numbers = np.unique(np.concatenate([_numbers(one, step_minutes) for one in touched]))
        intervals.append(numbers - first)
        minutes.append(np.full(len(numbers), _minute(stated)))
        rows.append(_holding(versions[: n + 1], numbers, step_minutes))
    if not intervals:
        return NO_PLANS
    interval, minute = np.concatenate(intervals), np.concatenate(minutes)
    order = np.lexsort((np.arange(len(interval)), minute, interval))
    return WeatherLog(NAMES, interval[order], minute[order], np.concatenate(rows)[order])


def _order(plan: LoadPlan) -> tuple[int, str, int]:
    return _minute(plan), plan.plan_id, plan.version


def _minute(plan: LoadPlan) -> int:
    """Return the first whole minute at which a plan was known."""
    return -int(-plan.stated_at.timestamp() // SECONDS_PER_MINUTE)


def _numbers(plan: LoadPlan, step_minutes: int) -> Integers:
    step_s = step_minutes * SECONDS_PER_MINUTE
    begin, end = (round(instant.timestamp() / step_s) for instant in (plan.begin, plan.end))
    return np.arange(begin, end, dtype=np.int64)


def _holding(versions: Sequence[LoadPlan], numbers: Integers, step: int) -> Floats:
    """Return what the newest versions say of intervals, (intervals x COLUMNS); they are in order of being stated."""
    newest: dict[str, LoadPlan] = {}
    for one in versions:
        known = newest.get(one.plan_id)
        if known is None or one.version > known.version:
            newest[one.plan_id] = one
    rows = np.tile([np.nan, 0.0, 0.0], (len(numbers), 1))
    for plan in sorted(newest.values(), key=_order):
        if plan.is_withdrawn:
            continue
        at = np.isin(numbers, _numbers(plan, step))
        expected_kw = np.nan if plan.expected_w is None else plan.expected_w / WH_PER_KWH
        if plan.kind is PlanKind.BATCH:
            rows[at, ADDED] += expected_kw
        else:
            rows[at, LEVEL] = expected_kw
            rows[at, RESTS] = float(plan.expected_w is None)
    return rows


def planned(
    seen: Floats, usual: Floats, base: Floats | float
) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return what is expected where plans are known, in the unit of all three, and where they say anything.

    Args:
        seen: Rows of the log as known, (rows x COLUMNS), NaN where nothing was ever stated.
        usual: What is expected without a plan.
        base: What the factory draws when it rests.
    """
    level, rests, added = seen[:, LEVEL], seen[:, RESTS] > 0, np.nan_to_num(seen[:, ADDED])
    expected = np.where(rests, base, np.where(np.isfinite(level), level, usual)) + added
    return expected, rests | np.isfinite(level) | (added > 0)
