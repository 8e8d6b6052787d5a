"""An invoice as a PDF in Korean and English, for a person to read and keep. The one home of the PDF library."""

from collections.abc import Sequence
from typing import Final

import pylopdf_fonts_ko
from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from services.trading_api.billing.invoices import COMPLEX_CODES, WORDS, InvoiceLineView, InvoiceView, basis_text
from shared.complex.model import Complex, Participant

FONT: Final = "Noto Sans KR"
INK, PALE, RULE, ACCENT, WARNING = (33, 37, 41), (240, 243, 246), (205, 212, 218), (13, 71, 122), (176, 84, 0)
PLAIN: Final = FontFace(emphasis="", fill_color=(255, 255, 255), color=INK)
WIDTH_MM: Final = 180.0
# Item, which intervals or demand, quantity, price, amount.
COLUMNS_MM: Final = (49.0, 63.0, 27.0, 16.0, 25.0)
ALIGNED: Final = ("LEFT", "LEFT", "RIGHT", "RIGHT", "RIGHT")


def invoice_pdf(invoices: Sequence[InvoiceView], complex_: Complex) -> bytes:
    """Return one document with an invoice a page, or more pages where it is long."""
    pdf = _Document(complex_)
    for invoice in invoices:
        pdf.add_page()
        _head(pdf, invoice, complex_)
        _figures(pdf, invoice)
        of_complex = [line for line in invoice["lines"] if line["code"] in COMPLEX_CODES]
        of_grid = [line for line in invoice["lines"] if line["code"] not in COMPLEX_CODES]
        _table(pdf, "단지 내 거래 (정산) · Complex part, as settled", of_complex)
        _table(pdf, "한전 전기요금 (청구 기준) · KEPCO part, as billed", of_grid)
        _total(pdf, invoice)
        _notes(pdf, invoice)
    return bytes(pdf.output())


class _Document(FPDF):
    """A4 with the font, and a foot that says where the figures come from."""

    def __init__(self, complex_: Complex) -> None:
        super().__init__(format="A4")
        self._note = complex_.note
        self.add_font(FONT, fname=pylopdf_fonts_ko.sans_path())
        self.set_margins(15, 14)
        self.set_auto_page_break(auto=True, margin=24)
        self.set_lang("ko-KR")
        self.set_title(f"{complex_.name.ko} 정산서 · invoices of {complex_.name.en}")

    def footer(self) -> None:
        """Say what the complex is, and how to come from a line to its intervals."""
        self.set_y(-22)
        self.set_font(FONT, size=6.5)
        self.set_text_color(*INK)
        trace = "각 항목의 구간별 내역 · each line by interval: GET /api/v1/invoices/{month}/intervals.csv"
        self.multi_cell(WIDTH_MM, 3.4, f"{trace}\n{self._note.ko}\n{self._note.en}", new_x="LMARGIN")


def _head(pdf: FPDF, invoice: InvoiceView, complex_: Complex) -> None:
    participant = complex_.by_participant.get(invoice["participant_id"])
    final = invoice["complete"]
    _write(pdf, 17, f"전력 정산서 · Invoice   {invoice['month']}", color=ACCENT, height_mm=9)
    if participant is not None:
        _write(pdf, 12, f"{participant.name.ko} · {participant.name.en}", height_mm=7)
    _write(pdf, 9, f"{complex_.name.ko} · {complex_.name.en}")
    if participant is not None:
        _write(pdf, 9, _contract_text(participant))
    issued = f"{invoice['issued_at'][:16]}Z"
    _write(pdf, 9, f"번호 No. {invoice['invoice_id']}   개정 revision {invoice['revision']}   발행 issued {issued}")
    state = "확정 · final" if final else "잠정 · provisional"
    counts = f"{invoice['intervals_settled']:,} / {invoice['intervals_in_month']:,}"
    settled = f"정산 구간 settled intervals {counts}"
    _write(pdf, 9, f"{state}   {settled}", color=INK if final else WARNING)
    pdf.ln(2)


def _contract_text(participant: Participant) -> str:
    contract = participant.contract
    plan = f"{contract.tariff_class} · {contract.voltage} · {contract.option}"
    return f"계약 contract: {plan} · {contract.contract_kw:,.0f} kW"


