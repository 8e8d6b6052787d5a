"""What a dated file of prices or holidays says, as checked values. No rule of billing lives here.

Prices are decimals in KRW per kWh. Dates are local, and both ends of a period belong to it. `unknown` in a file stays
unknown: it is None here, beside what is assumed instead.
"""

from collections.abc import Iterable, Iterator
from datetime import date, time
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from shared.units import scaled_integer

PRICE_JEON_MAX = 1_000_000  # 10,000 KRW per kWh; keeps a month's Wh x jeon far inside 64 bits

Confidence = Literal["high", "medium", "low", "derived"]


def unknown_is_none(given: object) -> object:
    """Read the word `unknown` of a file as None."""
    return None if given == "unknown" else given


def _jeon(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int | Decimal):
        raise ValueError("must be a number in KRW")  # noqa: TRY004 -- pydantic reports ValueError with its path
    scaled = scaled_integer(Decimal(given), 2)
    if scaled is None or abs(scaled) > 1_000 * PRICE_JEON_MAX:
        raise ValueError("must be a number in KRW with at most 2 decimals")
    return scaled


def _price(jeon_per_kwh: int) -> int:
    if abs(jeon_per_kwh) > PRICE_JEON_MAX:
        raise ValueError("must lie within +-10,000 KRW per kWh")
    return jeon_per_kwh


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise ValueError("must be a finite number")
    return number


MaybeDate = Annotated[date | None, BeforeValidator(unknown_is_none)]
Jeon = Annotated[int, BeforeValidator(_jeon)]
PriceJeon = Annotated[int, BeforeValidator(_jeon), AfterValidator(_price)]
Number = Annotated[Decimal, AfterValidator(_finite)]
MaybeNumber = Annotated[Number | None, BeforeValidator(unknown_is_none)]
Month = Annotated[int, Field(ge=1, le=12)]
Period = tuple[date | None, date | None]


class Record(BaseModel):
    """A frozen part of a file; a key that nobody knows is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Names(Record):
    """What people read."""

    en: str
    ko: str


class Source(Record):
    """Where a figure was read, and when that was written or in force (None: unknown)."""

    what: str
    where: str
    date: MaybeDate


class Sourced(Record):
    """A figure or rule with where it was read and how sure it is."""

    sources: tuple[str, ...]
    confidence: Confidence
    note: str = ""


class Dated(Record):
    """A file of figures that hold between days; later figures may be announced after it was `gathered`.

    `known_until` says for how long they are known to hold, and `known_by` why; without it that is the year in which the
    file was gathered. An answer about a later day is refused, or says that it goes on from what was known.
    """

    gathered: date
    stated_until: date | None = Field(default=None, alias="known_until")
    known_by: str = ""

    @property
    def known_until(self) -> date:
        """Return the last local day for which the file is known to say what holds."""
        return self.stated_until or date(self.gathered.year, 12, 31)


class Holiday(Record):
    """A public holiday; tariffs bill a temporary one as an ordinary day of its weekday."""

    day: date = Field(alias="date")
    ko: str
    en: str
    billed_as_holiday: bool


class HolidayCalendar(Dated):
    """The public holidays of one country between two dates, both included."""

    schema_name: Literal["sandan-holidays/1"] = Field(alias="schema")
    id: str
    first: date = Field(alias="from")
    confidence: Confidence
    holidays: tuple[Holiday, ...]

    @cached_property
    def billed(self) -> frozenset[date]:
        """Return the days that tariffs bill as holidays."""
        return frozenset(holiday.day for holiday in self.holidays if holiday.billed_as_holiday)

    @cached_property
    def temporary(self) -> frozenset[date]:
        """Return the public holidays that tariffs bill as ordinary days."""
        return frozenset(holiday.day for holiday in self.holidays if not holiday.billed_as_holiday)

    def covers(self, first: date, last: date) -> bool:
        """Say whether every day from first to last is known."""
        return self.first <= first and last <= self.known_until


class DatedFigure(Sourced):
    """A price or percentage with the days it holds: `first` None is since ever, `last` None is open.

    `known` None means nobody could say; `assumed` then stands in, and `assumption` tells the reader so. A known figure
    may carry an assumption too.
    """

    first: MaybeDate = Field(alias="from")
    last: date | None = Field(alias="to")
    known: MaybeNumber = Field(alias="value")
    assumed: Number | None = None
    assumption: str = ""

    @model_validator(mode="after")
    def _has_a_figure(self) -> Self:
        if self.known is None and (self.assumed is None or not self.assumption):
            raise ValueError("an unknown value needs `assumed` and `assumption`")
        _price(_jeon(self.used))
        return self

    @property
    def used(self) -> Decimal:
        """Return the known figure, or the assumed one."""
        figure = self.assumed if self.known is None else self.known
        assert figure is not None  # noqa: S101 -- held since the record was built; narrows the type
        return figure

    @property
    def used_jeon(self) -> int:
        """Return `used`, a price in KRW, in jeon."""
        return _jeon(self.used)

    @property
    def period(self) -> Period:
        """Return its first and last day."""
        return self.first, self.last

    def holds_on(self, day: date) -> bool:
        """Say whether the figure holds on a day."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


