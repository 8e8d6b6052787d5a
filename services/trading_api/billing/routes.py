"""Statements, and a month's invoices: as JSON, and as files that people keep."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import StringConstraints

from optimizers.tariff.contract import contract_of
from optimizers.tariff.timeline import energy_bases, epochs
from services.trading_api.billing import queries
from services.trading_api.billing.invoices import InvoiceView, interval_table, invoice_view, line_table
from services.trading_api.billing.views import StatementView, statement_view
from services.trading_api.db.sql import rows_of
from services.trading_api.http.guard import guarded
from services.trading_api.http.pages import Cursor, Limit, PageOut, paged
from services.trading_api.http.problems import Problem
from services.trading_api.http.state import AppState, Caller, State
from services.trading_api.roles import Principal, Scope
from services.trading_api.text import Row
from shared.db.engine import reading
from shared.intervals import month_bounds
from shared.reference.load import tariff_book

router = APIRouter(prefix="/api/v1", route_class=guarded(Scope.ACCOUNTS_READ), tags=["facts"])
ROUTERS = (router,)

MonthName = Annotated[
    str, Path(description="YYYY-MM, local."), StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")
]


@router.get("/statements")
def get_statements(state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None) -> PageOut[StatementView]:
    """List daily statements."""
    listing = queries.statement_list(caller.complex_id, seen_by=caller.participant_id)
    return paged(state, listing, statement_view, limit=limit, cursor=cursor)


@router.get("/invoices/{month}.csv", response_class=Response)
def get_invoice_lines(month: MonthName, state: State, caller: Caller) -> Response:
    """Return the month's invoices as CSV, a line a row."""
    return _csv(line_table(_invoices(month, state, caller)), f"invoice-{month}.csv")


@router.get("/invoices/{month}.pdf", response_class=Response)
def get_invoice_pdf(month: MonthName, state: State, caller: Caller) -> Response:
    """Return the month's invoices as a PDF in Korean and English, an invoice a page."""
    # Its library takes longer to import than the rest of the API: the first PDF waits for it, not every start.
    from services.trading_api.billing.invoice_pdf import invoice_pdf

    document = invoice_pdf(
        _invoices(month, state, caller), state.complexes.at(caller.complex_id, month_bounds(month)[0])
    )
    return _file(document, "application/pdf", f"invoice-{month}.pdf")


@router.get("/invoices/{month}/intervals.csv", response_class=Response)
def get_invoice_intervals(month: MonthName, state: State, caller: Caller) -> Response:
    """Return the settled intervals that the month's invoices are made of; `energy_basis` is the energy line's basis."""
    first, end = month_bounds(month)
    with reading(state.engine) as db:
        rows = queries.settled_between(db, caller.complex_id, first, end, seen_by=caller.participant_id)
    return _csv(interval_table(_with_basis(rows, state, caller)), f"intervals-{month}.csv")


@router.get("/invoices/{month}")
def get_invoices(
    month: MonthName, state: State, caller: Caller, limit: Limit = 100, cursor: Cursor = None
) -> PageOut[InvoiceView]:
    """List the month's invoices; a factory sees its own."""
    listing = queries.invoice_list(caller.complex_id, month, seen_by=caller.participant_id)
    return paged(state, listing, invoice_view, limit=limit, cursor=cursor)


def _invoices(month: str, state: AppState, caller: Principal) -> list[InvoiceView]:
    """Return every invoice of the month that the caller may see.

    Raises:
        Problem: There is none.
    """
    listing = queries.invoice_list(caller.complex_id, month, seen_by=caller.participant_id)
    with reading(state.engine) as db:
        rows = rows_of(db, listing.query.order_by(*listing.order))
    if not rows:
        raise Problem("not_found")
    return [invoice_view(row) for row in rows]


def _with_basis(rows: Sequence[Row], state: AppState, caller: Principal) -> Iterable[tuple[Row, str]]:
    members = state.complex_of(caller).by_participant
    bases: dict[tuple[str, object], str] = {}
    for participant_id in {row["participant_id"] for row in rows} & members.keys():
        starts = [row["delivery_start"] for row in rows if row["participant_id"] == participant_id]
        contract = contract_of(members[participant_id].contract)
        named = energy_bases(tariff_book(), contract, epochs(starts))
        bases.update({(participant_id, start): basis for start, basis in zip(starts, named, strict=True)})
    return ((row, bases.get((row["participant_id"], row["delivery_start"]), "")) for row in rows)


def _csv(table: Iterable[Sequence[object]], name: str) -> Response:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(table)
    # A byte-order mark, by which spreadsheets see that the Hangul is UTF-8.
    return _file(text.getvalue().encode("utf-8-sig"), "text/csv; charset=utf-8", name)


def _file(content: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)
