"""What each quarter hour of a day costs: the day's kind, its bands after the day rules, its discounts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from optimizers.tariff.contract import Contract, rate_of, version_on
from shared.intervals import INTERVALS_PER_DAY
from shared.reference.tariffs import DayKind, Discount, TariffBook, TariffFile, Version
from shared.units import round_half_up

NO_DISCOUNT = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPrices:
    """One local day of one contract, by quarter hour of the day (96 of each).

    `rates_jeon` are the band's prices [jeon/kWh]; `factors` are what a discount leaves of them (1: no discount).
    """

    version: Version
    season: str
    kind: DayKind
    bands: tuple[str, ...]
    rates_jeon: tuple[int, ...]
    factors: tuple[Fraction, ...]

    def bases(self) -> tuple[str, ...]:
        """Return what tells energy that is priced alike from other, as the lines of a bill do."""
        return tuple(
            basis_of(self.version.id, self.season, band, factor)
            for band, factor in zip(self.bands, self.factors, strict=True)
        )

    def paid_jeon(self) -> tuple[int, ...]:
        """Return what a kWh costs [jeon] after the discount, rounded half up to the jeon."""
        return tuple(
            round_half_up(rate * factor.numerator, factor.denominator)
            for rate, factor in zip(self.rates_jeon, self.factors, strict=True)
        )


def basis_of(version: str, season: str, band: str, discount_factor: Fraction) -> str:
    """Return "version/season/band/discount factor", which energy of one price has in common."""
    return f"{version}/{season}/{band}/{discount_factor}"


def day_kind(book: TariffBook, day: date) -> DayKind:
    """Return how tariffs see a day; a temporary holiday is an ordinary day of its weekday."""
    if book.calendar is not None and day in book.calendar.billed:
        return "holiday"
    match day.isoweekday():
        case 6:
            return "saturday"
        case 7:
            return "sunday"
        case _:
            return "weekday"


def day_prices(book: TariffBook, contract: Contract, days: Iterable[date]) -> list[DayPrices]:
    """Return the prices of each local day; days that are priced alike share one object.

    Raises:
        BadInput: The tariff knows no such class, voltage, option, or nothing of one of the days.
    """
    alike: dict[tuple[str, str, DayKind, tuple[str, ...]], DayPrices] = {}
    priced: list[DayPrices] = []
    for day in days:
        version = version_on(book, contract, day)
        season = book.tariff.season_of(day.month)
        kind = day_kind(book, day)
        discounts = tuple(name for name in version.discounts if _applies(book.tariff.discounts[name], day, kind))
        key = (version.id, season, kind, discounts)
        if key not in alike:
            rate = rate_of(book, contract, version)
            alike[key] = _priced_day(book.tariff, version, rate.energy_jeon_per_kwh[season], key)
        priced.append(alike[key])
    return priced


def _priced_day(
    tariff: TariffFile,
    version: Version,
    energy_jeon_per_kwh: Mapping[str, int],
    key: tuple[str, str, DayKind, tuple[str, ...]],
) -> DayPrices:
    _, season, kind, discounts = key
    read_as = next((rule.read_as for rule in tariff.day_rules if kind in rule.days), {})
    bands = tuple(read_as.get(band, band) for band in tariff.schedules[version.schedule].slots(season))
    factors = [NO_DISCOUNT] * INTERVALS_PER_DAY
    for discount in (tariff.discounts[name] for name in discounts):
        for slot in discount.slots():
            factors[slot] *= Fraction(discount.energy_charge_factor)
    return DayPrices(
        version=version,
        season=season,
        kind=kind,
        bands=bands,
        rates_jeon=tuple(energy_jeon_per_kwh[band] for band in bands),
        factors=tuple(factors),
    )


def _applies(discount: Discount, day: date, kind: DayKind) -> bool:
    in_force = discount.first <= day and (discount.last is None or day <= discount.last)
    return in_force and day.month in discount.months and kind in discount.days
