"""What it cost."""

from datetime import date
from typing import Annotated

from pydantic import Field

from shared.events.base import EnergyWh, Event, Fact, Identifier, Instant, MoneyKrw, PriceJeon, Whole


class SettledLine(Fact):
    """One participant's interval: contracted against metered, and the money of both parts.

    `grid_import_wh`/`grid_export_wh` is the imbalance: metered net energy less the net of the trades.
    `cost_without_krw` is the same metered interval without trading and without batteries. Where the complex has a rule
    of its own for imbalance, `short_price_jeon_per_kwh` and `long_price_jeon_per_kwh` are its prices, and `spread_krw`
    is what is owed to the operator beyond what the grid is owed. `loss_wh` was lost on the way from the sellers.
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
    short_price_jeon_per_kwh: PriceJeon | None = None
    long_price_jeon_per_kwh: PriceJeon | None = None
    spread_krw: MoneyKrw = 0
    loss_wh: EnergyWh = 0
    loss_krw: MoneyKrw = 0


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
    `saving_krw` is `cost_without_krw` less `cost_with_krw` plus `stored_value_krw`: what batteries hold more, in won.
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
    spread_krw: MoneyKrw = 0
    loss_wh: EnergyWh = 0
    loss_krw: MoneyKrw = 0
    stored_value_krw: MoneyKrw = 0


class CertificateLine(Fact):
    """One participant's interval in certificates of a Wh each.

    It goes round: issued + reissued + received = passed_on + claimed + stored + withdrawn. `consumption_wh` is the
    load's, batteries apart. `location_wh` came in through the connection; `market_wh` was used without a certificate.
    """

    participant_id: Identifier
    consumption_wh: EnergyWh
    issued_wh: EnergyWh
    reissued_wh: EnergyWh
    received_wh: EnergyWh
    passed_on_wh: EnergyWh
    claimed_wh: EnergyWh
    stored_wh: EnergyWh
    withdrawn_wh: EnergyWh
    location_wh: EnergyWh
    market_wh: EnergyWh


class CertificateSlice(Fact):
    """A range of a device's certificates of the interval, both ends in it, and what it ended as.

    `purpose` is use, storage, export or correction. `account_id` held it last, `trade_id` brought it there.
    `battery_id` is the battery that it was charged into. Of a battery's own certificates `charged_at` is the interval
    of the charging that they come from, and `storage_efficiency_ppm` what comes back of a Wh charged, in millionths.
    """

    device_id: Identifier
    producer_id: Identifier
    range_start: Whole
    range_end: Whole
    account_id: Identifier
    purpose: Identifier
    trade_id: Identifier | None = None
    battery_id: Identifier | None = None
    charged_at: Instant | None = None
    storage_efficiency_ppm: Whole | None = None


class CertificatesSettled(Event):
    """An interval's granular certificates: issued on metered energy, gone with the trades, and used or withdrawn.

    It comes again with the next `revision` when something else holds: then with the lines that changed, and with all
    ranges of the devices that changed, which replace those of before. Lines and slices are dealt out over `parts`
    messages. `number` and `hash` are the certification's link in the certificates' chain.
    """

    delivery_start: Instant
    certified_at: Instant
    revision: Whole
    number: Whole
    hash: str
    part: Whole
    parts: Whole
    lines: tuple[CertificateLine, ...]
    slices: tuple[CertificateSlice, ...]


class InvoiceLine(Fact):
    """One line of an invoice; an amount below 0 is due to the participant.

    `basis` tells which intervals are in it: for energy version/season/band/discount factor, for the base charge what
    demand it is billed on.
    """

    code: Identifier
    amount_krw: MoneyKrw
    quantity_wh: EnergyWh | None = None
    demand_w: Whole | None = None
    price_jeon_per_kwh: PriceJeon | None = None
    basis: str = ""


class InvoiceNote(Fact):
    """An assumption or omission: a stable code, and a sentence in each language."""

    code: Identifier
    en: str
    ko: str


class InvoiceContent(Fact):
    """What an invoice says; the total is the sum of the lines, `saving_krw` that of its days' savings.

    `baseline_krw` is the same month in full without sun, batteries and trades.
    """

    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
    complete: bool
    intervals_settled: Whole
    intervals_in_month: Whole
    lines: tuple[InvoiceLine, ...]
    total_krw: MoneyKrw
    kepco_krw: MoneyKrw
    baseline_krw: MoneyKrw
    saving_krw: MoneyKrw
    notes: tuple[InvoiceNote, ...]


class InvoiceIssued(InvoiceContent, Event):
    """A participant's Korean month: the grid company's part as billed, the complex's part as settled.

    It comes under the same id and with the next revision whenever it says something else: after each settled day of
    the running month, where it is not `complete`, and after a correction.
    """

    invoice_id: Identifier
    participant_id: Identifier
    revision: Whole
    issued_at: Instant
