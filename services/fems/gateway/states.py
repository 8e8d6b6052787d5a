"""A device's state from its registers: which points it is made of, and what they say together."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.fems.domain.mapped import measured, modulus_of
from services.fems.domain.registers import NotReadable, decode, model, scaled
from services.fems.domain.vendor_models import DISPATCH_MODEL
from shared.events.fems import MeterKind
from shared.register_maps import RegisterMap

METER, INVERTER, BATTERY = 203, 103, 802
PERCENT = 100
ACC32_MODULUS = 1 << 32
_BATTERY_POINTS = ("WHRtg", "WHRtg_SF", "SoC", "SoC_SF")
_METER_COUNTERS = ("TotWhExp", "TotWhImp", "TotWh_SF")
_INVERTER_COUNTERS = ("WH", "WH_SF")


@dataclass(frozen=True, slots=True)
class Counters:
    """Energy counters, where they begin again at 0, and their smallest step."""

    import_wh: int
    export_wh: int
    modulus_wh: int
    resolution_wh: int


@dataclass(frozen=True, slots=True)
class Live:
    """A device's state; of the two powers one is 0, only a battery stores, and not every device counts."""

    import_w: int
    export_w: int
    stored_wh: int | None = None
    capacity_wh: int | None = None
    counters: Counters | None = None


def points_of(kind: MeterKind, models: Mapping[int, int]) -> list[tuple[int, str]]:
    """Return the points that a device's state is made of, as (model, point).

    Raises:
        NotReadable: The device has not the model it would need.
    """
    power = METER if kind in (MeterKind.GRID, MeterKind.FEEDER) else INVERTER
    wanted = [(power, "W"), (power, "W_SF")]
    if kind is MeterKind.ESS:
        # Exact energy where the converter tells it, else the standard's percentage.
        wanted += [(DISPATCH_MODEL, "WhSto"), (DISPATCH_MODEL, "WhCap")] if DISPATCH_MODEL in models else []
        wanted += [] if DISPATCH_MODEL in models else [(BATTERY, name) for name in _BATTERY_POINTS]
    missing = sorted({model_id for model_id, _ in wanted if model_id not in models})
    if missing:
        raise NotReadable(f"the device has no model {missing[0]}")
    return wanted + [(model_id, name) for model_id, names in _counters_of(kind, models) for name in names]


def live_from(kind: MeterKind, models: Mapping[int, int], registers: Mapping[int, int]) -> Live:
    """Return a device's state from its registers by address.

    Raises:
        NotReadable: A register holds no number, or a scale factor is nonsense.
    """

    def raw(model_id: int, name: str) -> int:
        point = model(model_id).points[name]
        address = models[model_id] + point.offset
        return decode(point, [registers[place] for place in range(address, address + point.size)])

    def number(model_id: int, name: str, scale: str) -> float:
        return scaled(raw(model_id, name), raw(model_id, scale))

    def counters() -> Counters | None:
        for model_id, names in _counters_of(kind, models):
            *counted, scale = names
            read = [round(number(model_id, name, scale)) for name in counted]
            step_wh = scaled(1, raw(model_id, scale))
            export_wh, import_wh = read[0], read[1] if len(read) > 1 else 0
            return Counters(import_wh, export_wh, round(ACC32_MODULUS * step_wh), max(1, round(step_wh)))
        return None

    if kind in (MeterKind.GRID, MeterKind.FEEDER):
        import_w = round(number(METER, "W", "W_SF"))
        return Live(max(import_w, 0), max(-import_w, 0), counters=counters())
    export_w = round(number(INVERTER, "W", "W_SF"))
    powers = (max(-export_w, 0), max(export_w, 0))
    if kind is MeterKind.PV:
        return Live(*powers, counters=counters())
    if DISPATCH_MODEL in models:
        stored_wh, capacity_wh = raw(DISPATCH_MODEL, "WhSto"), raw(DISPATCH_MODEL, "WhCap")
    else:
        capacity_wh = round(number(BATTERY, "WHRtg", "WHRtg_SF"))
        stored_wh = round(capacity_wh * number(BATTERY, "SoC", "SoC_SF") / PERCENT)
    return Live(*powers, stored_wh, capacity_wh, counters())


def live_from_map(map_: RegisterMap, registers: Mapping[int, int]) -> Live:
    """Return a meter's state by its own map.

    Raises:
        NotReadable: A register holds no number.
    """
    points = map_.points
    power_w = measured(map_, points.power_w, registers)
    import_wh = measured(map_, points.import_wh, registers)
    export_wh = 0 if points.export_wh is None else measured(map_, points.export_wh, registers)
    step_wh = max(1, round(points.import_wh.factor))
    counters = Counters(import_wh, export_wh, round(modulus_of(points.import_wh) * points.import_wh.factor), step_wh)
    return Live(max(power_w, 0), max(-power_w, 0), counters=counters)


def _counters_of(kind: MeterKind, models: Mapping[int, int]) -> list[tuple[int, tuple[str, ...]]]:
    """Return the counters that a device has: export, import if it tells it, and their scale."""
    if kind is MeterKind.PV:
        return [(INVERTER, _INVERTER_COUNTERS)] if INVERTER in models else []
    return [(METER, _METER_COUNTERS)] if METER in models else []
