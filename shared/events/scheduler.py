"""What the batteries are planned to do."""

from shared.events.base import EnergyWh, Event, Identifier, Instant, Whole
from shared.events.fems import PowerW


class ScheduleSolved(Event):
    """One ESS's plan by 15-minute interval from `first_delivery_start` on; `soc_wh` holds at each interval's end."""

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
