"""A device's state from its registers: which points it is made of, and what they say together."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from services.fems.domain.metering.counting import CounterRange
from services.fems.domain.registers.own_map import float32_step, measured, modulus_of, resolution_wh
from services.fems.domain.registers.sunspec import NotReadable, model, number_in, require_scale, unimplemented
from services.fems.domain.registers.vendor_models import DISPATCH_MODEL
from shared.complex.register_maps import MappedPoint, RegisterMap
from shared.events.fems import MeterKind
from shared.units import PERMILLE

# Of one, two and three phases, and the same with floats.
METERS = (203, 201, 202, 204, 211, 212, 213, 214)
INVERTERS = (103, 101, 102, 111, 112, 113)
BATTERY, DER, DER_STORAGE = 802, 701, 713
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
    bits: int = 32


@dataclass(frozen=True, slots=True)
class _Store:
    """How a model tells what a battery holds: its size, how full and how healthy it is in percent, and their scales."""

    size: str
    size_scale: str
    fullness: str
    fullness_scale: str
    health_scale: str


_POWERS = {
    **dict.fromkeys(METERS, _Power(1, "TotWhExp", "TotWhImp", "TotWh_SF")),
    **dict.fromkeys(INVERTERS, _Power(-1, "WH", None, "WH_SF")),
    DER: _Power(-1, "TotWhInj", "TotWhAbs", "TotWh_SF", bits=64),
}
_STORES = {
    BATTERY: _Store("WHRtg", "WHRtg_SF", "SoC", "SoC_SF", "SoH_SF"),
    DER_STORAGE: _Store("WHRtg", "WH_SF", "SoC", "Pct_SF", "Pct_SF"),
}
_EXACT_STORE = ("WhSto", "WhCap")
_HEALTH = "SoH"
# Where each kind of device tells its power and where it counts; of several the first that it has. An inverter's model
# counts what went out alone, which says too little of a battery.
_TELLING = {
    MeterKind.GRID: METERS,
    MeterKind.FEEDER: METERS,
    MeterKind.PV: (*INVERTERS, DER),
    MeterKind.ESS: (*INVERTERS, DER),
}
_COUNTING = _TELLING | {MeterKind.ESS: (*METERS, DER)}


@dataclass(frozen=True, slots=True)
class Counters:
    """Energy counters with their ranges."""

    import_wh: int
    export_wh: int
    import_range: CounterRange
    export_range: CounterRange


@dataclass(frozen=True, slots=True)
class Live:
    """A device's state; of the two powers one is 0, only a battery stores, and not every device counts.

    What a device does not tell for now, as at night, is None; power is then 0, and `tells_power` false.
    """

    import_w: int
    export_w: int
    stored_wh: int | None = None
    capacity_wh: int | None = None
    counters: Counters | None = None
    soh_permille: int | None = None
    tells_power: bool = True

    def __post_init__(self) -> None:
        _require_possible(POWER_W_MAX, "W", import_w=self.import_w, export_w=self.export_w)
        _require_possible(ENERGY_WH_MAX, "Wh", stored_wh=self.stored_wh, capacity_wh=self.capacity_wh)
        _require_possible(PERMILLE, "permille", health=self.soh_permille)

    def reversed(self) -> "Live":
        """Return the state of a device that was mounted the wrong way round."""
        counters = self.counters
        if counters is not None:
            counters = Counters(counters.export_wh, counters.import_wh, counters.export_range, counters.import_range)
        return replace(self, import_w=self.export_w, export_w=self.import_w, counters=counters)


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
        wanted += [(counting, name) for name in (own.exported, own.imported, own.counter_scale) if name is not None]
    if kind is MeterKind.ESS:
        store = _first(tuple(_STORES), models)
        if DISPATCH_MODEL in models:
            # Exact energy where the converter tells it, else the standard's percentage.
            wanted += [(DISPATCH_MODEL, name) for name in _EXACT_STORE]
        elif store is None:
            store = _needed(tuple(_STORES), models)
        if store is not None:
            its = _STORES[store]
            of_size = (its.size, its.size_scale, its.fullness, its.fullness_scale)
            names = () if DISPATCH_MODEL in models else of_size
            wanted += [(store, name) for name in (*names, _HEALTH, its.health_scale)]
    # Models with floats have no scales.
    return [(model_id, name) for model_id, name in dict.fromkeys(wanted) if name in model(model_id).points]


def live_from(kind: MeterKind, models: Mapping[int, int], registers: Mapping[int, int]) -> Live:
    """Return a device's state from its registers by address.

    Raises:
        NotReadable: A register holds no number, or a scale factor is nonsense.
    """
    shown = _Shown(models, registers)
    power = _needed(_TELLING[kind], models)
    power_w = shown.told(power, "W", "W_SF")
    import_w = _POWERS[power].inward * round(power_w or 0)
    counters = _counters(kind, models, shown)
    if power_w is None and counters is None and kind is not MeterKind.PV:
        raise NotReadable("W: not implemented by the device")
    stored_wh, capacity_wh, soh_permille = _store(models, shown) if kind is MeterKind.ESS else (None, None, None)
    tells_power = power_w is not None
    return Live(max(import_w, 0), max(-import_w, 0), stored_wh, capacity_wh, counters, soh_permille, tells_power)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a device shows: where its models start, and its registers by address."""

    models: Mapping[int, int]
    registers: Mapping[int, int]

    def number(self, model_id: int, name: str) -> Fraction:
        """Return a point's number."""
        point = model(model_id).points[name]
        address = self.models[model_id] + point.offset
        return number_in(point, [self.registers[place] for place in range(address, address + point.size)])

    def told(self, model_id: int, name: str, scale: str) -> Fraction | None:
        """Return a point in its unit; None where the device does not implement it, for now or ever."""
        point = model(model_id).points[name]
        address = self.models[model_id] + point.offset
        words = tuple(self.registers[place] for place in range(address, address + point.size))
        if words == unimplemented(point) and not point.kind.startswith("acc"):
            return None
        return self.number(model_id, name) * self.factor(model_id, scale)

    def factor(self, model_id: int, scale: str) -> Fraction:
        """Return what a scale multiplies by; 1 where the model has none."""
        if scale not in model(model_id).points:
            return Fraction(1)
        exponent = int(self.number(model_id, scale))
        require_scale(exponent, "scale factor")
        return Fraction(10) ** exponent


