"""What the complex file says that a device's meter can show at most."""

from datetime import timedelta

from services.fems.domain.counting import Limits
from shared.complexes import Complex, Device
from shared.events.fems import MeterKind
from shared.units import WH_PER_KWH

# Contract power is exceeded at a price, not at the cable's limit.
CONTRACT_FACTOR = 2
LEAST_KW = 1.0
PAUSES = 3


def limits_of(complex_: Complex, device: Device) -> Limits:
    """Return a device's limits; its counters' own are known when it is read."""
    owner = complex_.by_participant[device.participant_id]
    solar_kw = sum(site.capacity_kw_ac for site in owner.pv)
    charge_kw = sum(ess.charge_kw_max for ess in owner.ess)
    discharge_kw = sum(ess.discharge_kw_max for ess in owner.ess)
    match device.kind:
        case MeterKind.GRID:
            import_kw, export_kw = CONTRACT_FACTOR * owner.contract.contract_kw + charge_kw, solar_kw + discharge_kw
        case MeterKind.PV:
            import_kw = 0.0
            export_kw = next(site.capacity_kw_ac for site in owner.pv if site.site_id == device.device_id)
        case MeterKind.ESS:
            own = next(ess for ess in owner.ess if ess.device_id == device.device_id)
            import_kw, export_kw = own.charge_kw_max, own.discharge_kw_max
    return Limits(
        import_w_max=round(max(import_kw, LEAST_KW) * WH_PER_KWH),
        export_w_max=round(max(export_kw, LEAST_KW) * WH_PER_KWH),
        modulus_wh=1 << 32,
        resolution_wh=1,
        pause=PAUSES * timedelta(seconds=complex_.field_network.poll_interval_s),
    )
