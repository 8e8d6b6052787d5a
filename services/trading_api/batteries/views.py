"""How set-points and plans read on the wire."""

from typing_extensions import TypedDict

from services.trading_api.text import Row, instant_text, kw_text, maybe
from shared.units import kwh_text


class SetpointView(TypedDict):
    """A command to a battery's converter; positive charges."""

    setpoint_id: str
    device_id: str
    delivery_start: str
    setpoint_kw: str
    status: str
    reason: str | None
    detail: str | None


class PlanView(TypedDict):
    """A battery's plan as the console draws it: where its charge will go, and why it does what it does first."""

    device_id: str
    participant_id: str
    status: str
    first_delivery_start: str
    soc_kwh: list[str]
    reason: str
    energy_value_krw_per_kwh: float
    peak_kw: str | None
    peak_without_battery_kw: str | None


class ScheduleView(TypedDict):
    """A battery's plan; `soc_kwh` holds at the end of each interval.

    The peaks are of what the factory draws in the planned day, with and without the battery, and what is billed anyway;
    null where demand is not billed, or a plan is from before they were kept.
    """

    schedule_id: str
    device_id: str
    participant_id: str
    status: str
    solved_at: str
    first_delivery_start: str
    charge_kw: list[str]
    discharge_kw: list[str]
    soc_kwh: list[str]
    reasons: list[str]
    energy_value_krw_per_kwh: list[float]
    peak_kw: str | None
    peak_without_battery_kw: str | None
    prior_peak_kw: str | None


def setpoint_view(row: Row) -> SetpointView:
    """Show a set-point and whether it was obeyed."""
    return {
        "setpoint_id": row["setpoint_id"],
        "device_id": row["device_id"],
        "delivery_start": instant_text(row["delivery_start"]),
        "setpoint_kw": kw_text(row["setpoint_w"]),
        "status": row["status"],
        "reason": row["reason"],
        "detail": row["detail"],
    }


def schedule_view(row: Row) -> ScheduleView:
    """Show a battery's plan."""
    series = row["series"]
    return {
        "schedule_id": row["schedule_id"],
        "device_id": row["device_id"],
        "participant_id": row["participant_id"],
        "status": row["status"],
        "solved_at": instant_text(row["solved_at"]),
        "first_delivery_start": instant_text(row["first_delivery_start"]),
        "charge_kw": [kw_text(power_w) for power_w in series["charge_w"]],
        "discharge_kw": [kw_text(power_w) for power_w in series["discharge_w"]],
        "soc_kwh": [kwh_text(soc_wh) for soc_wh in series["soc_wh"]],
        "reasons": series["reasons"],
        "energy_value_krw_per_kwh": series["energy_value_krw_per_kwh"],
        "peak_kw": maybe(kw_text, series.get("peak_w")),
        "peak_without_battery_kw": maybe(kw_text, series.get("peak_without_battery_w")),
        "prior_peak_kw": maybe(kw_text, series.get("prior_peak_w")),
    }


def plan_view(row: Row) -> PlanView:
    """Show a battery's plan at a glance."""
    whole = schedule_view(row)
    return {
        "device_id": whole["device_id"],
        "participant_id": whole["participant_id"],
        "status": whole["status"],
        "first_delivery_start": whole["first_delivery_start"],
        "soc_kwh": whole["soc_kwh"],
        "reason": whole["reasons"][0],
        "energy_value_krw_per_kwh": whole["energy_value_krw_per_kwh"][0],
        "peak_kw": whole["peak_kw"],
        "peak_without_battery_kw": whole["peak_without_battery_kw"],
    }
