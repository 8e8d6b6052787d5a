"""What a day costs at a factory's connection under a tariff option."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from optimizers.tariff import Contract, TariffBook, energy_prices_jeon, epochs, surplus_prices_jeon, timeline
from optimizers.tariff.contract import rate_of, version_on
from optimizers.tariff.demand import billing_demand
from shared.complexes import GridContract
from shared.dated import PriceBook
from shared.intervals import INTERVAL, delivery_starts
from shared.units import JEON_PER_KRW, JEON_WH_PER_KRW, WH_PER_KWH, power_kw, round_half_up

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class DayTariff:
    """A day's prices by delivery interval, and its share of the month's base charge.

    Attributes:
        import_jeon_per_kwh: What the grid charges.
        export_jeon_per_kwh: What the grid pays.
        sets_demand: Intervals whose demand counts for the base charge.
        base_jeon_per_kw: A day's share of what a kW of billing demand costs in the month.
        contract: The factory's contract with this option.
        book: The tariff, for its demand rule.
    """

    day: date
    import_jeon_per_kwh: Integers
    export_jeon_per_kwh: Integers
    sets_demand: Booleans
    base_jeon_per_kw: Decimal
    contract: Contract
    book: TariffBook

    def bill_krw(self, import_wh: Integers, export_wh: Integers) -> int:
        """Return what a day's metered energy costs, energy and base charge, less what the surplus earns.

        The base charge is the day's share of a month whose highest demand is this day's, under the tariff's own rule
        (excluded bands, floor of contract power). Taxes, fund, climate and fuel are left out: they follow the energy
        and change no comparison's sign.
        """
        bought = int(import_wh @ self.import_jeon_per_kwh)
        sold = int(export_wh @ self.export_jeon_per_kwh)
        peak_wh = int(np.max(import_wh[self.sets_demand], initial=0))
        peak_kw = Decimal(str(power_kw(peak_wh / WH_PER_KWH, INTERVAL)))
        demand = billing_demand(self.book, self.contract, f"{self.day:%Y-%m}", peak_kw)
        base_krw = demand.billing_kw * self.base_jeon_per_kw / JEON_PER_KRW
        return round_half_up(bought - sold, JEON_WH_PER_KRW) + int(base_krw.to_integral_value("ROUND_HALF_UP"))


def day_tariff(book: TariffBook, surplus: PriceBook, grid: GridContract, *, option: str | None, day: date) -> DayTariff:
    """Return a Korean day's tariff for a factory, with another option or, for None, its own.

    Raises:
        BadInput: The tariff doesn't know the option for this contract, or nothing of the day.
    """
    contract = Contract(
        tariff_class=grid.tariff_class,
        voltage=grid.voltage,
        option=option or grid.option,
        contract_kw=Decimal(str(grid.contract_kw)),
    )
    starts = epochs(delivery_starts(day))
    excluded = () if book.tariff.demand is None else book.tariff.demand.excluded_bands
    placed = timeline(book, contract, starts)
    counts = np.array([[band not in excluded for band in prices.bands] for prices in placed.profiles])
    rate = rate_of(book, contract, version_on(book, contract, day))
    days_of_month = monthrange(day.year, day.month)[1]
    return DayTariff(
        day=day,
        import_jeon_per_kwh=energy_prices_jeon(book, contract, starts),
        export_jeon_per_kwh=surplus_prices_jeon(surplus, starts),
        sets_demand=counts[placed.profile_of, placed.slot_of],
        base_jeon_per_kw=Decimal(rate.base_jeon_per_kw) / days_of_month,
        contract=contract,
        book=book,
    )
