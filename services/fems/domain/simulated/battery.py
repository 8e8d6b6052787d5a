"""A converter with its battery, in whole numbers: what one interval does to it, given what it is told.

Its power changes no faster than its ramp, in steps of a tenth of a second, and is 0 from the instant at which an SoC
limit is reached. Losses are rounded against the battery, so that it never gives back more than it took.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.fems.domain.simulated.power_profile import INTERVAL_US, US_PER_S, Course, course

PPM = 1_000_000
RAMP_STEPS_PER_S = 10
RAMP_STEP_US = US_PER_S // RAMP_STEPS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedBattery:
    """One ESS as built; power and energy at its AC terminals, stored energy behind its losses."""

    device_id: str
    capacity_wh: int
    charge_w_max: int
    discharge_w_max: int
    ramp_w_per_s: int
    charge_efficiency_ppm: int
    discharge_efficiency_ppm: int
    stored_uj_min: int
    stored_uj_max: int
    stored_uj_initial: int

    def __post_init__(self) -> None:
        if not 0 <= self.stored_uj_min <= self.stored_uj_initial <= self.stored_uj_max:
            raise ValueError(f"stored energy must lie in its band, was {self}")
        if not (0 < self.charge_efficiency_ppm <= PPM and 0 < self.discharge_efficiency_ppm <= PPM):
            raise ValueError(f"efficiencies must lie in (0, 1], were {self}")
        if self.ramp_w_per_s < RAMP_STEPS_PER_S:
            raise ValueError(f"ramp_w_per_s must be at least {RAMP_STEPS_PER_S}, was {self.ramp_w_per_s}")

    def held_to_rating(self, power_w: int) -> int:
        """Return the power nearest to one that is asked for."""
        return max(-self.discharge_w_max, min(self.charge_w_max, power_w))

    def loss_w(self, charge_w: float, discharge_w: float) -> float:
        """Return what is lost as heat at such mean powers."""
        kept, given = self.charge_efficiency_ppm / PPM, self.discharge_efficiency_ppm / PPM
        return charge_w * (1 - kept) + discharge_w * (1 / given - 1)

    @property
    def loss_w_rated(self) -> float:
        """Return the most that it loses."""
        return max(self.loss_w(self.charge_w_max, 0), self.loss_w(0, self.discharge_w_max))

    def stored_uj_after(self, stored_uj: int, flow_uj: tuple[int, int]) -> int:
        """Return what is stored after so much has flowed in and out at the terminals."""
        import_uj, export_uj = flow_uj
        drawn_uj = -(-export_uj * PPM // self.discharge_efficiency_ppm)
        return stored_uj + import_uj * self.charge_efficiency_ppm // PPM - drawn_uj


def run_interval(battery: SimulatedBattery, stored_uj: int, power_w: int, targets: Sequence[tuple[int, int]]) -> Course:
    """Return what a battery does at its terminals in one interval.

    Args:
        battery: The battery.
        stored_uj: What it holds when the interval begins.
        power_w: What it did just before.
        targets: What it is told, as (us from the interval's start, W) in order, the first at 0; positive charges.
    """
    told = [(at_us, battery.held_to_rating(target_w)) for at_us, target_w in targets]
    steps: list[tuple[int, int]] = []
    flow_uj = (0, 0)
    for (start_us, target_w), (end_us, _) in zip(told, [*told[1:], (INTERVAL_US, 0)], strict=True):
        at_us = start_us
        while at_us < end_us:
            power_w = _ramped(battery, power_w, target_w)
            until_us = end_us if power_w == target_w else min(at_us + RAMP_STEP_US, end_us)
            last_us = min(until_us, at_us + _bearable_us(battery, stored_uj, flow_uj, power_w))
            steps.append((at_us, power_w))
            flow_uj = _moved(flow_uj, power_w * (last_us - at_us))
            if last_us < until_us:
                steps.append((last_us, 0))
                # What can't go on in a direction can't do so later in it either; the other one is ramped to from 0.
                until_us = end_us if power_w * target_w > 0 else until_us
                power_w = 0
            at_us = until_us
    return course(steps)


def _ramped(battery: SimulatedBattery, power_w: int, target_w: int) -> int:
    step_w = battery.ramp_w_per_s // RAMP_STEPS_PER_S
    return max(power_w - step_w, min(power_w + step_w, target_w))


def _moved(flow_uj: tuple[int, int], moved_uj: int) -> tuple[int, int]:
    return flow_uj[0] + max(moved_uj, 0), flow_uj[1] + max(-moved_uj, 0)


def _bearable_us(battery: SimulatedBattery, stored_uj: int, flow_uj: tuple[int, int], power_w: int) -> int:
    """Return for how long a power can go on before what is stored leaves its band."""
    import_uj, export_uj = flow_uj
    if power_w > 0:
        room_uj = battery.stored_uj_max - battery.stored_uj_after(stored_uj, (0, export_uj))
        most_uj = room_uj * PPM // battery.charge_efficiency_ppm
        return max(most_uj - import_uj, 0) // power_w
    if power_w < 0:
        left_uj = battery.stored_uj_after(stored_uj, (import_uj, 0)) - battery.stored_uj_min
        most_uj = left_uj * battery.discharge_efficiency_ppm // PPM
        return max(most_uj - export_uj, 0) // -power_w
    return INTERVAL_US
