"""A device's state from its registers: which points it is made of, and what they say together."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import astuple, dataclass

from services.fems.domain.metering.counting import CounterRange
from services.fems.domain.registers.own_map import measured, modulus_of, resolution_wh
from services.fems.domain.registers.sunspec import NotReadable, decode, model, rescaled, scaled
from services.fems.domain.registers.vendor_models import DISPATCH_MODEL
from shared.complex.register_maps import MappedPoint, RegisterMap
from shared.events.fems import MeterKind

METER, INVERTER, BATTERY, DER, DER_STORAGE = 203, 103, 802, 701, 713
PERCENT = 100
# Beyond any complex, and far inside what a message or a table holds. Counters go beyond: what they moved is bounded.
POWER_W_MAX, ENERGY_WH_MAX = 10**12, 10**18


@dataclass(frozen=True, slots=True)
class _Power:
    """How a model tells power and what it counts; `inward` is 1 where power that flows in is positive, else -1."""

    inward: int
    exported: str
    imported: str | None
    counter_scale: str
    modulus: int


@dataclass(frozen=True, slots=True)
class _Store:
    """How a model tells what a battery holds: its size, how full it is in percent, and their scales."""

    size: str
    size_scale: str
    fullness: str
    fullness_scale: str


_POWERS = {
    METER: _Power(1, "TotWhExp", "TotWhImp", "TotWh_SF", 1 << 32),
    INVERTER: _Power(-1, "WH", None, "WH_SF", 1 << 32),
    DER: _Power(-1, "TotWhInj", "TotWhAbs", "TotWh_SF", 1 << 64),
}
_STORES = {
    BATTERY: _Store("WHRtg", "WHRtg_SF", "SoC", "SoC_SF"),
    DER_STORAGE: _Store("WHRtg", "WH_SF", "SoC", "Pct_SF"),
}
_EXACT_STORE = ("WhSto", "WhCap")
# Where each kind of device tells its power and where it counts; of several the first that it has. Model 103 counts
# what went out alone, which says too little of a battery.
_TELLING = {
    MeterKind.GRID: (METER,),
    MeterKind.FEEDER: (METER,),
    MeterKind.PV: (INVERTER, DER),
    MeterKind.ESS: (INVERTER, DER),
}
_COUNTING = _TELLING | {MeterKind.ESS: (METER, DER)}


@dataclass(frozen=True, slots=True)
class Counters:
    """Energy counters with their ranges."""

    import_wh: int
    export_wh: int
    import_range: CounterRange
    export_range: CounterRange


@dataclass(frozen=True, slots=True)
class Live:
    """A device's state; of the two powers one is 0, only a battery stores, and not every device counts."""

    import_w: int
    export_w: int
    stored_wh: int | None = None
    capacity_wh: int | None = None
    counters: Counters | None = None

    def __post_init__(self) -> None:
        _require_possible(POWER_W_MAX, "W", import_w=self.import_w, export_w=self.export_w)
        _require_possible(ENERGY_WH_MAX, "Wh", stored_wh=self.stored_wh, capacity_wh=self.capacity_wh)


def points_of(kind: MeterKind, models: Collection[int]) -> list[tuple[int, str]]:
    """Return the points that a device's state is made of, as (model, point).

    Raises:
        NotReadable: The device has not the models it would need.
    """
    power = _needed(_TELLING[kind], models)
    wanted = [(power, "W"), (power, "W_SF")]
    counting = _first(_COUNTING[kind], models)
    if counting is not None:
        own = _POWERS[counting]
        names = (own.exported, own.imported, own.counter_scale)
        wanted += [(counting, name) for name in names if name is not None]
    if kind is MeterKind.ESS and DISPATCH_MODEL in models:
        # Exact energy where the converter tells it, else the standard's percentage.
        wanted += [(DISPATCH_MODEL, name) for name in _EXACT_STORE]
    elif kind is MeterKind.ESS:
        store = _needed(tuple(_STORES), models)
        wanted += [(store, name) for name in astuple(_STORES[store])]
    return wanted


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
        counting = _first(_COUNTING[kind], models)
        if counting is None:
            return None
        own = _POWERS[counting]
        scale = raw(counting, own.counter_scale)
        export_wh = rescaled(raw(counting, own.exported), scale)
        import_wh = 0 if own.imported is None else rescaled(raw(counting, own.imported), scale)
        range_ = CounterRange(rescaled(own.modulus, scale), max(1, rescaled(1, scale)))
        return Counters(import_wh, export_wh, range_, range_)

    def stored() -> tuple[int | None, int | None]:
        if kind is not MeterKind.ESS:
            return None, None
        if DISPATCH_MODEL in models:
            return raw(DISPATCH_MODEL, "WhSto"), raw(DISPATCH_MODEL, "WhCap")
        store = _needed(tuple(_STORES), models)
        own = _STORES[store]
        capacity_wh = round(number(store, own.size, own.size_scale))
        return round(capacity_wh * number(store, own.fullness, own.fullness_scale) / PERCENT), capacity_wh

    power = _needed(_TELLING[kind], models)
    import_w = _POWERS[power].inward * round(number(power, "W", "W_SF"))
    return Live(max(import_w, 0), max(-import_w, 0), *stored(), counters())


def live_from_map(map_: RegisterMap, registers: Mapping[int, int]) -> Live:
    """Return a meter's state by its own map.

    Raises:
        NotReadable: A register holds no number.
    """
    points = map_.points
    power_w = measured(map_, points.power_w, registers)
    import_w = power_w if map_.positive == "import" else -power_w
    import_wh, import_range = _counted(map_, points.import_wh, registers)
    export_wh, export_range = _counted(map_, points.export_wh, registers)
    counters = Counters(import_wh, export_wh, import_range, export_range)
    return Live(max(import_w, 0), max(-import_w, 0), counters=counters)


def _counted(map_: RegisterMap, counter: MappedPoint | None, registers: Mapping[int, int]) -> tuple[int, CounterRange]:
    """Return what a counter shows with its range; one that a map lacks stands at 0."""
    if counter is None:
        return 0, CounterRange()
    energy_wh = measured(map_, counter, registers)
    return energy_wh, CounterRange(round(modulus_of(counter) * counter.factor), resolution_wh(counter, energy_wh))


def _require_possible(most: int, unit: str, **told: int | None) -> None:
    for name, number in told.items():
        if number is not None and not 0 <= number <= most:
            raise NotReadable(f"{name}: must be in [0, {most}] {unit}, was {number}")


def _first(candidates: Iterable[int], models: Collection[int]) -> int | None:
    return next((model_id for model_id in candidates if model_id in models), None)


def _needed(candidates: tuple[int, ...], models: Collection[int]) -> int:
    found = _first(candidates, models)
    if found is None:
        raise NotReadable(f"the device has no model {' or '.join(map(str, candidates))}")
    return found
