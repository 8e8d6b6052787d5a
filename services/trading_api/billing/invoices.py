"""Invoices as people read them: words for each line, and the tables of the CSV files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from typing_extensions import TypedDict

from services.trading_api.text import NoteView, Row, instant_text, kw_text
from shared.intervals import KST
from shared.units import krw_text, kwh_text


class InvoiceLineView(TypedDict):
    """One line of an invoice; an amount below 0 is due to the participant."""

    code: str
    ko: str
    en: str
    quantity_kwh: str | None
    demand_kw: str | None
    price_krw_per_kwh: str | None
    amount_krw: int
    basis: str


class InvoiceView(TypedDict):
    """A participant's Korean month; the total is the sum of the lines.

    `saving_krw` is the sum of its days' savings, as on their statements. `below_baseline_krw` is another thing: what
    the whole bill, demand charge and taxes too, lies below `baseline_krw`, the month without sun, batteries and trades.
    """

    invoice_id: str
    participant_id: str
    month: str
    revision: int
    issued_at: str
    complete: bool
    intervals_settled: int
    intervals_in_month: int
    lines: list[InvoiceLineView]
    kepco_krw: int
    total_krw: int
    baseline_krw: int
    below_baseline_krw: int
    saving_krw: int
    notes: list[NoteView]


# Korean and English words for each line's code; which part of the invoice it stands in is said by COMPLEX_CODES.
WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "trade_bought": ("단지 내 구매", "bought in complex"),
    "trade_sold": ("단지 내 판매", "sold in complex"),
    "surplus_sold": ("잉여전력 판매", "surplus to grid"),
    "losses": ("단지 내 거래 손실", "losses of trades"),
    "imbalance_spread": ("불균형 정산 차액", "imbalance spread"),
    "base": ("기본요금", "base charge"),
    "power_factor": ("역률요금", "power factor"),
    "energy": ("전력량요금", "energy charge"),
    "climate": ("기후환경요금", "climate charge"),
    "fuel": ("연료비조정요금", "fuel adjustment"),
    "excess": ("초과사용부가금", "excess over contract"),
    "vat": ("부가가치세", "value added tax"),
    "fund": ("전력산업기반기금", "industry fund"),
    "rounding": ("절사", "rounding"),
}
COMPLEX_CODES: Final = frozenset({"trade_bought", "trade_sold", "surplus_sold", "losses", "imbalance_spread"})
# What the parts of a basis are called; what is not here is shown as it stands.
BASIS_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "summer": ("여름", "summer"),
    "spring_fall": ("봄·가을", "spring/fall"),
    "winter": ("겨울", "winter"),
    "light": ("경부하", "light load"),
    "mid": ("중간부하", "mid load"),
    "peak": ("최대부하", "peak load"),
    "flat": ("단일", "flat"),
}
DEMAND_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "peak": ("당월 최대수요", "this month's peak"),
    "ratchet": ("과거 최대수요", "an earlier month's peak"),
    "floor": ("계약전력 하한", "floor of contract power"),
    "contract": ("계약전력", "contract power"),
}
LINE_COLUMNS: Final = (
    "invoice_id",
    "revision",
    "complete",
    "participant_id",
    "month",
    "code",
    "ko",
    "en",
    "basis",
    "quantity_kwh",
    "demand_kw",
    "price_krw_per_kwh",
    "amount_krw",
)
AMOUNT_COLUMNS: Final = (
    "trade_paid_krw",
    "trade_received_krw",
    "grid_paid_krw",
    "grid_received_krw",
    "spread_krw",
    "loss_krw",
)
ENERGY_COLUMNS: Final = ("metered_import", "metered_export", "bought", "sold", "grid_import", "grid_export", "loss")
INTERVAL_COLUMNS: Final = (
    "participant_id",
    "delivery_start",
    "delivery_start_kst",
    *(f"{name}_kwh" for name in ENERGY_COLUMNS),
    "grid_import_price_krw_per_kwh",
    "grid_export_price_krw_per_kwh",
    *AMOUNT_COLUMNS,
    "energy_basis",
)


def invoice_view(row: Row) -> InvoiceView:
    """Show an invoice."""
    content = row["content"]
    return {
        "invoice_id": row["invoice_id"],
        "participant_id": row["participant_id"],
        "month": row["month"],
        "revision": row["revision"],
        "issued_at": instant_text(row["issued_at"]),
        "complete": content["complete"],
        "intervals_settled": content["intervals_settled"],
        "intervals_in_month": content["intervals_in_month"],
        "lines": [_line_view(line) for line in content["lines"]],
        "kepco_krw": content["kepco_krw"],
        "total_krw": content["total_krw"],
        "baseline_krw": content["baseline_krw"],
        "below_baseline_krw": content["baseline_krw"] - content["total_krw"],
        "saving_krw": content["saving_krw"],
        "notes": [{"code": note["code"], "ko": note["ko"], "en": note["en"]} for note in content["notes"]],
    }


def _line_view(line: Row) -> InvoiceLineView:
    code = line["code"]
    ko, en = WORDS.get(code, (code, code))
    energy_wh, demand_w, price_jeon = line["quantity_wh"], line["demand_w"], line["price_jeon_per_kwh"]
    return {
        "code": code,
        "ko": ko,
        "en": en,
        "quantity_kwh": None if energy_wh is None else kwh_text(energy_wh),
        "demand_kw": None if demand_w is None else kw_text(demand_w),
        "price_krw_per_kwh": None if price_jeon is None else krw_text(price_jeon),
        "amount_krw": line["amount_krw"],
        "basis": line["basis"],
    }


def basis_text(line: InvoiceLineView) -> str:
    """Return in both languages which intervals or demand a line is about; empty where it is about all of the month."""
    basis = line["basis"]
    if line["code"] != "energy":
        return " · ".join(DEMAND_WORDS.get(basis, (basis,)) if basis else ())
    version, season, band, factor = basis.split("/", maxsplit=3)
    ko, en = zip(*(BASIS_WORDS.get(part, (part, part)) for part in (season, band)), strict=True)
    discount = "" if factor == "1" else f" x {factor}"
    return f"{' '.join(ko)} · {' '.join(en)}{discount} ({version})"


def line_table(invoices: Iterable[InvoiceView]) -> Iterator[Sequence[object]]:
    """Return the invoices' lines as a table with a head; a line `total` ends each."""
    yield LINE_COLUMNS
    for invoice in invoices:
        head = [invoice["invoice_id"], invoice["revision"], str(invoice["complete"]).lower()]
        head += [invoice["participant_id"], invoice["month"]]
        for line in invoice["lines"]:
            facts: Row = line
            yield [*head, *(facts[name] for name in LINE_COLUMNS[len(head) :])]
        yield [*head, "total", "합계", "total", "", None, None, None, invoice["total_krw"]]


def interval_table(rows: Iterable[tuple[Row, str]]) -> Iterator[Sequence[object]]:
    """Return settled intervals, each with its energy's basis, as a table with a head."""
    yield INTERVAL_COLUMNS
    for row, basis in rows:
        start = row["delivery_start"]
        yield [
            row["participant_id"],
            instant_text(start),
            start.astimezone(KST).isoformat(),
            *(kwh_text(row[f"{name}_wh"]) for name in ENERGY_COLUMNS),
            krw_text(row["grid_import_price_jeon_per_kwh"]),
            krw_text(row["grid_export_price_jeon_per_kwh"]),
            *(row[name] for name in AMOUNT_COLUMNS),
            basis,
        ]
