"""A participant's month: the grid company's part as billed, the complex's part as settled, and what was saved."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import numpy as np

from optimizers.settlement.ledger import GRID, LedgerEntry, participant_account, postings_of
from optimizers.tariff.bills import Bill, month_bill
from optimizers.tariff.contract import Contract
from optimizers.tariff.meter import MeterReadings, month_starts
from optimizers.tariff.notes import Note
from optimizers.tariff.savings import SAVING, saving_krw
from optimizers.tariff.timeline import epochs
from shared.events.records import InvoiceLine, SettledLine
from shared.reference.tariffs import TariffBook
from shared.units import WH_PER_KWH, kwh_text, whole_shares

DEMAND_AT_CONNECTION: Final = Note(
    "demand_at_connection",
    "energy is billed on what the grid supplied (metered less bought in the complex), demand on all that was metered "
    "at the connection, whoever supplied it; an assumption, as no rule for supply within a complex is published",
    "전력량은 한전 공급분(계량값에서 단지 내 구매량을 뺀 값), 최대수요전력은 공급자와 무관하게 연계점 계량값 기준 "
    "(단지 내 거래에 대한 공표 규정이 없어 가정)",
)
BASELINE: Final = Note(
    "baseline",
    "the baseline is the same month without trading, battery and sun: what the factory consumed, billed in full by the "
    "grid company under the same contract, demand charge and taxes too; what the total lies below it is another figure "
    "than what was saved",
    "기준 요금: 거래·ESS·태양광이 없는 같은 달, 즉 공장의 소비량 전부를 같은 계약으로 한전이 기본요금과 "
    "세금까지 청구했을 때의 금액. 합계가 이보다 적은 만큼은 절감액과 다른 값",
)
LOSSES: Final = Note(
    "losses_borne_by_buyer",
    "what is lost between feeders is the buyer's: it is drawn from the grid at the buyer's energy price, by the loss "
    "that the complex states for each feeder",
    "피더 간 손실은 구매자 부담: 단지가 정한 피더별 손실률에 따라 구매자의 전력량 단가로 한전에서 공급받은 것으로 정산",
)
SPREAD: Final = Note(
    "imbalance_by_rule",
    "imbalance costs what the complex's rule says; what that comes to beyond what the grid company is owed, the "
    "operator keeps or bears",
    "불균형은 단지의 정산 규칙에 따르며, 한전 정산액과의 차액은 운영자 계정에 귀속",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What a participant's month is made of, interval by interval.

    Args:
        month: YYYY-MM, local.
        settled: The line that holds of each settled interval.
        behind_wh: What roofs and batteries behind the connection gave, net of what they took (below 0: took).
        estimated: Intervals with an estimated reading.
        roofs_silent: Settled intervals of which a solar meter has said nothing.
        certified_wh: What of the consumption was met by certificates of the same interval.
        certifiable_wh: The consumption of the intervals that were certified.
        stored_value_krw: What batteries held more at the ends of the days (docs/savings.md); below 0: less.
    """

    month: str
    settled: Mapping[datetime, SettledLine]
    behind_wh: Mapping[datetime, int]
    estimated: Collection[datetime] = ()
    roofs_silent: int = 0
    certified_wh: int = 0
    certifiable_wh: int = 0
    stored_value_krw: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A participant's month in money; `total_krw` is the sum of the lines.

    `saving_krw` is the sum of its statements' savings, `baseline_krw` the month in full without sun, batteries, trades.
    `closing_krw` is what the as-billed part of the grid company differs from what the intervals had come to.
    `billable_peak_w` is what the next months' bills need.
    """

    month: str
    complete: bool
    intervals_settled: int
    intervals_in_month: int
    lines: tuple[InvoiceLine, ...]
    total_krw: int
    kepco_krw: int
    baseline_krw: int
    saving_krw: int
    closing_krw: int
    billable_peak_w: int
    notes: tuple[Note, ...]

    @property
    def billable_peak_kw(self) -> Decimal:
        """Return the peak as the tariff counts."""
        return Decimal(self.billable_peak_w) / WH_PER_KWH


def invoice_of(book: TariffBook, contract: Contract, month: Month) -> Invoice:
    """Invoice a month, or as much of it as is settled: what is not counts as nothing drawn, and is said to.

    Raises:
        BadInput: The tariff knows nothing of the month, or not the contract's names.
    """
    starts = month_starts(book, month.month)
    lines = list(month.settled.values())
    position = np.searchsorted(starts, epochs(month.settled))

    def readings(energy_wh: Sequence[int], demand_wh: Sequence[int]) -> MeterReadings:
        columns = np.zeros((2, starts.size), dtype=np.int64)
        columns[:, position] = (energy_wh, demand_wh)
        return MeterReadings(starts=starts, energy_wh=columns[0], demand_wh=columns[1])

    supplied = readings([line.grid_import_wh for line in lines], [line.metered_import_wh for line in lines])
    consumptions_wh = [consumed_wh(line, month.behind_wh.get(start, 0)) for start, line in month.settled.items()]
    kepco = month_bill(book, contract, supplied, month.month)
    baseline = month_bill(book, contract, readings(consumptions_wh, consumptions_wh), month.month)
    invoiced = (*_complex_lines(lines), *_kepco_lines(kepco))
    return Invoice(
        month=month.month,
        complete=len(lines) == starts.size,
        intervals_settled=len(lines),
        intervals_in_month=starts.size,
        lines=invoiced,
        total_krw=sum(line.amount_krw for line in invoiced),
        kepco_krw=kepco.total_krw,
        baseline_krw=baseline.total_krw,
        saving_krw=_saving_krw(lines, month.stored_value_krw),
        closing_krw=kepco.total_krw - sum(line.grid_owed_krw for line in lines if not line.grid_export_wh),
        billable_peak_w=int(kepco.billable_peak_kw * WH_PER_KWH),
        notes=(*_notes(month, starts.size), *_rules_noted(lines), DEMAND_AT_CONNECTION, SAVING, BASELINE, *kepco.notes),
    )


def closing_entry(
    invoice: Invoice, participant_id: str, revision: int, *, posted_krw: int, posted_entry_id: str | None
) -> LedgerEntry:
    """Return the entry that brings the ledger from the intervals' prices to the month as billed.

    A later one is over the difference to what was posted, and names the entry before.
    """
    owed_krw = invoice.closing_krw - posted_krw
    return LedgerEntry(
        f"bill:{invoice.month}:{participant_id}:{revision}",
        "bill",
        postings_of(((participant_account(participant_id), owed_krw), (GRID, -owed_krw))),
        corrects_entry_id=posted_entry_id,
    )


def consumed_wh(line: SettledLine, behind_wh: int) -> int:
    """Return what a factory used in an interval, of what its connection carried and its roofs and batteries gave."""
    # Meters are read one by one, so that a Wh more may seem to leave than was there.
    return max(0, line.metered_import_wh - line.metered_export_wh + behind_wh)


def _saving_krw(lines: Sequence[SettledLine], stored_value_krw: int) -> int:
    baseline_krw, cost_krw = sum(line.cost_without_krw for line in lines), sum(line.cost_with_krw for line in lines)
    return saving_krw(baseline_krw, cost_krw, stored_value_krw)


def _complex_lines(lines: Sequence[SettledLine]) -> list[InvoiceLine]:
    surplus = [line for line in lines if line.grid_export_wh]
    losses = InvoiceLine(
        code="losses", quantity_wh=sum(line.loss_wh for line in lines), amount_krw=sum(line.loss_krw for line in lines)
    )
    spread = InvoiceLine(code="imbalance_spread", amount_krw=sum(line.spread_krw for line in lines))
    return [
        InvoiceLine(
            code="trade_bought",
            quantity_wh=sum(line.bought_wh for line in lines),
            amount_krw=sum(line.trade_paid_krw for line in lines),
        ),
        InvoiceLine(
            code="trade_sold",
            quantity_wh=sum(line.sold_wh for line in lines),
            amount_krw=-sum(line.trade_received_krw for line in lines),
        ),
        InvoiceLine(
            code="surplus_sold",
            quantity_wh=sum(line.grid_export_wh for line in surplus),
            amount_krw=sum(line.grid_owed_krw for line in surplus),
        ),
        *(line for line in (losses, spread) if line.quantity_wh or line.amount_krw),
    ]


def _kepco_lines(bill: Bill) -> list[InvoiceLine]:
    energy_wh = sum(bill.energy_wh.values())
    exact_krw = [line.charge * line.discount_factor for line in bill.energy_lines]
    shares = whole_shares(bill.energy_charge_krw - bill.weekend_discount_krw, exact_krw) if exact_krw else []
    energy = [
        InvoiceLine(
            code="energy",
            quantity_wh=line.energy_wh,
            price_jeon_per_kwh=line.rate_jeon_per_kwh,
            amount_krw=amount_krw,
            basis=line.basis,
        )
        for line, amount_krw in zip(bill.energy_lines, shares, strict=True)
    ]
    demand_w = int(bill.billing_kw * WH_PER_KWH)
    base = InvoiceLine(code="base", demand_w=demand_w, amount_krw=bill.base_charge_krw, basis=bill.billing_basis)
    rest = [
        InvoiceLine(code="climate", quantity_wh=energy_wh, amount_krw=bill.climate_krw),
        InvoiceLine(code="fuel", quantity_wh=energy_wh, amount_krw=bill.fuel_krw),
        InvoiceLine(code="vat", amount_krw=bill.vat_krw),
        InvoiceLine(code="fund", amount_krw=bill.fund_krw),
    ]
    rounding_krw = bill.total_krw - bill.subtotal_krw - bill.vat_krw - bill.fund_krw
    sometimes = {"power_factor": bill.power_factor_krw, "excess": bill.excess_krw, "rounding": rounding_krw}
    return [base, *energy, *rest, *(InvoiceLine(code=code, amount_krw=krw) for code, krw in sometimes.items() if krw)]


def _rules_noted(lines: Sequence[SettledLine]) -> list[Note]:
    by_rule = any(line.short_price_jeon_per_kwh is not None for line in lines)
    return [LOSSES] * any(line.loss_wh for line in lines) + [SPREAD] * by_rule


def _notes(month: Month, intervals: int) -> list[Note]:
    settled = len(month.settled)
    notes = []
    if settled < intervals:
        notes.append(
            Note(
                "provisional",
                f"provisional: {settled} of {intervals} intervals are settled, the others count as nothing drawn; the "
                "base charge is that of the whole month",
                f"잠정: {intervals}개 구간 중 {settled}개 정산 완료, 나머지는 사용량 0으로 계산. "
                "기본요금은 한 달 전체분",
            )
        )
    if month.estimated:
        first, last = min(month.estimated), max(month.estimated)
        between = f"{first:%Y-%m-%dT%H:%MZ} to {last:%Y-%m-%dT%H:%MZ}"
        count = len(month.estimated)
        notes.append(
            Note(
                "readings_estimated",
                f"{count} intervals have an estimated reading ({between})",
                f"{count}개 구간에 추정 검침값 사용 ({between})",
            )
        )
    if month.roofs_silent:
        notes.append(
            Note(
                "solar_readings_missing",
                f"{month.roofs_silent} settled intervals have no solar reading: their sun is not in the baseline",
                f"정산된 {month.roofs_silent}개 구간에 태양광 계량값 없음: 기준 요금에 미반영",
            )
        )
    if month.certifiable_wh:
        certified, consumed = kwh_text(month.certified_wh), kwh_text(month.certifiable_wh)
        share = f"{100 * month.certified_wh / month.certifiable_wh:.1f} %"
        notes.append(
            Note(
                "certificates",
                f"{certified} of {consumed} kWh ({share}) of the consumption were met by certificates of the same 15 "
                "minutes; no official hourly certificate in Korea found: these are the complex's own and prove nothing "
                "to an authority",
                f"소비량 {consumed} kWh 중 {certified} kWh({share})를 같은 15분의 인증서로 충당. 한국에는 공식 "
                "시간 단위 인증서가 확인되지 않아 단지 자체 기록이며 공적 증빙이 아님",
            )
        )
    return notes