def _counters(kind: MeterKind, models: Mapping[int, int], shown: _Shown) -> Counters | None:
    counting = _first(_COUNTING[kind], models)
    if counting is None:
        return None
    own = _POWERS[counting]
    export_wh = shown.told(counting, own.exported, own.counter_scale)
    import_wh = Fraction(0) if own.imported is None else shown.told(counting, own.imported, own.counter_scale)
    if export_wh is None or import_wh is None:
        return None
    factor = shown.factor(counting, own.counter_scale)
    ranges = [
        _float_range(energy_wh) if model(counting).points[own.exported].kind == "float32" else _range(own.bits, factor)
        for energy_wh in (import_wh, export_wh)
    ]
    for name, energy_wh in (("import_wh", import_wh), ("export_wh", export_wh)):
        if energy_wh < 0:
            raise NotReadable(f"{name}: must be >= 0 Wh, was {float(energy_wh)}")
    return Counters(_whole(import_wh), _whole(export_wh), *ranges)


def _range(bits: int, factor: Fraction) -> CounterRange:
    return CounterRange(_whole((1 << bits) * factor), max(1, _whole(factor)))


def _float_range(energy_wh: Fraction) -> CounterRange:
    """Return the range of a float, whose steps grow with what it shows; a fall of it is no wrap."""
    return CounterRange(1, max(1, float32_step(energy_wh)))


def _whole(number: Fraction) -> int:
    return math.floor(number + Fraction(1, 2))


def _store(models: Mapping[int, int], shown: _Shown) -> tuple[int | None, int | None, int | None]:
    """Return what a battery holds, what it can hold and how healthy it is."""
    store = _first(tuple(_STORES), models)
    soh_permille = None
    if store is not None:
        health = shown.told(store, _HEALTH, _STORES[store].health_scale)
        soh_permille = None if health is None else _whole(health * PERMILLE / PERCENT)
    if DISPATCH_MODEL in models:
        return _exact(shown, "WhSto"), _exact(shown, "WhCap"), soh_permille
    assert store is not None  # noqa: S101 -- points_of has refused a battery without a store; narrows the type
    own = _STORES[store]
    capacity_wh = shown.told(store, own.size, own.size_scale)
    fullness = shown.told(store, own.fullness, own.fullness_scale)
    capacity = None if capacity_wh is None else _whole(capacity_wh)
    stored = None if capacity is None or fullness is None else _whole(capacity * fullness / PERCENT)
    return stored, capacity, soh_permille


def _exact(shown: _Shown, name: str) -> int:
    return int(shown.number(DISPATCH_MODEL, name))


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
