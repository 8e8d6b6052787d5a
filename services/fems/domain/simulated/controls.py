"""What a converter makes of SunSpec's own control models, which act at once: 124 (storage) and 704 (DER AC controls).

In 124 the two rates bound a window of power, from OutWRte out to InWRte in; a negative rate moves an end beyond 0, so
that InWRte = x and OutWRte = -x with both bits set charge at x. With one bit alone its rate is the command, as this
converter has no will of its own. In 704 WSet is the power that flows out. Both are undone when the revert time is over
that began with the last write: 124 then controls nothing, 704 goes over to its own revert points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.fems.domain.simulated.battery import SimulatedBattery
from services.fems.domain.simulated.power_profile import INTERVAL_US, US_PER_S

STORAGE_MODEL, POWER_MODEL = 124, 704
# Scale factors of the simulated converters' rates (0.01 %) and power (1 W).
RATE_SCALE, POWER_SCALE = -2, 0
WHOLE_RATE = 10_000
CHARGE_BIT, DISCHARGE_BIT = 1, 2
WATTS = 1
# What may be written, and stands there as long as nothing was.
INITIAL: Mapping[int, Mapping[str, int]] = {
    STORAGE_MODEL: {"StorCtl_Mod": 0, "OutWRte": WHOLE_RATE, "InWRte": WHOLE_RATE, "InOutWRte_RvrtTms": 0},
    POWER_MODEL: {"WSetEna": 0, "WSetMod": WATTS, "WSet": 0, "WSetRvrt": 0, "WSetEnaRvrt": 0, "WSetRvrtTms": 0},
}
# Points between those, which the converter does not have: they may be written along, and nothing comes of it.
IGNORED: Mapping[int, tuple[str, ...]] = {
    STORAGE_MODEL: ("InOutWRte_WinTms",),
    POWER_MODEL: ("WSetPct", "WSetPctRvrt"),
}
_TIMERS = {STORAGE_MODEL: "InOutWRte_RvrtTms", POWER_MODEL: "WSetRvrtTms"}


@dataclass(frozen=True, slots=True)
class Control:
    """What stands in a control model's points since its last write, in us since 1970."""

    model_id: int
    at_us: int
    points: Mapping[str, int]

    @property
    def lapses_us(self) -> int | None:
        """Return when it is undone; None: never."""
        timer_s = self.points[_TIMERS[self.model_id]]
        return self.at_us + timer_s * US_PER_S if timer_s else None

    def remaining_s(self, at_us: int) -> int:
        """Return the seconds until it is undone, 0 where it was or never will be."""
        return 0 if self.lapses_us is None else max(-((at_us - self.lapses_us) // US_PER_S), 0)

    def points_at(self, at_us: int) -> Mapping[str, int]:
        """Return what stands in the points at an instant."""
        if self.lapses_us is None or at_us < self.lapses_us:
            return self.points
        if self.model_id == STORAGE_MODEL:
            return {**INITIAL[STORAGE_MODEL], "InOutWRte_RvrtTms": self.points["InOutWRte_RvrtTms"]}
        return {**self.points, "WSetEna": self.points["WSetEnaRvrt"], "WSet": self.points["WSetRvrt"]}


def untouched(model_id: int) -> Control:
    """Return a control model to which nothing was ever written."""
    return Control(model_id, 0, INITIAL[model_id])


def is_acceptable(model_id: int, points: Mapping[str, int], battery: SimulatedBattery) -> bool:
    """Say whether a converter takes such points."""
    if model_id == STORAGE_MODEL:
        rates = (points["InWRte"], points["OutWRte"])
        return points["StorCtl_Mod"] in range(4) and all(abs(rate) <= WHOLE_RATE for rate in rates)
    switches = (points["WSetEna"], points["WSetEnaRvrt"])
    powers_w = (-points["WSet"], -points["WSetRvrt"])
    return (
        all(switch in (0, 1) for switch in switches)
        and points["WSetMod"] == WATTS
        and all(battery.held_to_rating(power_w) == power_w for power_w in powers_w)
    )


def commanded_w(model_id: int, points: Mapping[str, int], battery: SimulatedBattery) -> int | None:
    """Return the power that the points ask for, positive charges; None where they control nothing."""
    if model_id == POWER_MODEL:
        return -points["WSet"] if points["WSetEna"] else None
    most_in_w = _share_w(points["InWRte"], battery.charge_w_max, battery.discharge_w_max)
    most_out_w = _share_w(points["OutWRte"], battery.discharge_w_max, battery.charge_w_max)
    match points["StorCtl_Mod"] & CHARGE_BIT, points["StorCtl_Mod"] & DISCHARGE_BIT:
        case 0, 0:
            return None
        case _, 0:
            return most_in_w
        case 0, _:
            return -most_out_w
    # A window that is none (both ends beyond 0) holds the converter.
    return max(-most_out_w, min(0, most_in_w)) if -most_out_w <= most_in_w else 0


def targets(
    controls: Sequence[Control], scheduled_w: int, battery: SimulatedBattery, *, start_us: int
) -> list[tuple[int, int]]:
    """Return what a converter is told in one interval, as (us from its start, W) in order.

    Args:
        controls: The control that stood when the interval began (if any), then what was written in it, in order.
        scheduled_w: What its schedule says for the interval; it holds where no control does.
        battery: The battery.
        start_us: The interval's start, since 1970.
    """
    instants = {start_us}
    for control in controls:
        instants |= {control.at_us} if control.lapses_us is None else {control.at_us, control.lapses_us}
    told = []
    for at_us in sorted(at_us for at_us in instants if start_us <= at_us < start_us + INTERVAL_US):
        written = [control for control in controls if control.at_us <= at_us]
        power_w = None
        if written:
            power_w = commanded_w(written[-1].model_id, written[-1].points_at(at_us), battery)
        told.append((at_us - start_us, scheduled_w if power_w is None else power_w))
    return told


def _share_w(rate: int, own_w: int, other_w: int) -> int:
    """Return a rate's power: of the rating in its own direction, or beyond 0 of the rating in the other one."""
    return rate * own_w // WHOLE_RATE if rate >= 0 else -(-rate * other_w // WHOLE_RATE)
