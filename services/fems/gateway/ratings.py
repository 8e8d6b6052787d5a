"""What the complex file says that a device's meter can show at most."""

from datetime import timedelta

from services.fems.domain.counting import Limits
from shared.complexes import Complex, Device, Participant
from shared.events.fems import MeterKind
from shared.units import WH_PER_KWH

# Contract power is exceeded at a price, not at the cable's limit.
CONTRACT_FACTOR = 2
LEAST_KW = 1.0
PAUSES = 3


def limits_of(complex_: Complex, device: Device) -> Limits:
    """Return a device's limits; its counters' own are known when it is read."""
    import_kw, export_kw = _most_kw(complex_, device)
    return Limits(
        import_w_max=round(max(import_kw, LEAST_KW) * WH_PER_KWH),
        export_w_max=round(max(export_kw, LEAST_KW) * WH_PER_KWH),
        modulus_wh=1 << 32,
        resolution_wh=1,
        pause=PAUSES * timedelta(seconds=complex_.field_network.poll_interval_s),
    )


def _most_kw(complex_: Complex, device: Device) -> tuple[float, float]:
    """Return what can flow in and out through a device at most."""
    if device.kind is MeterKind.FEEDER:
        # The line's own losses are within the margin that all limits have.
        behind = [_connection_kw(one) for one in complex_.participants if one.feeder_id == device.participant_id]
        return sum(one[0] for one in behind), sum(one[1] for one in behind)
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
