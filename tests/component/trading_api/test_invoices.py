"""Invoices over HTTP: from what settlement issued to the files a factory keeps."""

import csv
import io
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from pypdfium2 import PdfDocument
from starlette.testclient import TestClient

from shared.events.settlement import IntervalSettled, InvoiceIssued
from shared.intervals import delivery_starts
from tests.component.settlement import settlement_facts
from tests.component.settlement.settlement_facts import BUYER, an_auction, readings
from tests.component.trading_api.trading_api_bench import HANBIT, ApiBench

DAY = date(2026, 5, 20)
MONTH = "/api/v1/invoices/2026-05"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> ApiBench:
    """Return an API that heard a day of settlement: 10 kWh an interval for the buyer, one trade of 20 kWh at 10:00."""
    settlement = settlement_facts.a_bench(Path(tmp_path_factory.mktemp("settlement")))
    for start in delivery_starts(DAY):
        traded_wh = 20_000 if start == settlement_facts.DELIVERY else 0
        flows = settlement_facts.FLOWS_WH if traded_wh else {f"{BUYER}.grid": (10_000, 0)}
        settlement.give(an_auction(start, traded_wh=traded_wh), *readings(start, flows))
    api = ApiBench(Path(tmp_path_factory.mktemp("api")))
    api.give(*settlement.published(IntervalSettled), *settlement.published(InvoiceIssued))
    settlement.close()
    return api


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_a_factory_reads_its_own_invoice_and_the_operator_all(hanbit: TestClient, operator: TestClient) -> None:
    [own] = hanbit.get(MONTH).json()["items"]
    everyone = operator.get(MONTH, params={"limit": 1000}).json()["items"]

    assert (own["participant_id"], own["month"], own["complete"]) == (HANBIT, "2026-05", False)
    assert (own["intervals_settled"], own["intervals_in_month"]) == (96, 2_976)
    # It sold 20 kWh for 2,200 KRW, and fed in the other 5 kWh at 100 KRW.
    assert [(line["code"], line["quantity_kwh"], line["amount_krw"]) for line in own["lines"][:3]] == [
        ("trade_bought", "0.000", 0),
        ("trade_sold", "20.000", -2_200),
        ("surplus_sold", "5.000", -500),
    ]
    assert {"provisional", "baseline", "demand_at_connection"} <= {note["code"] for note in own["notes"]}
    assert all(note["ko"] and note["en"] for note in own["notes"])
    # As on the day's statement: 2,200 + 500 received where it would have been 2,900 with the battery idle, and the
    # 4 kWh in it cost 400 that the grid would have paid for them. What the bill lies below the baseline is another
    # figure.
    assert own["saving_krw"] == 200
    assert len(everyone) == 12
    for invoice in everyone:
        assert sum(line["amount_krw"] for line in invoice["lines"]) == invoice["total_krw"]
        assert invoice["baseline_krw"] - invoice["total_krw"] == invoice["below_baseline_krw"]
    assert own["saving_krw"] != own["below_baseline_krw"]
    assert {"saving", "baseline"} <= {note["code"] for note in own["notes"]}


def test_another_month_has_no_invoice_and_a_month_that_is_none_is_refused(hanbit: TestClient) -> None:
    assert hanbit.get("/api/v1/invoices/2026-04").json() == {"items": [], "next_cursor": None}
    assert hanbit.get("/api/v1/invoices/2026-04.csv").status_code == 404
    assert hanbit.get("/api/v1/invoices/2026-13").status_code == 422


def test_a_planner_is_turned_away(bench: ApiBench) -> None:
    with bench.client("planner") as planner:
        assert planner.get(MONTH).status_code == 403


def test_the_csv_has_each_line_and_its_total(operator: TestClient) -> None:
    answer = operator.get(f"{MONTH}.csv")
    rows = [row for row in table(answer.text) if row["participant_id"] == BUYER]

    assert answer.headers["content-disposition"] == 'attachment; filename="invoice-2026-05.csv"'
    *lines, total = rows
    assert total["code"] == "total"
    assert sum(int(row["amount_krw"]) for row in lines) == int(total["amount_krw"])
    assert next(row["ko"] for row in lines if row["code"] == "base") == "기본요금"


def test_the_pdf_shows_hangul_the_lines_and_that_it_is_synthetic(hanbit: TestClient) -> None:
    answer = hanbit.get(f"{MONTH}.pdf")

    assert answer.headers["content-type"] == "application/pdf"
    with closing(PdfDocument(answer.content)) as document:
        [page] = document
        with closing(page), closing(page.get_textpage()) as words:
            text = words.get_text_bounded()
            picture = page.render(scale=1).to_numpy()
    for expected in ("한빛정밀", "기본요금", "계약전력 하한", "-2,200", "2,496,000", "잠정", "가상의 공장입니다"):
        assert expected in text
    # Ink on some hundredths of the page: neither blank nor black.
    assert 0.01 < (picture < 128).any(axis=2).mean() < 0.2


def test_each_energy_line_leads_to_its_intervals(operator: TestClient) -> None:
    lines = [row for row in table(operator.get(f"{MONTH}.csv").text) if row["participant_id"] == BUYER]
    intervals = [row for row in table(operator.get(f"{MONTH}/intervals.csv").text) if row["participant_id"] == BUYER]

    assert len(intervals) == 96
    energy = {line["basis"]: line["quantity_kwh"] for line in lines if line["code"] == "energy"}
    found = {
        basis: f"{sum(float(row['grid_import_kwh']) for row in intervals if row['energy_basis'] == basis):.3f}"
        for basis in energy
    }
    assert found == energy
    # A Wednesday in spring: 40 light, 32 mid and 24 peak quarter hours of 10 kWh; 30 - 20 kWh at 10:00 as well.
    assert energy == {
        "eul_2026-04-16/spring_fall/light/1": "400.000",
        "eul_2026-04-16/spring_fall/mid/1": "320.000",
        "eul_2026-04-16/spring_fall/peak/1": "240.000",
    }
    bought = next(line for line in lines if line["code"] == "trade_bought")
    assert int(bought["amount_krw"]) == sum(int(row["trade_paid_krw"]) for row in intervals) == 2_260
    ten = next(row for row in intervals if row["delivery_start"] == "2026-05-20T01:00:00Z")
    assert (ten["delivery_start_kst"], ten["grid_import_price_krw_per_kwh"]) == ("2026-05-20T10:00:00+09:00", "133.40")


def test_an_older_invoice_does_not_replace_a_newer_one(tmp_path: Path) -> None:
    golden = Path(__file__).parents[2] / "contract" / "golden" / "sandan.InvoiceIssued.v1.json"
    newer = InvoiceIssued.model_validate_json(golden.read_bytes())
    api = ApiBench(tmp_path)

    api.give(newer.model_copy(update={"revision": 2, "total_krw": 7}), newer)

    with api.client("operator") as client:
        [found] = client.get(MONTH).json()["items"]
    assert (found["revision"], found["total_krw"]) == (2, 7)
