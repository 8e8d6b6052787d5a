"""An industrial complex as its file describes it: who takes part, behind which feeder, with which devices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import yaml
from pydantic import AfterValidator, Field, model_validator

from shared import yaml_text
from shared.complex.contract import GridContract
from shared.complex.field_network import ONE_DEVICE_ALONE, UNIT_ID_MAX, DeviceEntry, FieldNetwork
from shared.complex.fields import RECORD, Fraction, PositiveKw, PriceKrw, ShortIdentifier
from shared.complex.imbalance import ImbalanceRule, rule_problems
from shared.complex.load import Load
from shared.complex.register_maps import RegisterMap
from shared.errors import BadInput, did_you_mean
from shared.events.base import Identifier
from shared.events.fems import MeterKind
from shared.reference.legal import LegalModeName
from shared.reference.load import ess_rules
from shared.units import JEON_PER_KRW, WH_PER_KWH
from shared.validation import PlainRecord, checked, one_line

# An interval's settlement has a line for each participant, its auction a price for each feeder. Each has to fit into
# one message (tests/unit/settlement and market, test_event_size.py).
PARTICIPANTS_MAX = 1_400
FEEDERS_MAX = 100


class _Record(PlainRecord):
    model_config = RECORD


class Name(_Record):
    """A name in both languages."""

    ko: Annotated[str, AfterValidator(one_line)]
    en: Annotated[str, AfterValidator(one_line)]


class Location(_Record):
    """Where the complex lies."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    altitude_m: Annotated[float, Field(ge=-500, le=9000)] = 0.0


class MarketCalendar(_Record):
    """The market's rules that are data."""

    gate_closure_lead_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    price_krw_per_kwh_min: PriceKrw = Decimal(0)
    price_krw_per_kwh_max: PriceKrw = Decimal(1000)
    order_quantity_kwh_max: Annotated[float, Field(gt=0, le=1e9)] = 10_000

    @property
    def gate_closure_lead(self) -> timedelta:
        """Return how long before delivery the book closes."""
        return timedelta(minutes=self.gate_closure_lead_minutes)

    @property
    def price_jeon_per_kwh_min(self) -> int:
        """Return the lowest price an order may have."""
        return int(self.price_krw_per_kwh_min * JEON_PER_KRW)

    @property
    def price_jeon_per_kwh_max(self) -> int:
        """Return the highest price an order may have."""
        return int(self.price_krw_per_kwh_max * JEON_PER_KRW)

    @property
    def order_quantity_wh_max(self) -> int:
        """Return the most energy one order may ask for."""
        return round(self.order_quantity_kwh_max * WH_PER_KWH)


class FeederMeter(_Record):
    """The meter at a feeder's head, and by how much its factories' meters may differ from it.

    Attributes:
        loss: What the feeder itself takes, as a part of what its factories take or give together.
        tolerance: How far sums may be off beside that, as a part of what flowed through the factories' meters.
    """

    meter_id: Identifier
    loss: Annotated[float, Field(ge=0, le=0.2)] = 0.0
    tolerance: Annotated[float, Field(gt=0, le=0.5)] = 0.02


class Feeder(_Record):
    """A distribution feeder: limits on what crosses its boundary (null: none), the fee for that, perhaps a meter.

    Attributes:
        loss_fraction: What is lost of a kWh across the boundary, in or out; the buyer bears it.
    """

    feeder_id: Identifier
    import_limit_kw: PositiveKw | None = None
    export_limit_kw: PositiveKw | None = None
    wheeling_fee_krw_per_kwh: PriceKrw = Decimal(0)
    loss_fraction: Annotated[Decimal, Field(ge=0, le=Decimal("0.5"), decimal_places=6)] = Decimal(0)
    meter: FeederMeter | None = None

    @property
    def wheeling_fee_jeon_per_kwh(self) -> int:
        """Return the fee for a kWh that crosses the feeder's boundary."""
        return int(self.wheeling_fee_krw_per_kwh * JEON_PER_KRW)


class Bidding(_Record):
    """Who writes the orders: people (`manual`), or the scheduler for a participant that opted in (`automatic`).

    Automatic prices lie between what the grid pays (share 0) and what it charges (share 1): at the participant's own
    share (`share`), or at what a kWh is worth to it in its batteries' newest plan (`value`).
    """

    mode: Literal["automatic", "manual"]
    pricing: Literal["share", "value"] = "share"
    buy_share: Fraction = 0.8
    sell_share: Fraction = 0.2


class PvSite(_Record):
    """A roof's solar plant."""

    site_id: Identifier
    capacity_kw_ac: PositiveKw
    capacity_kw_dc: PositiveKw
    tilt_deg: Annotated[float, Field(ge=0, le=90)] = 15
    azimuth_deg: Annotated[float, Field(ge=0, lt=360)] = 180


