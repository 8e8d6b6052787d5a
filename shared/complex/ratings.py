"""What can flow through a device at most, by the complex file, and what a battery can hold: more is no measurement."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.complex.model import Complex, Device, Participant
from shared.events.fems import MeterKind
from shared.units import WH_PER_KWH

# Ratings are exceeded now and then, and clocks are not exact.
MARGIN_PERCENT = 120
# Contract power is exceeded at a price, not at the cable's limit.
CONTRACT_FACTOR = 2
LEAST_KW = 1.0
# A battery may hold a little more than its plate says, not a fifth more.
FULL_PERCENT = 105


@dataclass(frozen=True, slots=True)
class Rating:
    """The most that flows in and out through a device; of a battery also what it holds (else None)."""

    import_w_max: int
    export_w_max: int
    capacity_wh: int | None = None

    def allows(self, *, import_w: int, export_w: int, soc_wh: int | None = None) -> bool:
        """Say whether a device of this rating can be in such a state."""
        flows = ((import_w, self.import_w_max), (export_w, self.export_w_max))
        if any(power_w * 100 > most_w * MARGIN_PERCENT for power_w, most_w in flows):
            return False
        return soc_wh is None or self.capacity_wh is None or soc_wh * 100 <= self.capacity_wh * FULL_PERCENT


def ratings_of(complex_: Complex) -> Mapping[str, Rating]:
    """Return the ratings of everything that the gateway polls, by device."""
    return {device.device_id: rating_of(complex_, device) for device in complex_.field_devices}


def rating_of(complex_: Complex, device: Device) -> Rating:
    """Return a device's rating."""
    import_kw, export_kw = _most_kw(complex_, device)
    capacity_kwh = _capacity_kwh(complex_, device)
    return Rating(
        import_w_max=round(max(import_kw, LEAST_KW) * WH_PER_KWH),
        export_w_max=round(max(export_kw, LEAST_KW) * WH_PER_KWH),
        capacity_wh=None if capacity_kwh is None else round(capacity_kwh * WH_PER_KWH),
    )


def _capacity_kwh(complex_: Complex, device: Device) -> float | None:
    if device.kind is not MeterKind.ESS:
        return None
    owner = complex_.by_participant[device.participant_id]
    return next(ess.capacity_kwh for ess in owner.ess if ess.device_id == device.device_id)


def _most_kw(complex_: Complex, device: Device) -> tuple[float, float]:
    """Return what can flow in and out through a device at most."""
    if device.kind is MeterKind.FEEDER:
        # The line's own losses are within the margin that all limits have.
        behind = [
            _connection_kw(participant)
            for participant in complex_.participants
            if participant.feeder_id == device.participant_id
        ]
        return sum(participant[0] for participant in behind), sum(participant[1] for participant in behind)
    owner = complex_.by_participant[device.participant_id]
    match device.kind:
        case MeterKind.GRID:
            return _connection_kw(owner)
        case MeterKind.PV:
            return 0.0, next(site.capacity_kw_ac for site in owner.pv if site.site_id == device.device_id)
        case MeterKind.ESS:
            own = next(ess for ess in owner.ess if ess.device_id == device.device_id)
            return own.charge_kw_max, own.discharge_kw_max


def _connection_kw(owner: Participant) -> tuple[float, float]:
    charge_kw, discharge_kw = (
        sum(ess.charge_kw_max for ess in owner.ess),
        sum(ess.discharge_kw_max for ess in owner.ess),
    )
    solar_kw = sum(site.capacity_kw_ac for site in owner.pv)
    return CONTRACT_FACTOR * owner.contract.contract_kw + charge_kw, solar_kw + discharge_kw
