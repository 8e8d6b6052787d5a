"""Both energy prices of one factory's grid connection, by delivery interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from optimizers.tariff.contract import contract_of
from optimizers.tariff.surplus import surplus_prices_jeon
from optimizers.tariff.timeline import energy_prices_jeon, epochs
from shared.arrays import Integers
from shared.complex.contract import GridContract
from shared.reference.prices import PriceBook
from shared.reference.tariffs import TariffBook


@dataclass(frozen=True, slots=True)
class SitePrices:
    """Per interval: what the grid charges for a kWh [jeon], and what it pays for one."""

    import_jeon_per_kwh: Integers
    export_jeon_per_kwh: Integers


def site_prices(
    book: TariffBook, surplus: PriceBook, grid: GridContract, delivery_starts: Sequence[datetime]
) -> SitePrices:
    """Return a factory's energy prices; the charges that come with the monthly bill are not in them.

    Raises:
        BadInput: The tariff doesn't know the contract's class, voltage or option, or nothing of one of the days.
    """
    starts = epochs(delivery_starts)
    contract = contract_of(grid)
    return SitePrices(energy_prices_jeon(book, contract, starts), surplus_prices_jeon(surplus, starts))
