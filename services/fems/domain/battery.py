"""A converter with its battery, in whole numbers: what one interval does to it, given the set-point it holds.

Power is constant over an interval. Stored energy is kept in mWh, and losses are rounded against the battery, so that
it never gives back more than it took.
"""

from dataclasses import dataclass

from services.fems.domain.numbering import INTERVALS_PER_HOUR

MWH_PER_WH = 1_000
PPM = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """One ESS as built; power and energy at its AC terminals, stored energy behind its losses."""

    device_id: str
    capacity_wh: int
    charge_w_max: int
    discharge_w_max: int
    charge_efficiency_ppm: int
    discharge_efficiency_ppm: int
    stored_mwh_min: int
    stored_mwh_max: int
    stored_mwh_initial: int

    def __post_init__(self) -> None:
        if not 0 <= self.stored_mwh_min <= self.stored_mwh_initial <= self.stored_mwh_max:
            raise ValueError(f"stored energy must lie in its band, was {self}")
        if not (0 < self.charge_efficiency_ppm <= PPM and 0 < self.discharge_efficiency_ppm <= PPM):
            raise ValueError(f"efficiencies must lie in (0, 1], were {self}")


@dataclass(frozen=True, slots=True)
class Flow:
    """What a battery did in one interval at its AC terminals, of which one is 0, and what it holds afterwards."""

    import_wh: int
    export_wh: int
    stored_mwh: int


def run_interval(battery: Battery, stored_mwh: int, setpoint_w: int) -> Flow:
    """Return what one interval does: the set-point (positive charges, 0 idles) within rating and SoC limits."""
    if setpoint_w > 0:
        return _charge(battery, stored_mwh, min(setpoint_w, battery.charge_w_max))
    if setpoint_w < 0:
        return _discharge(battery, stored_mwh, min(-setpoint_w, battery.discharge_w_max))
    return Flow(0, 0, stored_mwh)


def _charge(battery: Battery, stored_mwh: int, charge_w: int) -> Flow:
    room_mwh = max(0, battery.stored_mwh_max - stored_mwh)
    # The most whole Wh whose part that reaches the cells fits into the room.
    wh_max = room_mwh * PPM // (MWH_PER_WH * battery.charge_efficiency_ppm)
    import_wh = min(charge_w // INTERVALS_PER_HOUR, wh_max)
    return Flow(import_wh, 0, stored_mwh + import_wh * MWH_PER_WH * battery.charge_efficiency_ppm // PPM)


def _discharge(battery: Battery, stored_mwh: int, discharge_w: int) -> Flow:
    left_mwh = max(0, stored_mwh - battery.stored_mwh_min)
    wh_max = left_mwh * battery.discharge_efficiency_ppm // (MWH_PER_WH * PPM)
    export_wh = min(discharge_w // INTERVALS_PER_HOUR, wh_max)
    drawn_mwh = -(-export_wh * MWH_PER_WH * PPM // battery.discharge_efficiency_ppm)
    return Flow(0, export_wh, stored_mwh - drawn_mwh)
