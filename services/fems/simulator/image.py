"""A device's registers: which models it has, what stands still in them, and what is written anew at every reading."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt

from services.fems.domain.registers.sunspec import (
    BASE,
    COMMON_MODEL,
    END_MODEL,
    HEADER_REGISTERS,
    MARKER,
    Point,
    addresses,
    encode,
    model,
    unimplemented,
)
from services.fems.domain.registers.vendor_models import (
    DISPATCH_ENTRIES,
    DISPATCH_MODEL,
    PROFILE_MODEL,
    PROFILE_RECORDS,
)
from services.fems.domain.simulated.battery import SimulatedBattery
from services.fems.domain.simulated.controls import POWER_MODEL, POWER_SCALE, RATE_SCALE, STORAGE_MODEL
from services.fems.domain.simulated.dispatch import ScheduleEntry
from services.fems.domain.simulated.power_profile import UJ_PER_WH
from services.fems.simulator.site import IntervalRecord, MeterState
from shared.complex.register_maps import RegisterMap
from shared.events.fems import MeterKind
from shared.intervals import INTERVAL_S

METER, INVERTER, CONTROLS, BATTERY = 203, 103, 123, 802
DER, DER_CAPACITY, DER_STORAGE = 701, 702, 713
CLASSIC: Mapping[MeterKind, tuple[int, ...]] = {
    MeterKind.GRID: (COMMON_MODEL, METER, PROFILE_MODEL),
    MeterKind.FEEDER: (COMMON_MODEL, METER, PROFILE_MODEL),
    MeterKind.PV: (COMMON_MODEL, INVERTER, CONTROLS, PROFILE_MODEL),
    MeterKind.ESS: (COMMON_MODEL, INVERTER, BATTERY, STORAGE_MODEL, METER, PROFILE_MODEL, DISPATCH_MODEL),
}
# The models of IEEE 1547-2018, which newer devices have instead.
MODERN: Mapping[MeterKind, tuple[int, ...]] = {
    **CLASSIC,
    MeterKind.PV: (COMMON_MODEL, DER, DER_CAPACITY, PROFILE_MODEL),
    MeterKind.ESS: (COMMON_MODEL, DER, DER_CAPACITY, POWER_MODEL, DER_STORAGE, PROFILE_MODEL, DISPATCH_MODEL),
}
PRODUCTS: Mapping[MeterKind, str] = {
    MeterKind.GRID: "Simulated meter",
    MeterKind.FEEDER: "Simulated feeder meter",
    MeterKind.PV: "Simulated PV inverter",
    MeterKind.ESS: "Simulated ESS",
}
INT16_MAX, UINT16_MAX = 32_767, 65_535
COUNTER_END_WH, DER_COUNTER_END_WH = 1 << 32, 1 << 64
GRID_VOLTS, INVERTER_VOLTS, BATTERY_VOLTS = 22_900, 380, 800
ST_SLEEPING, ST_MPPT, ST_STANDBY = 2, 4, 8
CHA_DISCHARGING, CHA_CHARGING, CHA_HOLDING = 3, 4, 6
# Of model 701: three phases, the unit on, the inverter running or in standby, connected to the grid.
AC_THREE_PHASE, DER_ON, DER_RUNNING, DER_STANDBY, DER_CONNECTED = 2, 1, 3, 7, 1
# Of model 704: the ramp is one of power, not of current.
RAMP_OF_POWER = 1


@dataclass(frozen=True, slots=True)
class Plate:
    """What stands on a device's plate."""

    device_id: str
    kind: MeterKind
    power_w_max: int
    battery: SimulatedBattery | None
    remembers: bool = True
    sunspec: int = 103
    register_map: RegisterMap | None = None
    schedules: bool = True

    @property
    def models(self) -> tuple[int, ...]:
        """Return the models that the device has, in their order."""
        lacking = {PROFILE_MODEL} if not self.remembers else set()
        lacking |= {DISPATCH_MODEL} if not self.schedules else set()
        family = MODERN if self.sunspec == DER else CLASSIC
        return tuple(model_id for model_id in family[self.kind] if model_id not in lacking)

    @property
    def control_model(self) -> int | None:
        """Return the model by which the device is told what to do at once; None where there is none."""
        return next((model_id for model_id in (POWER_MODEL, STORAGE_MODEL) if model_id in self.models), None)


