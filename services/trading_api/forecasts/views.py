"""How forecasts and their accuracy read on the wire."""

from typing_extensions import TypedDict

from services.trading_api.text import Row, instant_text
from shared.units import kwh_text


class ForecastView(TypedDict):
    """The newest forecast of one site; its series hold p10_kw, p50_kw, p90_kw and mean_kw by interval."""

    site_id: str
    participant_id: str
    kind: str
    model: str
    issued_at: str
    first_delivery_start: str
    series: dict[str, list[float]]


class LoadPlanView(TypedDict):
    """A factory's plan in its newest version; `expected_kw` null: its base load."""

    plan_id: str
    participant_id: str
    kind: str
    begin: str
    end: str
    expected_kw: str | None
    stated_at: str
    version: int


def load_plan_view(row: Row) -> LoadPlanView:
    """Return how a plan reads on the wire."""
    return {
        "plan_id": row["plan_id"],
        "participant_id": row["participant_id"],
        "kind": row["kind"],
        "begin": instant_text(row["begin"]),
        "end": instant_text(row["end"]),
        "expected_kw": None if row["expected_w"] is None else kwh_text(row["expected_w"]),
        "stated_at": instant_text(row["stated_at"]),
        "version": row["version"],
    }


class LeadAccuracyView(TypedDict):
    """How good forecasts of one range of leads were; see the event AccuracyMeasured."""

    lead_hours: str
    forecasts: int
    nmae: float | None
    rmse_kw: float
    pinball_kw: float
    coverage: float | None
    skill_mae: float | None
    skill_rmse: float | None


class AccuracyView(TypedDict):
    """How good a site's forecasts were; `site_id` null: those of all sites of the kind together."""

    kind: str
    site_id: str | None
    participant_id: str | None
    measured_at: str
    days: int
    is_drifting: bool
    leads: list[LeadAccuracyView]


def forecast_view(row: Row) -> ForecastView:
    """Show a site's forecast."""
    return {
        "site_id": row["site_id"],
        "participant_id": row["participant_id"],
        "kind": row["kind"],
        "model": row["model"],
        "issued_at": instant_text(row["issued_at"]),
        "first_delivery_start": instant_text(row["first_delivery_start"]),
        "series": row["series"],
    }


def accuracy_view(row: Row) -> AccuracyView:
    """Show how good a site's forecasts were."""
    return {
        "kind": row["kind"],
        "site_id": row["site_id"] or None,
        "participant_id": row["participant_id"],
        "measured_at": instant_text(row["measured_at"]),
        "days": row["days"],
        "is_drifting": row["is_drifting"],
        "leads": row["leads"],
    }
