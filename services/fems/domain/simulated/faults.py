"""What can be wrong with a device, for simulated ones that are asked to be: which fault holds when, what it does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.intervals import INTERVAL_S


class FaultKind(StrEnum):
    """A way to fail. `amount` means what is in brackets."""

    SILENT = "silent"  # never answers
    SLOW = "slow"  # answers late [s]
    LOST_CONNECTION = "lost_connection"  # hangs up at every question
    HALF_FRAME = "half_frame"  # sends the first half of each answer
    OTHER_UNIT = "other_unit"  # answers in another unit's name
    NOISE = "noise"  # every register holds 65,535
    NO_SCALE = "no_scale"  # scale factors hold 0x8000, "not implemented"
    NO_NUMBER = "no_number"  # power holds "not implemented", SunSpec's NaN
    WRONG_SCALE = "wrong_scale"  # power is off by a factor [power of ten]
    WRONG_RATIO = "wrong_ratio"  # shows only a part of what flows, as with another current transformer [percent]
    STUCK = "stuck"  # shows the same registers for ever
    COUNTER_RESET = "counter_reset"  # counters began again at 0
    # Counters stood so far below their end [Wh] when it began. In model 701 they have 64 bits, which no device lives to
    # fill; there it stands for one whose counters were set when it was built in.
    COUNTER_WRAP = "counter_wrap"
    METER_SWAP = "meter_swap"  # another meter with another serial number and counters of its own
    CLOCK_DRIFT = "clock_drift"  # the device's clock is ahead [s]
    REJECTED_WRITE = "rejected_write"  # takes no command


# What is meant where no amount is given.
AMOUNTS = {
    FaultKind.SLOW: 2,
    FaultKind.WRONG_SCALE: 1,
    FaultKind.WRONG_RATIO: 80,
    FaultKind.COUNTER_WRAP: 1_000,
    FaultKind.CLOCK_DRIFT: 120,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one device from `since` on, before `until` (None: for good)."""

    device_id: str
    kind: FaultKind
    since: datetime
    until: datetime | None
    amount: int

    def holds(self, device_id: str, now: datetime) -> bool:
        """Say whether it is this device's, now."""
        return self.device_id == device_id and self.since <= now and (self.until is None or now < self.until)


def holding(faults: Iterable[Fault], device_id: str, now: datetime) -> dict[FaultKind, Fault]:
    """Return what is wrong with a device at an instant, by kind; of two of a kind the later given one."""
    return {fault.kind: fault for fault in faults if fault.holds(device_id, now)}


def recorded_ahead(energies_wh: Sequence[int], drift_s: int) -> list[int]:
    """Return what a meter records whose clock is ahead: it cuts each interval too early by so many seconds.

    The first interval stays as it is, as what came before it is not known.
    """
    early_s = min(max(drift_s, 0), INTERVAL_S)
    moved = [energy_wh * early_s // INTERVAL_S for energy_wh in energies_wh]
    return [
        energy_wh if position == 0 else energy_wh - moved[position] + moved[position - 1]
        for position, energy_wh in enumerate(energies_wh)
    ]