def _figures(pdf: FPDF, invoice: InvoiceView) -> None:
    """Show what is to be paid, how far below what it would have been that is, and what was saved, side by side."""
    owed_krw = invoice["total_krw"]
    figures = (
        ("내실 금액 · to pay" if owed_krw >= 0 else "받으실 금액 · to receive", abs(owed_krw)),
        ("거래·ESS·태양광 없는 기준 · baseline bill", invoice["baseline_krw"]),
        ("기준 대비 적은 금액 · below the baseline", invoice["below_baseline_krw"]),
        ("절감액(주석 참조) · saved (see notes)", invoice["saving_krw"]),
    )
    top, left, width_mm = pdf.get_y(), pdf.l_margin, WIDTH_MM / len(figures)
    pdf.set_fill_color(*PALE)
    pdf.rect(left, top, WIDTH_MM, 16, style="F")
    for number, (words, krw) in enumerate(figures):
        pdf.set_xy(left + number * width_mm, top + 1.5)
        _style(pdf, 6.8)
        pdf.cell(width_mm, 5, words, align="C")
        pdf.set_xy(left + number * width_mm, top + 7)
        _style(pdf, 13, ACCENT)
        pdf.cell(width_mm, 7, f"{krw:,} 원", align="C")
    pdf.set_xy(left, top + 19)


def _table(pdf: FPDF, title: str, lines: Sequence[InvoiceLineView]) -> None:
    _write(pdf, 10, title, color=ACCENT, height_mm=6)
    _style(pdf, 8)
    pdf.set_draw_color(*RULE)
    pdf.set_line_width(0.15)
    head = FontFace(emphasis="", fill_color=PALE, color=INK)
    with pdf.table(
        col_widths=COLUMNS_MM,
        width=WIDTH_MM,
        text_align=ALIGNED,
        line_height=5,
        headings_style=head,
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        padding=0.4,
    ) as table:
        table.row(("항목 · item", "구분 · basis", "수량 · quantity", "원/kWh", "금액(원) · KRW"))
        for line in lines:
            table.row(_cells(line), style=PLAIN)
        krw = sum(line["amount_krw"] for line in lines)
        table.row(("소계 · subtotal", "", "", "", f"{krw:,}"), style=head)
    pdf.ln(3)


def _cells(line: InvoiceLineView) -> tuple[str, ...]:
    ko, en = WORDS.get(line["code"], (line["code"], line["code"]))
    quantity = ""
    if line["quantity_kwh"] is not None:
        quantity = f"{_grouped(line['quantity_kwh'])} kWh"
    elif line["demand_kw"] is not None:
        quantity = f"{_grouped(line['demand_kw'])} kW"
    return f"{ko} · {en}", basis_text(line), quantity, line["price_krw_per_kwh"] or "", f"{line['amount_krw']:,}"


def _grouped(decimal: str) -> str:
    whole, _, rest = decimal.partition(".")
    return f"{int(whole):,}.{rest}" if rest else f"{int(whole):,}"


def _total(pdf: FPDF, invoice: InvoiceView) -> None:
    _style(pdf, 12, ACCENT)
    pdf.cell(WIDTH_MM / 2, 8, "합계 · total")
    pdf.cell(WIDTH_MM / 2, 8, f"{invoice['total_krw']:,} 원 KRW", align="R", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(2)


def _notes(pdf: FPDF, invoice: InvoiceView) -> None:
    if not invoice["notes"]:
        return
    _write(pdf, 9, "가정과 안내 · assumptions and notes", color=ACCENT)
    _style(pdf, 6.5)
    for number, note in enumerate(invoice["notes"], start=1):
        pdf.multi_cell(WIDTH_MM, 3.4, f"{number}. {note['ko']} / {note['en']}", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(0.8)


def _write(pdf: FPDF, size: float, text: str, *, color: tuple[int, int, int] = INK, height_mm: float = 5) -> None:
    _style(pdf, size, color)
    pdf.cell(WIDTH_MM, height_mm, text, new_x="LMARGIN", new_y="NEXT")


def _style(pdf: FPDF, size: float, color: tuple[int, int, int] = INK) -> None:
    pdf.set_font(FONT, size=size)
    pdf.set_text_color(*color)
