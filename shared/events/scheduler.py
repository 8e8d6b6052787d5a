"""What the batteries are planned to do."""

from shared.events.base import EnergyWh, Event, Identifier, Instant, MoneyKrw, Whole
from shared.events.fems import PowerW


class ScheduleSolved(Event):
    """One ESS's plan by 15-minute interval from `first_delivery_start` on; `soc_wh` holds at each interval's end.

    The optional fields say what the plan is worth: its cost over the horizon with and without the battery, the billable
    demand it expects in the running month with and without, `prior_peak_w` that is billed anyway, and what one more kW
    would cost in all the months (`peak_months`) that it would be billed in. `deviation_w` is how far the converter was
    off its set-point when it was last seen (positive: it charged more or discharged less); null where it follows.
    """

    schedule_id: Identifier
    device_id: Identifier
    participant_id: Identifier
    solved_at: Instant
    first_delivery_start: Instant
    status: str
    charge_w: tuple[Whole, ...]
    discharge_w: tuple[Whole, ...]
    soc_wh: tuple[EnergyWh, ...]
    reasons: tuple[str, ...]
    energy_value_krw_per_kwh: tuple[float, ...]
    solve_seconds: float
    cost_krw: MoneyKrw | None = None
    cost_without_battery_krw: MoneyKrw | None = None
    peak_w: PowerW | None = None
    peak_without_battery_w: PowerW | None = None
    prior_peak_w: PowerW | None = None
    peak_value_krw_per_kw: MoneyKrw | None = None
    peak_months: tuple[str, ...] = ()
    deviation_w: PowerW | None = None


class SetpointIssued(Event):
    """A command to a converter for one delivery interval. `setpoint_w` is signed: positive charges."""

    setpoint_id: Identifier
    device_id: Identifier
    participant_id: Identifier
    delivery_start: Instant
    expires_at: Instant
    issued_at: Instant
    setpoint_w: PowerW
    charge_w_max: Whole
    discharge_w_max: Whole
