"""The price of one instant, with the reasons for it."""

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from optimizers.tariff.contract import Contract, known_until
from optimizers.tariff.days import day_prices
from shared.intervals import INTERVAL_MINUTES
from shared.reference.tariffs import TariffBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a kWh costs at one time; after `known_until` its prices are taken to go on.

    `rate_jeon_per_kwh` is the band's price, `energy_jeon_per_kwh` the price paid: the rate times `discount_factor`.
    """

    version: str
    season: str
    day_kind: str
    band: str
    discount_factor: Fraction
    rate_jeon_per_kwh: int
    energy_jeon_per_kwh: int
    known_until: date


def quote(book: TariffBook, contract: Contract, start: datetime) -> Quote:
    """Return the energy price of the quarter hour that an aware instant lies in.

    Raises:
        BadInput: The tariff knows no such class, voltage, option, or nothing of that day.
    """
    local = start.astimezone(book.tariff.zone)
    [prices] = day_prices(book, contract, [local.date()])
    slot = (local.hour * 60 + local.minute) // INTERVAL_MINUTES
    return Quote(
        version=prices.version.id,
        season=prices.season,
        day_kind=prices.kind,
        band=prices.bands[slot],
        discount_factor=prices.factors[slot],
        rate_jeon_per_kwh=prices.rates_jeon[slot],
        energy_jeon_per_kwh=prices.paid_jeon()[slot],
        known_until=known_until(book, prices.version),
    )
