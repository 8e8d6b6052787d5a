"""What it cost."""

from datetime import date

from shared.events.base import EnergyWh, Event, Fact, Identifier, Instant, MoneyKrw, PriceJeon, Whole


class SettledLine(Fact):
    """One participant's interval: contracted against metered, and the money of both parts.

    `grid_import_wh`/`grid_export_wh` is the imbalance: metered net energy less the net of the trades.
    `cost_without_krw` is the same metered interval without trading and without batteries.
    """

    participant_id: Identifier
    metered_import_wh: EnergyWh
    metered_export_wh: EnergyWh
    bought_wh: EnergyWh
    sold_wh: EnergyWh
    grid_import_wh: EnergyWh
    grid_export_wh: EnergyWh
    grid_import_price_jeon_per_kwh: PriceJeon
    grid_export_price_jeon_per_kwh: PriceJeon
    trade_paid_krw: MoneyKrw
    trade_received_krw: MoneyKrw
    grid_paid_krw: MoneyKrw
    grid_received_krw: MoneyKrw
    cost_without_krw: MoneyKrw


class IntervalSettled(Event):
    """A delivery interval's energy and money are in the ledger.

    `ledger_number` and `ledger_hash` are the last link of the ledger's chain at that time: kept elsewhere, they show
    where a chain was made anew or cut off.
    """

    delivery_start: Instant
    settled_at: Instant
    ledger_entries: Whole
    ledger_sum_krw: MoneyKrw
    lines: tuple[SettledLine, ...]
    ledger_number: Whole | None = None
    ledger_hash: str | None = None


class IntervalResettled(Event):
    """A meter's value was corrected and its interval settled again.

    `lines` are those that changed, as they hold now; their differences in money are ledger entries of their own, which
    name the entries that they correct. `ledger_entries` counts all of the interval's.
    """

    delivery_start: Instant
    resettled_at: Instant
    meter_id: Identifier
    ledger_entries: Whole
    ledger_sum_krw: MoneyKrw
    lines: tuple[SettledLine, ...]
    ledger_number: Whole | None = None
    ledger_hash: str | None = None


class ReadingIgnored(Event):
    """A reading did not replace the one that was known: an estimate never takes a measurement's place."""

    meter_id: Identifier
    delivery_start: Instant
    reason: str


class StatementIssued(Event):
    """A participant's Korean day, summed from its settled intervals.

    It comes again under the same id when an interval is settled again; `revision` then counts the lines that changed.
    """

    statement_id: Identifier
    participant_id: Identifier
    trading_day: date
    intervals: Whole
    bought_wh: EnergyWh
    sold_wh: EnergyWh
    grid_import_wh: EnergyWh
    grid_export_wh: EnergyWh
    trade_paid_krw: MoneyKrw
    trade_received_krw: MoneyKrw
    grid_paid_krw: MoneyKrw
    grid_received_krw: MoneyKrw
    cost_with_krw: MoneyKrw
    cost_without_krw: MoneyKrw
    saving_krw: MoneyKrw
    revision: Whole = 0