class Ess(_Record):
    """A battery with its converter; `soc_*` are fractions of capacity.

    `caution` plans against the forecast's whole range, from 0 (least mean cost) to 1 (least mean cost of the worst
    tenth); without it the plan is that of the median. `placement` puts `soc_max` under the cap of infra/ess.
    """

    device_id: Identifier
    capacity_kwh: PositiveKw
    charge_kw_max: PositiveKw
    discharge_kw_max: PositiveKw
    charge_efficiency: Annotated[float, Field(gt=0, le=1)]
    discharge_efficiency: Annotated[float, Field(gt=0, le=1)]
    soc_min: Fraction
    soc_max: Fraction
    soc_initial: Fraction
    cycle_cost_krw_per_kwh: Annotated[float, Field(ge=0)] = 0
    caution: Fraction | None = None
    placement: Literal["indoor", "outdoor"] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "Ess":
        if not self.soc_min <= self.soc_initial <= self.soc_max:
            raise ValueError("must have soc_min <= soc_initial <= soc_max")
        cap = None if self.placement is None else float(ess_rules().soc_max[self.placement])
        if cap is not None and self.soc_max > cap:
            raise ValueError(f"soc_max must be at most {cap} {self.placement}s (infra/ess/kr.yaml), was {self.soc_max}")
        return self


class Participant(_Record):
    """A factory: one grid connection, its contract, and what stands behind it."""

    participant_id: ShortIdentifier
    name: Name
    feeder_id: Identifier
    contract: GridContract
    bidding: Bidding
    load: Load
    pv: tuple[PvSite, ...] = ()
    ess: tuple[Ess, ...] = ()

    @property
    def grid_meter_id(self) -> str:
        """Return the id of the revenue meter at the grid connection."""
        return f"{self.participant_id}.grid"


class Address(NamedTuple):
    """Where a Modbus TCP server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class LineSettings:
    """How an address is spoken to: in which frames, and how long an answer may take."""

    framing: Literal["tcp", "rtu"] = "tcp"
    answer_within_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Device:
    """A metered device in the field: its id is also its meter's; a feeder meter's `participant_id` is its feeder's."""

    device_id: str
    participant_id: str
    kind: MeterKind
    address: Address
    unit_id: int
    remembers: bool = True
    sunspec: int = 103
    register_map: RegisterMap | None = None
    schedules: bool = True
    ramp_per_s: float = 1.0
    instance: int = 1
    reversed: bool = False

    @property
    def place(self) -> str:
        """Return where it is, for people; no two devices are at one place."""
        of_several = f" instance {self.instance}" if self.instance > 1 else ""
        return f"{self.address} unit {self.unit_id}{of_several}"


