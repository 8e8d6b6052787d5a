"""How good the running forecasts were: sums by site and lead, from which every figure follows.

Sums add up over intervals and days, so that a rolling figure needs no forecast again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.forecast.domain.accuracy.scores import BUCKETS, bucket_name, pinball_loss
from services.forecast.domain.outlook import CLEAR_SHARE_MIN, CLEARNESS_MAX
from shared.arrays import Floats

# The running forecasts look 24 hours ahead.
LEADS = BUCKETS[:-1]
# "Compared" are the forecasts for which the reference is known as well.
COUNT, CAME, ABS, SQUARE, PINBALL, COVERED, COMPARED_ABS, COMPARED_SQUARE, REFERENCE_ABS, REFERENCE_SQUARE = range(10)
SUMS = 10
# Drift is looked for in the leads that schedules are dispatched by, and in no handful of intervals.
NEAR_LEADS = slice(0, 3)
DRIFT_FACTOR = 1.5
DRIFT_COUNT_MIN = 200


@dataclass(frozen=True, slots=True, eq=False)
class IssuedForInterval:
    """What was forecast for one interval [kW]: (issues x sites) each; NaN is not known.

    Attributes:
        lead_hours: From each issue to the interval's end.
        quantiles: P10, P50 and P90, (3 x issues x sites).
        reference: What anybody has for nothing: see `persisted_solar_kw` and `repeated_load_kw`.
    """

    lead_hours: Floats
    quantiles: Floats
    reference: Floats


def tally(issued: IssuedForInterval, came_kw: Floats) -> Floats:
    """Return sums of one interval, (sites + 1 x leads x SUMS); the last "site" is the sum of all.

    Forecasts of a roof's night, certain to be 0, are not counted: they would make every figure look good.

    Args:
        issued: Its forecasts.
        came_kw: What each site then did, NaN where not known.
    """
    came = _with_total(came_kw)
    quantiles = np.stack([_with_total(part) for part in issued.quantiles])
    p10, p50, p90 = quantiles
    reference = _with_total(issued.reference)
    known = np.isfinite(came) & np.isfinite(p50) & (p90 > 0)
    compared = np.isfinite(reference)
    error, missed = p50 - came, reference - came
    facts = np.stack(
        (
            np.ones_like(p50),
            np.broadcast_to(came, p50.shape),
            np.abs(error),
            error**2,
            pinball_loss(quantiles, came),
            (p10 <= came) & (came <= p90),
            np.where(compared, np.abs(error), 0.0),
            np.where(compared, error**2, 0.0),
            np.where(compared, np.abs(missed), 0.0),
            np.where(compared, missed**2, 0.0),
        ),
        axis=-1,
    )
    facts = np.where(known[..., None], facts, 0.0)
    inside = [(issued.lead_hours > low + 1e-9) & (issued.lead_hours <= high + 1e-9) for low, high in LEADS]
    return np.stack([facts[rows].sum(axis=0) for rows in inside], axis=1)


def _with_total(kw: Floats) -> Floats:
    return np.concatenate((kw, kw.sum(axis=-1, keepdims=True)), axis=-1)


def figures(sums: Floats, full_kw: float | None) -> list[dict[str, float | int | str | None]]:
    """Return a row of figures for each lead that has any, from one site's sums (leads x SUMS).

    Args:
        sums: Added up over as many intervals as the figures are to be of.
        full_kw: What errors are shares of; None: the mean of what came.
    """
    rows: list[dict[str, float | int | str | None]] = []
    for (low, high), one in zip(LEADS, sums, strict=True):
        count = one[COUNT]
        if count == 0:
            continue
        full = one[CAME] / count if full_kw is None else full_kw
        rows.append(
            {
                "lead_hours": bucket_name(low, high),
                "forecasts": int(count),
                "nmae": _ratio(one[ABS] / count, full),
                "rmse_kw": round(float(np.sqrt(one[SQUARE] / count)), 3),
                "pinball_kw": round(float(one[PINBALL] / count), 3),
                "coverage": _ratio(one[COVERED], count),
                "skill_mae": _skill(one[COMPARED_ABS], one[REFERENCE_ABS]),
                "skill_rmse": _skill(np.sqrt(one[COMPARED_SQUARE]), np.sqrt(one[REFERENCE_SQUARE])),
            }
        )
    return rows


def is_drifting(today: Floats, before: Floats) -> bool:
    """Say whether a site's near forecasts (leads x SUMS) err much more today than in the days before."""
    now, then = today[NEAR_LEADS].sum(axis=0), before[NEAR_LEADS].sum(axis=0)
    if min(now[COUNT], then[COUNT]) < DRIFT_COUNT_MIN:
        return False
    return bool(now[ABS] / now[COUNT] > DRIFT_FACTOR * then[ABS] / then[COUNT])


def persisted_solar_kw(metered_kw: Floats, clear_kw: Floats, capacity_kw_ac: Floats, issues: Sequence[int]) -> Floats:
    """Return smart persistence: the last known share of a clear sky, times the clear sky of the last interval.

    Args:
        metered_kw: Output, (intervals x roofs), NaN where not known.
        clear_kw: Output under a clear sky, the same shape; its last row is the interval that is forecast.
        capacity_kw_ac: Each roof's inverter limit.
        issues: The rows that had just begun when each forecast was issued; only rows before them are looked at.

    Returns:
        (issues x roofs); NaN where nothing was known before an issue.
    """
    bright = (clear_kw >= CLEAR_SHARE_MIN * capacity_kw_ac) & np.isfinite(metered_kw)
    share = np.divide(metered_kw, clear_kw, out=np.full_like(metered_kw, np.nan), where=bright)
    newest = np.maximum.accumulate(np.where(bright, np.arange(len(share))[:, None], -1), axis=0)
    rows = np.asarray(issues) - 1
    at = newest[rows]
    last = np.take_along_axis(share, np.maximum(at, 0), axis=0)
    last = np.where(at >= 0, np.minimum(last, CLEARNESS_MAX), np.nan)
    persisted: Floats = np.minimum(last * clear_kw[-1], capacity_kw_ac)
    return persisted


def repeated_load_kw(week_ago_kw: Floats, day_ago_kw: Floats, issues: int) -> Floats:
    """Return what factories did a week before, or a day before where that is not known, for each issue alike."""
    return np.tile(np.where(np.isfinite(week_ago_kw), week_ago_kw, day_ago_kw), (issues, 1))


def _ratio(part: float, whole: float) -> float | None:
    return round(float(part / whole), 5) if whole > 0 else None


def _skill(ours: float, reference: float) -> float | None:
    return round(float(1 - ours / reference), 5) if reference > 0 else None
