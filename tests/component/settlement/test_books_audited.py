"""`sandan audit verify` holds trades, settled lines and invoices against the ledger, and the API's copies too."""

from pathlib import Path

import pytest

from shared.events.fems import IntervalMetered
from shared.events.settlement import IntervalResettled, IntervalSettled, InvoiceIssued
from shared.intervals import INTERVAL, delivery_starts, month_bounds
from tests.component.settlement.settlement_facts import (
    BUYER,
    COMPLEX_ID,
    DELIVERY,
    FLOWS_WH,
    a_bench,
    an_auction,
    readings,
)
from tests.component.settlement.test_audit_verify import tamper, verify
from tests.component.settlement.test_settlement import stand_still
from tests.component.trading_api.trading_api_bench import ApiBench

LINE = f"participant_id = '{BUYER}'"
MORE_TOTAL, MORE_LINE, MORE_KEPCO = (
    f"'{path}', json_extract(content, '{path}') + 7" for path in ("$.total_krw", "$.lines[0].amount_krw", "$.kepco_krw")
)


def correction() -> IntervalMetered:
    [reading] = (one for one in readings(DELIVERY, {f"{BUYER}.grid": (31_000, 0)}) if one.meter_id == f"{BUYER}.grid")
    return reading.model_copy(update={"reading_version": 2})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a deployment with a settled day, of which one interval was traded in and corrected."""
    url = f"sqlite:///{tmp_path / 'data'}"
    settlement, api = a_bench(url), ApiBench(url)
    for start in delivery_starts(DELIVERY.date()):
        traded = start == DELIVERY
        settlement.give(
            an_auction(start, traded_wh=20_000 if traded else 0),
            *readings(start, FLOWS_WH if traded else {f"{BUYER}.grid": (10_000, 0)}),
        )
    settlement.give(correction())
    api.give(an_auction(DELIVERY))
    for kind in (IntervalSettled, IntervalResettled, InvoiceIssued):
        api.give(*settlement.published(kind))
    settlement.close()
    api.close()
    return tmp_path


def found(folder: Path) -> set[tuple[str, str]]:
    code, answer = verify(folder)
    flaws = answer["complexes"][COMPLEX_ID]["ledger"]["flaws"]
    assert (code, answer["sound"]) == ((1, False) if flaws else (0, True))
    return {(flaw["what"], flaw["subject"]) for flaw in flaws}


def test_a_day_that_was_traded_corrected_and_invoiced_is_sound(folder: Path) -> None:
    assert found(folder) == set()


@pytest.mark.parametrize(
    ("service", "statement", "what"),
    [
        ("settlement", f"UPDATE settled_line SET grid_paid_krw = grid_paid_krw + 1 WHERE {LINE}", "line"),
        ("settlement", f"UPDATE settled_line SET metered_import_wh = 1 WHERE {LINE} AND revision = 0", "line"),
        ("settlement", f"UPDATE settled_line SET cost_without_krw = 1 WHERE {LINE} AND revision = 1", "line"),
        ("settlement", f"DELETE FROM settled_line WHERE {LINE} AND revision = 1", "line"),
        ("settlement", "UPDATE trade SET paid_krw = paid_krw + 1", "trade"),
        ("settlement", "UPDATE trade SET quantity_wh = quantity_wh + 1", "line"),
        ("settlement", "DELETE FROM trade", "trade"),
        (
            "settlement",
            f"UPDATE invoice SET content = json_set(content, '$.total_krw', 1) WHERE {LINE}",
            "invoice",
        ),
        (
            "settlement",
            f"UPDATE invoice SET content = json_set(content, {MORE_TOTAL}, {MORE_LINE}) WHERE {LINE}",
            "invoice",
        ),
        ("settlement", f"DELETE FROM invoice WHERE {LINE} AND revision = 0", "invoice"),
        ("settlement", f"UPDATE invoice SET closing_krw = 5 WHERE {LINE}", "invoice"),
        ("trading_api", f"UPDATE invoice SET content = json_set(content, '$.total_krw', 1) WHERE {LINE}", "invoice"),
        ("trading_api", f"UPDATE settled_line SET bought_wh = 1 WHERE {LINE}", "line"),
        ("trading_api", "UPDATE trade SET paid_krw = paid_krw + 1", "trade"),
    ],
)
def test_what_was_changed_is_named(folder: Path, service: str, statement: str, what: str) -> None:
    tamper(folder, service, statement)

    assert what in {kind for kind, _ in found(folder)}


def test_a_whole_month_s_invoice_is_held_against_its_entries(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'data'}"
    settlement = a_bench(url)
    last = month_bounds("2026-05")[1] - INTERVAL
    stand_still(settlement, "2026-05", but=last)
    settlement.give(an_auction(last, traded_wh=0), *readings(last, {f"{BUYER}.grid": (10_000, 0)}))
    settlement.close()
    ApiBench(url).close()
    assert found(tmp_path) == set()

    # The grid company's part and the total alike: only the entries of the month know better.
    moved = f"{MORE_TOTAL}, {MORE_LINE}, {MORE_KEPCO}"
    tamper(tmp_path, "settlement", f"UPDATE invoice SET content = json_set(content, {moved}) WHERE {LINE}")

    assert found(tmp_path) == {("invoice", f"2026-05:{BUYER}")}