class Complex(_Record):
    """One industrial complex."""

    complex_id: ShortIdentifier
    name: Name
    note: Name
    location: Location
    market: MarketCalendar = MarketCalendar()
    sell_back: str
    imbalance: tuple[ImbalanceRule, ...] = ()
    legal_mode: LegalModeName = "demonstration"
    field_network: FieldNetwork
    feeders: Annotated[tuple[Feeder, ...], Field(min_length=1, max_length=FEEDERS_MAX)]
    participants: Annotated[tuple[Participant, ...], Field(min_length=1, max_length=PARTICIPANTS_MAX)]

    @model_validator(mode="after")
    def _ids_once_and_known(self) -> "Complex":
        _require_once("feeders", (feeder.feeder_id for feeder in self.feeders))
        owners = [one.participant_id for one in self.participants]
        _require_once("participants", [*owners, *(one.participant_id for one in self.feeder_meters)])
        _require_once("devices", (device.device_id for device in self.field_devices))
        _require_once("field_network", (device.place for device in self.field_devices))
        self._require_one_framing()
        for device in self.field_devices:
            if device.unit_id > UNIT_ID_MAX and device.unit_id not in ONE_DEVICE_ALONE:
                rule = (
                    f"{device.device_id} would be unit {device.unit_id}, an address has {UNIT_ID_MAX}: give it another"
                )
                raise ValueError(f"field_network.devices: {rule} port or host and a unit_id")
        for problem in rule_problems(self.imbalance):
            raise ValueError(problem)
        strangers = sorted(self.field_network.devices.keys() - {device.device_id for device in self.field_devices})
        if strangers:
            hint = did_you_mean(strangers[0], [device.device_id for device in self.field_devices])
            told = f"must name devices of the complex, not {strangers[0]!r}" + (f" ({hint})" if hint else "")
            raise ValueError(f"field_network.devices: {told}")
        for device in self.field_devices:
            if device.register_map is not None and device.kind is MeterKind.ESS:
                raise ValueError(
                    f"field_network.devices: {device.device_id} must be a meter or an inverter to have a register map"
                )
        known = sorted(feeder.feeder_id for feeder in self.feeders)
        for one in self.participants:
            if one.feeder_id not in known:
                rule = f"feeder_id must be one of {known}, not {one.feeder_id!r}"
                raise ValueError(f"participant {one.participant_id}: {rule}")
        return self

    @cached_property
    def devices(self) -> tuple[Device, ...]:
        """Return the participants' devices: a grid meter each, then its inverters and batteries, in file order."""
        found: list[tuple[str, str, MeterKind]] = []
        for one in self.participants:
            found.append((one.grid_meter_id, one.participant_id, MeterKind.GRID))
            found += [(site.site_id, one.participant_id, MeterKind.PV) for site in one.pv]
            found += [(ess.device_id, one.participant_id, MeterKind.ESS) for ess in one.ess]
        return tuple(self._placed(facts, number) for number, facts in enumerate(found, start=1))

    @cached_property
    def by_device(self) -> Mapping[str, Device]:
        """Return the participants' devices by id, which is also the meter's."""
        return {one.device_id: one for one in self.devices}

    @cached_property
    def settled_meters(self) -> frozenset[str]:
        """Return the meters that settle an interval; a solar plant stands behind the grid's meter, which counts it."""
        return frozenset(one.device_id for one in self.devices if one.kind is not MeterKind.PV)

    @cached_property
    def feeder_meters(self) -> tuple[Device, ...]:
        """Return the meters of feeders, in file order; no money hangs on them."""
        found = [(one.meter.meter_id, one.feeder_id, MeterKind.FEEDER) for one in self.feeders if one.meter is not None]
        return tuple(self._placed(facts, number) for number, facts in enumerate(found, start=1 + len(self.devices)))

    @property
    def field_devices(self) -> tuple[Device, ...]:
        """Return everything that the gateway polls."""
        return self.devices + self.feeder_meters

    def _placed(self, facts: tuple[str, str, MeterKind], number: int) -> Device:
        network = self.field_network
        own = self._entry(facts[0])
        address = Address(own.host or network.host, own.port or network.port)
        return Device(
            *facts,
            address=address,
            unit_id=number if own.unit_id is None else own.unit_id,
            remembers=own.remembers,
            sunspec=own.sunspec,
            register_map=own.register_map,
            schedules=own.schedules,
            ramp_per_s=own.ramp_per_s,
            instance=own.instance,
            reversed=own.reversed,
        )

    def _require_one_framing(self) -> None:
        for address, behind in self.devices_by_address.items():
            if len({self._entry(device.device_id).framing for device in behind}) > 1:
                raise ValueError(f"field_network.devices: framing must be the same for all behind {address}")

    def _entry(self, device_id: str) -> DeviceEntry:
        return self.field_network.devices.get(device_id, DeviceEntry())

    def line_settings(self, address: Address) -> LineSettings:
        """Return how an address is spoken to; all devices behind it agree on it."""
        entries = [self._entry(device.device_id) for device in self.devices_by_address[address]]
        return LineSettings(framing=entries[0].framing, answer_within_s=max(one.answer_within_s for one in entries))

    @cached_property
    def devices_by_address(self) -> Mapping[Address, tuple[Device, ...]]:
        """Return the devices behind each address, in file order."""
        found: dict[Address, tuple[Device, ...]] = {}
        for device in self.field_devices:
            found[device.address] = (*found.get(device.address, ()), device)
        return found

    @cached_property
    def feeder_of(self) -> Mapping[str, str]:
        """Return each participant's feeder."""
        return {one.participant_id: one.feeder_id for one in self.participants}

    @cached_property
    def loss_fraction_of(self) -> Mapping[str, Decimal]:
        """Return each feeder's loss."""
        return {one.feeder_id: one.loss_fraction for one in self.feeders}

    @property
    def change_days(self) -> list[date]:
        """Return the Korean days from which something else holds."""
        contracts = (one.contract for one in self.participants)
        return sorted({change.first_day for contract in contracts for change in contract.contract_power_changes})

    def on(self, day: date) -> "Complex":
        """Return what holds on a Korean day."""
        participants = [one.model_copy(update={"contract": one.contract.on(day)}) for one in self.participants]
        dated = self.model_copy(update={"participants": tuple(participants)})
        # What was derived from the complex of another day is derived anew.
        for name in dated.__dict__.keys() - type(self).model_fields.keys():
            del dated.__dict__[name]
        return dated

    @cached_property
    def by_participant(self) -> Mapping[str, Participant]:
        """Return the participants by id."""
        return {one.participant_id: one for one in self.participants}


def load_complex(path: Path) -> Complex:
    """Read a complex file.

    Raises:
        BadInput: The file is missing or not YAML.
        BadInputs: It breaks rules; each names its JSON path.
    """
    try:
        content = yaml_text.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(where=str(path), field="complex file", rule="must be readable", value=error.strerror) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0]
        raise BadInput(where=str(path), field="complex file", rule="must be YAML", value=first) from None
    return checked(Complex, content, where=str(path))


def _require_once(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what}: id {name} must occur once")
        seen.add(name)
