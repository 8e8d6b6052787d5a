"""What a customer pays the grid company: energy prices by interval and monthly bills, from dated tariff files.

Pure: `tariff_book()` of `shared.reference.load` reads the files and gives the TariffBook that everything here takes.
"""

from optimizers.tariff.bills import Bill, EnergyLine, month_bill, month_bills
from optimizers.tariff.contract import NO_OPTION, Contract, check_names, contract_of
from optimizers.tariff.meter import MeterReadings, month_starts, parse_month, spread_evenly
from optimizers.tariff.notes import Note
from optimizers.tariff.peaks import PricedPeak, demand_month, month_peak, site_peaks
from optimizers.tariff.quotes import Quote, quote
from optimizers.tariff.savings import (
    BATTERY_SHIFT,
    SAVING,
    TRADING_GAIN,
    Saving,
    SettledEnergy,
    Shift,
    StoredEnergy,
    round_trips_ppm,
    saving_krw,
    shifts_of,
)
from optimizers.tariff.site import SitePrices, site_prices
from optimizers.tariff.surplus import surplus_assumptions, surplus_prices_jeon
from optimizers.tariff.timeline import TariffTimeline, energy_bases, energy_prices_jeon, epochs, timeline
from shared.reference.tariffs import TariffBook

__all__ = [
    "BATTERY_SHIFT",
    "NO_OPTION",
    "SAVING",
    "TRADING_GAIN",
    "Bill",
    "Contract",
    "EnergyLine",
    "MeterReadings",
    "Note",
    "PricedPeak",
    "Quote",
    "Saving",
    "SettledEnergy",
    "Shift",
    "SitePrices",
    "StoredEnergy",
    "TariffBook",
    "TariffTimeline",
    "check_names",
    "contract_of",
    "demand_month",
    "energy_bases",
    "energy_prices_jeon",
    "epochs",
    "month_bill",
    "month_bills",
    "month_peak",
    "month_starts",
    "parse_month",
    "quote",
    "round_trips_ppm",
    "saving_krw",
    "shifts_of",
    "site_peaks",
    "site_prices",
    "spread_evenly",
    "surplus_assumptions",
    "surplus_prices_jeon",
    "timeline",
]
