"""What a tariff file says, as checked values: classes, bands by hour and season, rates by version, rules by name.

No rule of billing is applied here. Prices are integer jeon per kWh (or per kW and month); in the files they are
decimals in KRW. Dates are local, and both ends of a period belong to it.
"""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from shared.intervals import INTERVAL_MINUTES, INTERVALS_PER_DAY
from shared.reference.prices import (
    Confidence,
    Dated,
    DatedFigure,
    HolidayCalendar,
    Jeon,
    Month,
    Names,
    Number,
    PriceJeon,
    Record,
    Source,
    Sourced,
    overlaps,
    unknown_is_none,
    zone_problems,
)

DayKind = Literal["weekday", "saturday", "sunday", "holiday"]


def parse_slots(hours: str) -> range:
    """Return the quarter hours of "HH:MM-HH:MM" ("24:00" ends a day).

    Raises:
        ValueError: The text is something else, is empty, or does not lie on quarter hours.
    """
    try:
        first, last = (int(part[:2]) * 60 + int(part[3:]) for part in hours.split("-"))
    except ValueError:
        raise ValueError(f"hours must read HH:MM-HH:MM, were {hours!r}") from None
    if not 0 <= first < last <= 24 * 60 or first % INTERVAL_MINUTES or last % INTERVAL_MINUTES:
        raise ValueError(f"hours must rise within 00:00-24:00 in quarter hours, were {hours!r}")
    return range(first // INTERVAL_MINUTES, last // INTERVAL_MINUTES)


class ContractRange(Record):
    """The half-open range of contract power a class is meant for; `below` None is open."""

    at_least_kw: Number = Field(alias="from")
    below_kw: Number | None = Field(alias="below")


class TariffClass(Sourced):
    """A class of customers."""

    name: Names
    contract_kw: ContractRange
    billed_on_contract_at: tuple[str, ...]


class BandSchedule(Sourced):
    """The band of every hour of a weekday, by season."""

    seasons: dict[str, dict[str, tuple[str, ...]]]

    def slots(self, season: str) -> tuple[str, ...]:
        """Return the band of each of the day's 96 quarter hours.

        Raises:
            ValueError: A quarter hour has no band, or two.
        """
        bands: dict[int, str] = {}
        for band, spans in self.seasons[season].items():
            for slot in (slot for span in spans for slot in parse_slots(span)):
                if slot in bands:
                    raise ValueError(f"season {season}: quarter hour {slot} has the bands {bands[slot]} and {band}")
                bands[slot] = band
        missing = [slot for slot in range(INTERVALS_PER_DAY) if slot not in bands]
        if missing:
            raise ValueError(f"season {season}: quarter hour {missing[0]} has no band")
        return tuple(bands[slot] for slot in range(INTERVALS_PER_DAY))


class DayRule(Record):
    """On days of these kinds a band is billed as another."""

    days: tuple[DayKind, ...]
    read_as: dict[str, str]


class Discount(Sourced):
    """A factor on the energy price in some hours of some days."""

    name: Names
    first: date = Field(alias="from")
    last: date | None = Field(alias="to")
    months: tuple[Month, ...]
    days: tuple[DayKind, ...]
    hours: tuple[str, ...]
    energy_charge_factor: Annotated[Number, Field(ge=0, le=1)]
    unknown: str = ""

    def slots(self) -> frozenset[int]:
        """Return the quarter hours of the day it covers."""
        return frozenset(slot for span in self.hours for slot in parse_slots(span))


class Rate(Record):
    """What one voltage and option pays."""

    base_jeon_per_kw: Annotated[Jeon, Field(ge=0, alias="base_krw_per_kw")]
    energy_jeon_per_kwh: dict[str, dict[str, PriceJeon]] = Field(alias="energy_krw_per_kwh")


class Version(Sourced):
    """A class's prices between two dates; `last` None is open, "unknown" makes the version unusable for bills."""

    id: str
    tariff_class: str = Field(alias="class")
    first: date = Field(alias="from")
    last: date | Literal["unknown"] | None = Field(alias="to")
    last_if_deferred: date | None = Field(default=None, alias="to_if_deferred")
    schedule: str
    discounts: tuple[str, ...] = ()
    rates: dict[str, dict[str, Rate]]


class DemandRule(Sourced):
    """How the base charge finds its kW."""

    excluded_bands: tuple[str, ...]
    excluded_bands_confidence: Confidence
    ratchet_months: tuple[Month, ...]
    window_months: Annotated[int, Field(ge=1)]
    contract_floor: Annotated[Number, Field(ge=0, le=1)]
    rounding_kw: Annotated[int | None, BeforeValidator(unknown_is_none)]


class ExcessTier(Record):
    """From this ratio of excess to contract power, this multiple of the base price."""

    from_ratio: Annotated[Number, Field(ge=0)]
    multiplier: Annotated[Number, Field(ge=0)]


class ExcessRule(Sourced):
    """The surcharge on demand above contract power."""

    tiers: Annotated[tuple[ExcessTier, ...], Field(min_length=1)]
    first_month_is_notice: bool


class PowerFactorWindow(Record):
    """The hours of one kind of power factor, its base and the percentage above which nothing changes."""

    hours: tuple[str, ...]
    base_percent: Number
    cap_percent: Number

    def slots(self) -> frozenset[int]:
        """Return the quarter hours of the day it covers."""
        return frozenset(slot for span in self.hours for slot in parse_slots(span))


class PowerFactorRule(Sourced):
    """What a power factor off its base adds to, or takes from, the base charge."""

    adjustment_per_point: Number
    floor_percent: Number
    deemed_percent: Number
    lagging: PowerFactorWindow
    leading: PowerFactorWindow
    unknown: str = ""


class Rounding(Record):
    """To which multiple of 1 KRW, and how."""

    to_krw: Annotated[int, Field(ge=1)]
    mode: Literal["half_up", "down"]


class RoundingRule(Sourced):
    """The lines that are not simply rounded half up to the won."""

    vat: Rounding
    fund: Rounding
    total: Rounding


class TariffFile(Dated):
    """One tariff file as read; a TariffBook adds its holidays."""

    schema_name: Literal["sandan-tariff/1"] = Field(alias="schema")
    id: str
    name: Names
    currency: Literal["KRW"]
    timezone: str
    holidays: str | None
    sources: dict[str, Source]
    voltages: dict[str, Names]
    classes: dict[str, TariffClass]
    seasons: dict[str, tuple[Month, ...]]
    bands: tuple[str, ...]
    schedules: dict[str, BandSchedule]
    day_rules: tuple[DayRule, ...]
    discounts: dict[str, Discount]
    versions: tuple[Version, ...]
    demand: DemandRule | None
    excess: ExcessRule | None
    power_factor: PowerFactorRule | None
    climate_krw_per_kwh: tuple[DatedFigure, ...]
    fuel_krw_per_kwh: tuple[DatedFigure, ...]
    fund_percent: tuple[DatedFigure, ...]
    vat_percent: tuple[DatedFigure, ...]
    rounding: RoundingRule

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        for problem in (*_calendar_problems(self), *_version_problems(self), *_source_problems(self)):
            raise ValueError(problem)
        return self

    @property
    def zone(self) -> ZoneInfo:
        """Return the zone whose clock the bands follow."""
        return ZoneInfo(self.timezone)

    def season_of(self, month: int) -> str:
        """Return the season of a month of the year."""
        return next(season for season, months in self.seasons.items() if month in months)


@dataclass(frozen=True, slots=True)
class TariffBook:
    """A tariff with the holidays of its country; `calendar` None means that every day counts by its weekday."""

    tariff: TariffFile
    calendar: HolidayCalendar | None


def _calendar_problems(tariff: TariffFile) -> Iterator[str]:
    yield from zone_problems(tariff.timezone)
    months = sorted(month for season in tariff.seasons.values() for month in season)
    if months != list(range(1, 13)):
        yield f"seasons: must name each month once, named {months}"
    for name, schedule in tariff.schedules.items():
        if set(schedule.seasons) != set(tariff.seasons):
            yield f"schedules.{name}.seasons: must be {sorted(tariff.seasons)}, were {sorted(schedule.seasons)}"
        for season in schedule.seasons:
            unknown = set(schedule.slots(season)) - set(tariff.bands)
            if unknown:
                yield f"schedules.{name}: unknown bands {sorted(unknown)}"
            bands = schedule.seasons[season]
            unpriced = [
                rule.read_as for rule in tariff.day_rules for band in bands if rule.read_as.get(band, band) not in bands
            ]
            if unpriced:
                yield f"day_rules: {unpriced[0]} leads to a band that schedules.{name} has not in {season}"
    for name, discount in tariff.discounts.items():
        if not discount.slots():
            yield f"discounts.{name}.hours: must not be empty"
    if tariff.power_factor is not None and tariff.power_factor.lagging.slots() & tariff.power_factor.leading.slots():
        yield "power_factor: the lagging and the leading hours must not overlap"


def _version_problems(tariff: TariffFile) -> Iterator[str]:
    for version in tariff.versions:
        names: tuple[tuple[str, Iterable[str], Container[str]], ...] = (
            ("class", [version.tariff_class], tariff.classes),
            ("schedule", [version.schedule], tariff.schedules),
            ("discounts", version.discounts, tariff.discounts),
            ("rates", version.rates, tariff.voltages),
        )
        unknown = [(field, name) for field, given, known in names for name in given if name not in known]
        if unknown:
            yield f"versions.{version.id}: unknown {unknown}"
            return
        bands = {season: set(spans) for season, spans in tariff.schedules[version.schedule].seasons.items()}
        for voltage, options in version.rates.items():
            for option, rate in options.items():
                if {season: set(prices) for season, prices in rate.energy_jeon_per_kwh.items()} != bands:
                    yield f"versions.{version.id}.rates.{voltage}.{option}: must price each season's bands, {bands}"
    for name in tariff.classes:
        periods = [(version.first, version.last) for version in tariff.versions if version.tariff_class == name]
        yield from overlaps(name, ((first, first if last == "unknown" else last) for first, last in periods))
    for field, figures in (
        ("climate_krw_per_kwh", tariff.climate_krw_per_kwh),
        ("fuel_krw_per_kwh", tariff.fuel_krw_per_kwh),
        ("fund_percent", tariff.fund_percent),
        ("vat_percent", tariff.vat_percent),
    ):
        yield from overlaps(field, (figure.period for figure in figures))


def _source_problems(tariff: TariffFile) -> Iterator[str]:
    sourced: list[Sourced] = [
        *tariff.classes.values(),
        *tariff.schedules.values(),
        *tariff.discounts.values(),
        *tariff.versions,
        *(rule for rule in (tariff.demand, tariff.excess, tariff.power_factor) if rule is not None),
        *tariff.climate_krw_per_kwh,
        *tariff.fuel_krw_per_kwh,
        *tariff.fund_percent,
        *tariff.vat_percent,
        tariff.rounding,
    ]
    for entry in sourced:
        unknown = set(entry.sources) - set(tariff.sources)
        if unknown or not entry.sources:
            yield f"sources: every figure names its sources among {sorted(tariff.sources)}, found {entry.sources}"
