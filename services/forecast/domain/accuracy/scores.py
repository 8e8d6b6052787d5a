"""How good forecasts were, by lead: against what came, and against the reference that anybody has for nothing."""

from dataclasses import dataclass

import numpy as np

from shared.arrays import Flags, Floats

# What every range here is made of: P10, P50 and P90.
QUANTILES = (0.1, 0.5, 0.9)
# Leads are scored in these buckets: (after, up to and with) hours.
BUCKETS = ((0.0, 0.25), (0.25, 1.0), (1.0, 4.0), (4.0, 12.0), (12.0, 24.0), (24.0, np.inf))


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Forecasts with what came, a row each [kW], and the reference's forecast; none of them NaN."""

    lead_hours: Floats
    came: Floats
    p10: Floats
    p50: Floats
    p90: Floats
    mean: Floats
    reference: Floats


def by_lead(scored: Scored, full_kw: float) -> list[dict[str, float | int | str | None]]:
    """Return a row of figures for each bucket of leads; shares of `full_kw` where they are normalised."""
    rows = []
    for low, high in BUCKETS:
        inside = (scored.lead_hours > low + 1e-9) & (scored.lead_hours <= high + 1e-9)
        if inside.any():
            rows.append({"lead_hours": bucket_name(low, high), **figures(scored, inside, full_kw)})
    return rows


def figures(scored: Scored, rows: Flags, full_kw: float) -> dict[str, float | int | None]:
    """Return the figures of some rows; skill is 1 - ours / the reference's."""
    came, p50 = scored.came[rows], scored.p50[rows]
    inside = (scored.p10[rows] <= came) & (came <= scored.p90[rows])
    pinball = np.mean(pinball_loss(np.stack((scored.p10[rows], p50, scored.p90[rows])), came))
    missed = scored.reference[rows] - came
    mae, rmse = _mae(p50 - came), _rmse(p50 - came)
    return {
        "forecasts": int(np.count_nonzero(rows)),
        "nmae": _rounded(mae / full_kw),
        "rmse_kw": _rounded(rmse),
        "pinball_kw": _rounded(float(pinball)),
        "coverage_p10_p90": _rounded(float(np.mean(inside))),
        "skill_mae": _skill(mae, _mae(missed)),
        "skill_rmse": _skill(rmse, _rmse(missed)),
    }


def pinball_loss(quantiles: Floats, came: Floats) -> Floats:
    """Return the mean pinball loss over P10, P50 and P90, which are the first axis."""
    losses = [
        np.maximum(q * (came - part), (q - 1.0) * (came - part)) for q, part in zip(QUANTILES, quantiles, strict=True)
    ]
    loss: Floats = np.mean(losses, axis=0)
    return loss


def bucket_name(low: float, high: float) -> str:
    """Return how a bucket of leads is called."""
    return f"{low:g}-{high:g}" if np.isfinite(high) else f">{low:g}"


def _skill(ours: float, reference: float) -> float | None:
    return _rounded(1.0 - ours / reference) if reference > 0 else None


def _mae(error: Floats) -> float:
    return float(np.mean(np.abs(error)))


def _rmse(error: Floats) -> float:
    return float(np.sqrt(np.mean(error**2)))


def _rounded(figure: float) -> float:
    return round(figure, 5)
