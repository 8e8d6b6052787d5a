"""The converter's own rule for commits to its schedule; see `vendor_models`."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.fems.domain.registers.vendor_models import DISPATCH_ENTRIES, CommitStatus
from services.fems.domain.simulated.battery import SimulatedBattery
from shared.intervals import INTERVAL_S


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """Run at `setpoint_w` (positive charges) in the interval that starts at `start_s`; seconds since 1970."""

    start_s: int
    setpoint_w: int
    expires_s: int
    sequence: int

    @property
    def number(self) -> int:
        """Return the interval's number."""
        return self.start_s // INTERVAL_S


def judge(
    entry: ScheduleEntry, battery: SimulatedBattery, schedule: Mapping[int, ScheduleEntry], *, now_s: int
) -> CommitStatus:
    """Say whether a converter takes an entry into its schedule (by interval number)."""
    if entry.start_s % INTERVAL_S or entry.start_s <= 0:
        return CommitStatus.MALFORMED
    held = schedule.get(entry.number)
    if held == entry:
        return CommitStatus.ACCEPTED
    if now_s >= min(entry.start_s, entry.expires_s):
        return CommitStatus.LATE
    if not -battery.discharge_w_max <= entry.setpoint_w <= battery.charge_w_max:
        return CommitStatus.OUT_OF_BOUNDS
    if held is not None and entry.sequence <= held.sequence:
        return CommitStatus.OUT_OF_ORDER
    if held is None and len(schedule) >= DISPATCH_ENTRIES:
        return CommitStatus.FULL
    return CommitStatus.ACCEPTED
