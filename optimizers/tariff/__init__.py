"""What a customer pays the grid company: energy prices by interval and monthly bills, from dated tariff files.

Pure: the files are read by `shared.reference`, whose `tariff_book()` gives the TariffBook that everything here takes.
"""

from optimizers.tariff.contract import NO_OPTION, Contract
from optimizers.tariff.quotes import Quote, quote
from optimizers.tariff.timeline import Timeline, energy_prices_jeon, epochs, timeline
from shared.tariffs import TariffBook

__all__ = [
    "NO_OPTION",
    "Contract",
    "Quote",
    "TariffBook",
    "Timeline",
    "energy_prices_jeon",
    "epochs",
    "quote",
    "timeline",
]
