"""What the meters and devices said."""

from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import Field

from shared.events.base import EnergyWh, Event, Identifier, Instant, SignedWhole, Whole

PowerW = SignedWhole
READING_VERSION_MAX = 10_000


class MeterKind(StrEnum):
    """What a meter measures: the grid connection, a PV inverter's output, a battery's terminals, or a whole feeder."""

    GRID = "grid"
    PV = "pv"
    ESS = "ess"
    FEEDER = "feeder"


class Quality(StrEnum):
    """How an interval's energy was come by: the meter's own, a guess, a correction, or nothing at all (then 0)."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    EDITED = "edited"
    MISSING = "missing"

    @property
    def is_guess(self) -> bool:
        """Say whether nobody read the meter for it: an estimate, or nothing at all."""
        return self in {Quality.ESTIMATED, Quality.MISSING}

    def may_replace(self, known: "Quality") -> bool:
        """Say whether a reading of this quality may replace a known one: a guess replaces only a guess."""
        return known.is_guess or not self.is_guess


class KnownReading(Protocol):
    """What is known already of a meter's interval, wherever it is kept."""

    @property
    def quality(self) -> Quality:
        """Return how it was come by."""

    @property
    def reading_version(self) -> int:
        """Return which word of the meter's it is."""


class IntervalMetered(Event):
    """A meter's energy over one delivery interval, from its counters. PV output is export, ESS charging is import.

    `flags` names what validation found (such as gap, spike or counter_reset). A correction is the same interval again
    with the next `reading_version`; of two readings of an interval the higher version holds. Of a feeder's meter
    `participant_id` is the feeder's id; its `flags` say with sum_check that its factories' meters contradict it.
    """

    meter_id: Identifier
    participant_id: Identifier
    meter_kind: MeterKind
    delivery_start: Instant
    import_wh: EnergyWh
    export_wh: EnergyWh
    quality: Quality
    flags: tuple[Identifier, ...] = ()
    reading_version: Annotated[int, Field(strict=True, ge=1, le=READING_VERSION_MAX)] = 1

    def supersedes(self, known: KnownReading) -> bool:
        """Say whether this reading takes a known one's place: it is not older, and no guess over a measurement."""
        return self.reading_version >= known.reading_version and self.quality.may_replace(known.quality)


class DeviceObserved(Event):
    """A device's state at an instant. `reachable` is false where it did not answer; the figures are then the last.

    `soh_permille` is a battery's state of health, where it tells it: what it can still hold of its rated capacity.
    `flags` names what is odd about what it shows (such as stuck, scale or spike).
    """

    device_id: Identifier
    participant_id: Identifier
    meter_kind: MeterKind
    observed_at: Instant
    import_w: Whole
    export_w: Whole
    soc_wh: EnergyWh | None = None
    capacity_wh: EnergyWh | None = None
    soh_permille: Annotated[Whole, Field(le=1_000)] | None = None
    reachable: bool
    flags: tuple[Identifier, ...] = ()


class SetpointConfirmed(Event):
    """A set-point was written to the device and read back the same."""

    setpoint_id: Identifier
    device_id: Identifier
    participant_id: Identifier
    delivery_start: Instant
    setpoint_w: PowerW
    confirmed_at: Instant


class SetpointRefused(Event):
    """A set-point was not obeyed.

    `reason` is expired, repeated, out_of_order, out_of_bounds, unknown_device or unconfirmed.
    """

    setpoint_id: Identifier
    device_id: Identifier
    delivery_start: Instant
    setpoint_w: PowerW
    reason: str
    detail: str
