"""Issue the invoices that are due, a few at a time."""

import logging
from dataclasses import replace
from datetime import datetime

from sqlalchemy.engine import Connection

from optimizers.settlement.invoices import Invoice, Month, closing_entry, invoice_of
from optimizers.tariff.contract import contract_of
from services.settlement.handlers.saving import stored_values_krw
from services.settlement.store.books import append_entries, load_lines
from services.settlement.store.certificates import certified_sums
from services.settlement.store.facts import lock
from services.settlement.store.invoices import (
    billed_peaks_kw,
    done_with,
    due_invoices,
    invoiced_months,
    last_issued,
    load_behind,
    note_due,
    save_invoice,
)
from services.settlement.store.tables import IssuedInvoice
from shared.complex.complexes import Complexes
from shared.complex.model import Complex
from shared.errors import BadInput
from shared.events.base import Event, derived_id, named_id
from shared.events.records import InvoiceNote
from shared.events.settlement import InvoiceContent, InvoiceIssued
from shared.intervals import INTERVAL, month_bounds
from shared.reference.load import tariff_book

logger = logging.getLogger(__name__)

# So many fit well into the time between two batches of messages.
INVOICES_A_TICK = 20


def on_tick(complexes: Complexes, now: datetime, db: Connection) -> list[Event]:
    """Issue some of the invoices that are due."""
    issued: list[Event] = []
    for complex_id, month, participant_id in due_invoices(db, INVOICES_A_TICK):
        done_with(db, complex_id, month, participant_id)
        complex_ = complexes.at(complex_id, month_bounds(month)[0]) if complex_id in complexes else None
        if complex_ is not None and participant_id in complex_.by_participant:
            issued += _issue(complex_, month, participant_id, now, db)
    return issued


def _issue(complex_: Complex, month: str, participant_id: str, now: datetime, db: Connection) -> list[Event]:
    complex_id = complex_.complex_id
    lock(db, complex_id)
    last = last_issued(db, complex_id, month, participant_id)
    try:
        invoice = _invoice(complex_, month, participant_id, db)
    except BadInput as reason:
        facts = {"complex_id": complex_id, "participant_id": participant_id, "month": month}
        logger.error("invoice not issued", extra={**facts, "reason": str(reason)})  # noqa: TRY400 -- says it all
        return []
    said = content_of(invoice)
    content = said.model_dump(mode="json")
    if last is not None and last.content == content:
        return []
    revision = 0 if last is None else last.revision + 1
    closing = IssuedInvoice(
        revision=revision,
        closing_krw=0 if last is None else last.closing_krw,
        closing_entry_id=None if last is None else last.closing_entry_id,
        content=content,
    )
    if invoice.complete:
        closing = _close(complex_id, participant_id, invoice, closing, db)
        if billed_peaks_kw(db, complex_id, participant_id).get(month) != invoice.billable_peak_kw:
            _note_later_months_due(complex_id, month, participant_id, db)
    save_invoice(db, complex_id, participant_id, closing, issued_at=now, billable_peak_w=invoice.billable_peak_w)
    return [
        InvoiceIssued(
            month=said.month,
            complete=said.complete,
            intervals_settled=said.intervals_settled,
            intervals_in_month=said.intervals_in_month,
            lines=said.lines,
            total_krw=said.total_krw,
            kepco_krw=said.kepco_krw,
            baseline_krw=said.baseline_krw,
            saving_krw=said.saving_krw,
            notes=said.notes,
            complex_id=complex_id,
            invoice_id=f"{month}:{participant_id}",
            participant_id=participant_id,
            revision=revision,
            issued_at=now,
        )
    ]


def _note_later_months_due(complex_id: str, month: str, participant_id: str, db: Connection) -> None:
    """Let the months be invoiced again whose demand this one's peak may set; an invoice that says the same stays."""
    for later in invoiced_months(db, complex_id, participant_id, after=month):
        note_due(db, complex_id, later, [participant_id])


def _invoice(complex_: Complex, month: str, participant_id: str, db: Connection) -> Invoice:
    complex_id, participant = complex_.complex_id, complex_.by_participant[participant_id]
    first, end = month_bounds(month)
    lines = load_lines(db, complex_id, first, end, participant_id=participant_id).get(participant_id, {})
    behind = load_behind(db, complex_id, participant_id, first, end)
    certified_wh, certifiable_wh = certified_sums(db, complex_id, participant_id, first, end)
    contract = contract_of(participant.contract)
    peaks_kw = {**contract.past_peaks_kw, **billed_peaks_kw(db, complex_id, participant_id)}
    return invoice_of(
        tariff_book(),
        replace(contract, past_peaks_kw={past: peak_kw for past, peak_kw in peaks_kw.items() if past < month}),
        Month(
            month=month,
            settled={start: history[-1] for start, history in lines.items()},
            behind_wh=behind.given_wh,
            estimated=sorted(behind.estimated & lines.keys()),
            roofs_silent=max(0, len(participant.pv) * len(lines) - behind.solar_readings),
            certified_wh=certified_wh,
            certifiable_wh=certifiable_wh,
            stored_value_krw=stored_values_krw(complex_, first, end, [participant_id], db).get(participant_id, 0),
        ),
    )


def _close(
    complex_id: str, participant_id: str, invoice: Invoice, issued: IssuedInvoice, db: Connection
) -> IssuedInvoice:
    """Bring the ledger to the month as billed; return what is then to be kept of it."""
    _, end = month_bounds(invoice.month)
    entry = closing_entry(
        invoice,
        participant_id,
        issued.revision,
        posted_krw=issued.closing_krw,
        posted_entry_id=issued.closing_entry_id,
    )
    if not entry.postings:
        return issued
    cause = derived_id(named_id("bill", complex_id), issued.revision, entry.entry_id)
    append_entries(db, complex_id, end - INTERVAL, [entry], cause=cause)
    return replace(issued, closing_krw=invoice.closing_krw, closing_entry_id=entry.entry_id)


def content_of(invoice: Invoice) -> InvoiceContent:
    """Return what an invoice says; two that say the same are one."""
    return InvoiceContent(
        month=invoice.month,
        complete=invoice.complete,
        intervals_settled=invoice.intervals_settled,
        intervals_in_month=invoice.intervals_in_month,
        lines=invoice.lines,
        total_krw=invoice.total_krw,
        kepco_krw=invoice.kepco_krw,
        baseline_krw=invoice.baseline_krw,
        saving_krw=invoice.saving_krw,
        notes=tuple(InvoiceNote(code=note.code, en=note.en, ko=note.ko) for note in invoice.notes),
    )