class Image:
    """One device's registers, from "SunS" to the end model; index 0 is register 40000."""

    def __init__(self, plate: Plate) -> None:
        self.plate = plate
        self._models, end = addresses(plate.models)
        self._power_scale = _scale(plate.power_w_max, INT16_MAX)
        self.initial = [0] * (end + HEADER_REGISTERS - BASE)
        self.initial[: len(MARKER)] = MARKER
        self.initial[end - BASE] = END_MODEL
        for model_id, address in self._models.items():
            for point in model(model_id).points.values():
                self._place(self.initial, address + point.offset, unimplemented(point))
            self._put(self.initial, model_id, {"ID": model_id, "L": model(model_id).length})
        self._put_fixed()

    @property
    def counter_end_wh(self) -> int:
        """Return where the energy counters begin again at 0."""
        return DER_COUNTER_END_WH if DER in self._models else COUNTER_END_WH

    def address(self, model_id: int) -> int:
        """Return where a model starts."""
        return self._models[model_id]

    def put_reading(self, registers: list[int], reading: MeterState) -> None:
        """Write what the device measures now."""
        power_w = reading.import_w - reading.export_w
        if METER in self._models:
            self._put_meter(registers, reading, power_w)
        if INVERTER in self._models:
            self._put_inverter(registers, reading, -power_w)
        if DER in self._models:
            self._put_der(registers, reading, -power_w)
        if self.plate.battery is not None and reading.stored_wh is not None:
            self._put_battery(registers, self.plate.battery, reading.stored_wh, power_w)

    def put_records(self, registers: list[int], records: Iterable[IntervalRecord]) -> None:
        """Write the load profile, newest first."""
        numbers = [
            number
            for record in reversed(list(records))
            for number in (record.number * INTERVAL_S, record.import_wh, record.export_wh)
        ]
        layout = model(PROFILE_MODEL)
        content = struct.pack(f">{len(numbers)}I", *numbers)
        start = self._models[PROFILE_MODEL] + layout.record_offset
        self._place(registers, start, struct.unpack(f">{2 * len(numbers)}H", content))
        self._put(registers, PROFILE_MODEL, {"Cnt": len(numbers) // 3})

    def put_clock(self, registers: list[int], clock_s: int) -> None:
        """Write what the meter takes for the time."""
        self._put(registers, PROFILE_MODEL, {"Clk": clock_s})

    def put_serial(self, registers: list[int], serial: str) -> None:
        """Write another serial number."""
        self._put(registers, COMMON_MODEL, {"SN": serial})

    def put_power_scale(self, registers: list[int], shift: int | None) -> None:
        """Write power scales that are off by a power of ten; None: marked as not implemented."""
        scale = unimplemented(model(METER).points["W_SF"])[0] if shift is None else self._power_scale + shift
        for model_id in (METER, INVERTER, DER):
            if model_id in self._models:
                point = model(model_id).points["W_SF"]
                self._place(registers, self._models[model_id] + point.offset, [scale])

    def put_no_number(self, registers: list[int]) -> None:
        """Write power that is marked as not implemented."""
        for model_id in (METER, INVERTER, DER):
            if model_id in self._models:
                point = model(model_id).points["W"]
                self._place(registers, self._models[model_id] + point.offset, unimplemented(point))

    def put_control(self, registers: list[int], model_id: int, points: Mapping[str, int], remaining_s: int) -> None:
        """Write what stands in a control model, and the seconds until it is undone."""
        left = {"WSetRvrtRem": remaining_s} if model_id == POWER_MODEL else {}
        self._put(registers, model_id, {**points, **left})

    def put_schedule(self, registers: list[int], entries: Iterable[ScheduleEntry], status: int) -> None:
        """Write a converter's accepted entries by start, and what became of the last commit."""
        listed = sorted(entries, key=lambda entry: entry.start_s)
        self._put(registers, DISPATCH_MODEL, {"Sts": status, "Cnt": len(listed), "Cmt": 0})
        layout = model(DISPATCH_MODEL)
        for index in range(DISPATCH_ENTRIES):
            entry = listed[index] if index < len(listed) else ScheduleEntry(0, 0, 0, 0)
            told = {"Start": entry.start_s, "W": entry.setpoint_w, "Exp": entry.expires_s, "Seq": entry.sequence}
            for name, number in told.items():
                point = layout.record_point(index, name)
                self._place(registers, self._models[DISPATCH_MODEL] + point.offset, encode(point, number))

    def _put_fixed(self) -> None:
        plate = self.plate
        common: dict[str, int | str] = {
            "Mn": "Sandan",
            "Md": PRODUCTS[plate.kind],
            "Vr": "1",
            "SN": plate.device_id,
            "DA": 1,
        }
        self._put(self.initial, COMMON_MODEL, common)
        if PROFILE_MODEL in self._models:
            profile = {"IntS": INTERVAL_S, "Cap": PROFILE_RECORDS, "Cnt": 0, "Clk": 0}
            self._put(self.initial, PROFILE_MODEL, profile)
        if CONTROLS in self._models:
            controls = {"Conn": 1, "WMaxLimPct": 100, "WMaxLim_Ena": 0, "OutPFSet": 100, "OutPFSet_Ena": 0}
            scales = {"VArPct_Ena": 0, "WMaxLimPct_SF": 0, "OutPFSet_SF": -2, "VArPct_SF": 0}
            self._put(self.initial, CONTROLS, controls | scales)
        if DER_CAPACITY in self._models:
            self._put_capacity()
        if plate.battery is not None:
            self._put_battery_plate(plate.battery)

    def _put_battery_plate(self, battery: SimulatedBattery) -> None:
        energy = _scale(battery.capacity_wh, UINT16_MAX)
        charge = battery.capacity_wh // BATTERY_VOLTS
        power = _scale(max(battery.charge_w_max, battery.discharge_w_max), UINT16_MAX)
        rating = {
            "AHRtg": charge // 10 ** _scale(charge, UINT16_MAX),
            "AHRtg_SF": _scale(charge, UINT16_MAX),
            "WHRtg": battery.capacity_wh // 10**energy,
            "WHRtg_SF": energy,
            "WChaRteMax": battery.charge_w_max // 10**power,
            "WDisChaRteMax": battery.discharge_w_max // 10**power,
            "WChaDisChaMax_SF": power,
            "SoCMax": 10_000 * battery.stored_uj_max // (UJ_PER_WH * battery.capacity_wh),
            "SoCMin": 10_000 * battery.stored_uj_min // (UJ_PER_WH * battery.capacity_wh),
            "SoC_SF": -2,
        }
        state = {"LocRemCtl": 0, "AlmRst": 0, "Typ": 4, "State": 3, "SetOp": 1, "SetInvState": 3}
        events = {"Evt1": 0, "Evt2": 0, "EvtVnd1": 0, "EvtVnd2": 0}
        scales = {"V": BATTERY_VOLTS, "V_SF": 0, "CellV_SF": -3, "A_SF": 0, "AMax_SF": 0}
        if BATTERY in self._models:
            self._put(self.initial, BATTERY, rating | state | events | scales | {"W_SF": self._power_scale})
        if STORAGE_MODEL in self._models:
            ramp = round(1_000 * battery.ramp_w_per_s / battery.charge_w_max)
            storage = {"WChaMax": battery.charge_w_max // 10**power, "WChaMax_SF": power, "ChaGriSet": 1}
            ramps = {"WChaGra": ramp, "WDisChaGra": ramp, "WChaDisChaGra_SF": -1}
            self._put(self.initial, STORAGE_MODEL, storage | ramps | {"ChaState_SF": -2, "InOutWRte_SF": RATE_SCALE})
        if POWER_MODEL in self._models:
            ramp = round(100 * battery.ramp_w_per_s / self.plate.power_w_max)
            self._put(self.initial, POWER_MODEL, {"WSet_SF": POWER_SCALE, "WRmp": ramp, "WRmpRef": RAMP_OF_POWER})
        if DER_STORAGE in self._models:
            size = {"WHRtg": battery.capacity_wh // 10**energy, "WH_SF": energy}
            self._put(self.initial, DER_STORAGE, size | {"SoH": 10_000, "Sta": 0, "Pct_SF": -2})
        if DISPATCH_MODEL in self._models:
            self._put(self.initial, DISPATCH_MODEL, {"WhCap": battery.capacity_wh, "Sts": 0, "Cnt": 0, "Cmt": 0})

    def _put_meter(self, registers: list[int], reading: MeterState, power_w: int) -> None:
        volts = GRID_VOLTS if self.plate.kind in (MeterKind.GRID, MeterKind.FEEDER) else INVERTER_VOLTS
        amperes = round(power_w / (sqrt(3) * volts))
        phase = round(volts / sqrt(3))
        current = dict.fromkeys(("A", "AphA", "AphB", "AphC"), amperes) | {"A_SF": 0}
        voltage = dict.fromkeys(("PhV", "PhVphA", "PhVphB", "PhVphC"), phase) | {"V_SF": 0}
        between = dict.fromkeys(("PPV", "PhVphAB", "PhVphBC", "PhVphCA"), volts) | {"Hz": 6_000, "Hz_SF": -2}
        power = {"W": _in_scale(power_w, self._power_scale), "W_SF": self._power_scale, "Evt": 0}
        energy = {"TotWhExp": reading.export_wh, "TotWhImp": reading.import_wh, "TotWh_SF": 0}
        self._put(registers, METER, current | voltage | between | power | energy)

    def _put_inverter(self, registers: list[int], reading: MeterState, output_w: int) -> None:
        amperes = round(abs(output_w) / (sqrt(3) * INVERTER_VOLTS))
        current = dict.fromkeys(("A", "AphA", "AphB", "AphC"), amperes) | {"A_SF": 0}
        voltage = dict.fromkeys(("PhVphA", "PhVphB", "PhVphC"), round(INVERTER_VOLTS / sqrt(3))) | {"V_SF": 0}
        power = {"W": _in_scale(output_w, self._power_scale), "W_SF": self._power_scale, "Hz": 6_000, "Hz_SF": -2}
        energy = {"WH": reading.export_wh, "WH_SF": 0, "Evt1": 0, "Evt2": 0}
        asleep = ST_STANDBY if self.plate.battery is not None else ST_SLEEPING
        state = {"St": ST_MPPT if output_w else asleep}
        warmth = _tenths(TmpCab=reading.cabinet_c)
        self._put(registers, INVERTER, current | voltage | power | energy | warmth | state)

    def _put_capacity(self) -> None:
        battery, scale = self.plate.battery, self._power_scale
        told = {"WMaxRtg": self.plate.power_w_max // 10**scale, "W_SF": scale, "VNomRtg": INVERTER_VOLTS, "V_SF": 0}
        if battery is not None:
            told["WChaRteMaxRtg"] = battery.charge_w_max // 10**scale
            told["WDisChaRteMaxRtg"] = battery.discharge_w_max // 10**scale
        self._put(self.initial, DER_CAPACITY, told)

    def _put_der(self, registers: list[int], reading: MeterState, output_w: int) -> None:
        watts = _in_scale(output_w, self._power_scale)
        state = {"ACType": AC_THREE_PHASE, "St": DER_ON, "ConnSt": DER_CONNECTED, "Alrm": 0}
        state["InvSt"] = DER_RUNNING if output_w else DER_STANDBY
        power = {"W": watts, "W_SF": self._power_scale, "VA": abs(watts), "VA_SF": self._power_scale}
        amperes = {"A": round(output_w / (sqrt(3) * INVERTER_VOLTS)), "A_SF": 0}
        volts = {"LLV": INVERTER_VOLTS, "LNV": round(INVERTER_VOLTS / sqrt(3)), "V_SF": 0, "Hz": 6_000, "Hz_SF": -2}
        counters_wh = (reading.export_wh % DER_COUNTER_END_WH, reading.import_wh % DER_COUNTER_END_WH)
        energy = {"TotWhInj": counters_wh[0], "TotWhAbs": counters_wh[1], "TotWh_SF": 0}
        warmth = _tenths(TmpAmb=reading.air_c, TmpCab=reading.cabinet_c)
        self._put(registers, DER, state | power | amperes | volts | energy | warmth)

    def _put_battery(self, registers: list[int], battery: SimulatedBattery, stored_wh: int, power_w: int) -> None:
        percent_hundredths = 10_000 * stored_wh // battery.capacity_wh
        direction = CHA_CHARGING if power_w > 0 else CHA_DISCHARGING if power_w < 0 else CHA_HOLDING
        amperes = round(power_w / BATTERY_VOLTS)
        watts = _in_scale(power_w, self._power_scale)
        if DER_STORAGE in self._models:
            left_wh = stored_wh // 10 ** _scale(battery.capacity_wh, UINT16_MAX)
            self._put(registers, DER_STORAGE, {"SoC": percent_hundredths, "WHAvail": left_wh})
        if BATTERY in self._models:
            told = {"SoC": percent_hundredths, "ChaSt": direction, "A": amperes, "W": watts}
            self._put(registers, BATTERY, told)
        if STORAGE_MODEL in self._models:
            self._put(registers, STORAGE_MODEL, {"ChaState": percent_hundredths, "ChaSt": direction})
        if DISPATCH_MODEL in self._models:
            self._put(registers, DISPATCH_MODEL, {"WhSto": stored_wh})

    def _put(self, registers: list[int], model_id: int, told: Mapping[str, int | str]) -> None:
        points = model(model_id).points
        for name, raw in told.items():
            point: Point = points[name]
            self._place(registers, self._models[model_id] + point.offset, encode(point, raw))

    @staticmethod
    def _place(registers: list[int], address: int, content: Iterable[int]) -> None:
        words = list(content)
        registers[address - BASE : address - BASE + len(words)] = words


def _scale(most: int, limit: int) -> int:
    """Return the smallest power of ten that makes a quantity fit its register."""
    power = 0
    while most > limit * 10**power:
        power += 1
    return power


def _tenths(**temperatures_c: float | None) -> dict[str, int]:
    """Return temperatures that there are as points in tenths of a degree."""
    told = {name: round(10 * degrees_c) for name, degrees_c in temperatures_c.items() if degrees_c is not None}
    return told | {"Tmp_SF": -1}


def _in_scale(number: int, scale: int) -> int:
    return round(number / int(10**scale))
