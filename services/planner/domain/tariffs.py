"""What a day costs at a factory's connection under a tariff option."""

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np

from optimizers.connection import GridConnection
from optimizers.tariff.contract import Contract, contract_of, known_until, rate_of, version_on
from optimizers.tariff.demand import billing_demand
from optimizers.tariff.peaks import PricedPeak, may_set_demand, month_peak
from optimizers.tariff.site import SitePrices
from optimizers.tariff.surplus import surplus_prices_jeon
from optimizers.tariff.timeline import energy_prices_jeon, epochs, timeline
from shared.arrays import Flags, Floats, Integers
from shared.complex.contract import GridContract
from shared.errors import BadInput
from shared.intervals import INTERVAL, delivery_starts
from shared.reference.prices import PriceBook
from shared.reference.tariffs import TariffBook
from shared.units import JEON_PER_KRW, JEON_WH_PER_KRW, WH_PER_KWH, power_kw, round_half_up


@dataclass(frozen=True, slots=True, eq=False)
class DayTariff:
    """A day's prices by delivery interval, and its share of the month's base charge.

    Attributes:
        import_jeon_per_kwh: What the grid charges.
        export_jeon_per_kwh: What the grid pays.
        sets_demand: Intervals whose demand counts for the base charge.
        base_jeon_per_kw: A day's share of what a kW of billing demand costs in the month.
        contract: The factory's contract with this option, and with the past peaks that it names.
        book: The tariff, for its demand rule.
        peak: The month's peak at the day's share of its price, for plans; None where it is billed on contract power.
    """

    day: date
    import_jeon_per_kwh: Integers
    export_jeon_per_kwh: Integers
    sets_demand: Flags
    base_jeon_per_kw: Decimal
    contract: Contract
    book: TariffBook
    peak: PricedPeak | None

    @property
    def connection(self) -> GridConnection:
        """Return the prices that a plan is made with: those of `bill_krw`."""
        prices = SitePrices(self.import_jeon_per_kwh, self.export_jeon_per_kwh)
        return GridConnection(prices=prices, peaks=() if self.peak is None else (self.peak,))

    def bill_krw(self, import_wh: Floats, export_wh: Floats) -> int:
        """Return what a day's energy costs, energy and base charge, less what the surplus earns; rounded once.

        A plan's energies are not rounded before: by 96 intervals that would be worth more than the solver's gap.

        The base charge is the day's share of a month whose highest demand is this day's, or what the contract tells of
        the month and of past ones, under the tariff's own rule (ratchet, excluded bands, floor of contract power).
        Taxes, fund, climate and fuel are left out: they follow the energy and change no comparison's sign.
        """
        energy = import_wh @ self.import_jeon_per_kwh - export_wh @ self.export_jeon_per_kwh
        peak_wh = float(np.max(import_wh[self.sets_demand], initial=0.0))
        month = f"{self.day:%Y-%m}"
        known_kw = Decimal(self.contract.past_peaks_kw.get(month, 0))
        peak_kw = max(known_kw, Decimal(str(power_kw(peak_wh / WH_PER_KWH, INTERVAL))))
        demand = billing_demand(self.book, self.contract, month, peak_kw)
        base_krw = Fraction(demand.billing_kw) * Fraction(self.base_jeon_per_kw) / JEON_PER_KRW
        exact_krw = Fraction(float(energy)) / JEON_WH_PER_KRW + base_krw
        return round_half_up(exact_krw.numerator, exact_krw.denominator)


def day_tariff(book: TariffBook, surplus: PriceBook, grid: GridContract, *, option: str | None, day: date) -> DayTariff:
    """Return a Korean day's tariff for a factory, with another option or, for None, its own.

    Raises:
        BadInput: The tariff doesn't know the option for this contract, or nothing of the day, or what it knows is of
            an earlier year.
    """
    own = contract_of(grid)
    contract = own if option is None else replace(own, option=option)
    starts = epochs(delivery_starts(day))
    placed = timeline(book, contract, starts)
    version = version_on(book, contract, day)
    known = known_until(book, version)
    if day > known:
        rule = f"must be a day with known prices: {version.id} is known until {known} (gathered {book.tariff.gathered})"
        raise BadInput(where=f"tariff {book.tariff.id}", field="date", rule=rule, value=day)
    days_of_month = monthrange(day.year, day.month)[1]
    known_kw = {month: float(peak_kw) for month, peak_kw in contract.past_peaks_kw.items()}
    peak = month_peak(book, contract, placed, known_kw)
    if peak is not None:
        peak = replace(peak, charge_krw_per_kw=peak.charge_krw_per_kw / days_of_month)
    rule_of_demand = book.tariff.demand
    return DayTariff(
        day=day,
        import_jeon_per_kwh=energy_prices_jeon(book, contract, starts),
        export_jeon_per_kwh=surplus_prices_jeon(surplus, starts),
        sets_demand=np.ones(len(starts), np.bool_)
        if rule_of_demand is None
        else may_set_demand(rule_of_demand, placed),
        base_jeon_per_kw=Decimal(rate_of(book, contract, version).base_jeon_per_kw) / days_of_month,
        contract=contract,
        book=book,
        peak=peak,
    )