class PriceBook(Dated):
    """One price by date: what the grid pays for surplus energy."""

    schema_name: Literal["sandan-price/1"] = Field(alias="schema")
    id: str
    name: Names
    currency: Literal["KRW"]
    timezone: str
    sources: dict[str, Source]
    prices: tuple[DatedFigure, ...] = Field(alias="price_krw_per_kwh")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        for problem in (
            *zone_problems(self.timezone),
            *overlaps("price_krw_per_kwh", (figure.period for figure in self.prices)),
        ):
            raise ValueError(problem)
        return self

    def figure_on(self, day: date) -> DatedFigure | None:
        """Return the price in force on a local day with its source and assumption, or None if nothing is known."""
        return next((figure for figure in self.prices if figure.holds_on(day)), None)


class EssRules(Dated):
    """How far a battery may be charged, by where it stands, as a fraction of its capacity."""

    schema_name: Literal["sandan-ess/1"] = Field(alias="schema")
    id: str
    sources: dict[str, Source]
    soc_max: dict[Literal["indoor", "outdoor"], Annotated[Decimal, Field(gt=0, le=1)]]
    confidence: Literal["high", "medium", "low"]


class SettlementTier(Record):
    """What a kWh earns up to and with an error."""

    error_percent_max: Annotated[int, Field(gt=0, le=100)]
    price_jeon_per_kwh: PriceJeon = Field(alias="krw_per_kwh")


class SettlementVersion(Sourced):
    """The tiers between two days, the smallest error first; beyond the last one nothing is paid."""

    first: date = Field(alias="from")
    last: date | None = Field(alias="to")
    applies: tuple[Literal["solar", "wind", "mixed"], ...]
    tiers: Annotated[tuple[SettlementTier, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _tiers_rise(self) -> Self:
        bounds = [tier.error_percent_max for tier in self.tiers]
        if bounds != sorted(set(bounds)):
            raise ValueError("tiers must rise in error_percent_max")
        return self


class ForecastSettlementRules(Dated):
    """What a plant is paid for good day-ahead forecasts, by date."""

    schema_name: Literal["sandan-forecast-settlement/1"] = Field(alias="schema")
    id: str
    timezone: str
    rule: str
    sources: dict[str, Source]
    submitted_at: tuple[time, time]
    hour_counts_from_percent: Annotated[int, Field(ge=0, le=100)]
    versions: tuple[SettlementVersion, ...]
    uncertain: Sourced

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        for kind in ("solar", "wind", "mixed"):
            periods = ((version.first, version.last) for version in self.versions if kind in version.applies)
            for problem in (*overlaps(f"versions for {kind}", periods), *zone_problems(self.timezone)):
                raise ValueError(problem)
        return self

    def version_on(self, day: date, kind: Literal["solar", "wind", "mixed"]) -> SettlementVersion | None:
        """Return the tiers in force on a local day, or None before there were any."""
        return next(
            (
                version
                for version in self.versions
                if kind in version.applies and version.first <= day and (version.last is None or day <= version.last)
            ),
            None,
        )

    def is_uncertain_on(self, day: date) -> bool:
        """Say whether it is not known that the rule holds on a local day; `uncertain` says why."""
        return day > self.known_until


class EmissionFactor(Record):
    """What a MWh from the grid emitted in one year, in tonnes of CO2 equivalent."""

    year: Annotated[int, Field(ge=1990, le=2100)]
    value: Annotated[Decimal, Field(ge=0, le=2)]
    published: MaybeDate
    confidence: Literal["high", "medium", "low"]
    sources: tuple[str, ...]


class EmissionBook(Dated):
    """The grid's emission factors by year; `residual_mix` None: nobody publishes one."""

    schema_name: Literal["sandan-emission/1"] = Field(alias="schema")
    id: str
    unit: Literal["tco2e_per_mwh"]
    factors: Annotated[tuple[EmissionFactor, ...], Field(min_length=1)]
    residual_mix: MaybeNumber

    @model_validator(mode="after")
    def _each_year_once(self) -> Self:
        years = [factor.year for factor in self.factors]
        if years != sorted(set(years)):
            raise ValueError("factors must be in the order of their years, each once")
        if self.known_until != date(years[-1], 12, 31):
            raise ValueError(f"known_until must be the last day of {years[-1]}, the newest factor's year")
        return self

    def factor_for(self, year: int) -> EmissionFactor:
        """Return a year's factor; without one the newest of before, or else the oldest. Its `year` tells which."""
        return next((factor for factor in reversed(self.factors) if factor.year <= year), self.factors[0])


def zone_problems(timezone: str) -> Iterator[str]:
    """Say what is wrong with a zone's name, if anything."""
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        yield f"timezone: {timezone!r} is not an IANA zone"


def overlaps(name: str, periods: Iterable[Period]) -> Iterator[str]:
    """Say which periods share a day; None is since ever, or open."""
    ordered = sorted(periods, key=lambda period: period[0] or date.min)
    for (earlier_first, earlier_last), (later_first, _) in pairwise(ordered):
        if earlier_last is None or later_first is None or later_first <= earlier_last:
            yield f"{name}: the periods from {earlier_first} and from {later_first} overlap"
