"""What it cost."""

from datetime import date
from typing import Annotated

from pydantic import Field

from shared.events.base import EnergyWh, Event, Fact, Identifier, Instant, MoneyKrw, Whole
from shared.events.records import CertificateLine, CertificateSlice, InvoiceLine, InvoiceNote, SettledLine


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
    The last links of the ledger's chain and of the operators' chain at that time are with it: whoever keeps a statement
    can show that a chain was made anew or cut off.
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
    ledger_number: Whole | None = None
    ledger_hash: str | None = None
    operators_number: Whole | None = None
    operators_hash: str | None = None


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
