"""A complex with a rule of its own for imbalance, and with losses: both are in what an interval and a day cost."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from shared.events.records import SettledLine
from shared.events.settlement import IntervalSettled, StatementIssued
from shared.intervals import INTERVAL, delivery_starts
from tests.component.trading_api.trading_api_bench import COMPLEX, HANBIT, ApiBench

DAY = date(2026, 5, 20)
START = delivery_starts(DAY)[40]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ApiBench]:
    """Return an API that was told of one settled interval and of its day."""
    bench = ApiBench(tmp_path)
    line = SettledLine(
        participant_id=HANBIT,
        metered_import_wh=12_000,
        metered_export_wh=0,
        bought_wh=10_000,
        sold_wh=0,
        grid_import_wh=2_000,
        grid_export_wh=0,
        grid_import_price_jeon_per_kwh=17_000,
        grid_export_price_jeon_per_kwh=9_000,
        trade_paid_krw=1_200,
        trade_received_krw=0,
        grid_paid_krw=340,
        grid_received_krw=0,
        cost_without_krw=2_040,
        short_price_jeon_per_kwh=18_700,
        long_price_jeon_per_kwh=8_100,
        spread_krw=34,
        loss_wh=100,
        loss_krw=17,
    )
    interval = IntervalSettled(
        complex_id=COMPLEX,
        delivery_start=START,
        settled_at=START + INTERVAL,
        ledger_entries=3,
        ledger_sum_krw=0,
        lines=(line,),
    )
    day = StatementIssued(
        complex_id=COMPLEX,
        statement_id="st-1",
        participant_id=HANBIT,
        trading_day=DAY,
        intervals=1,
        bought_wh=10_000,
        sold_wh=0,
        grid_import_wh=2_000,
        grid_export_wh=0,
        trade_paid_krw=1_200,
        trade_received_krw=0,
        grid_paid_krw=340,
        grid_received_krw=0,
        cost_with_krw=1_591,
        cost_without_krw=2_040,
        saving_krw=449,
        spread_krw=34,
        loss_wh=100,
        loss_krw=17,
    )
    bench.clock.instant = START + 2 * INTERVAL
    bench.give(interval, day)
    yield bench
    bench.close()


def test_a_statement_names_spread_and_losses(bench: ApiBench) -> None:
    with bench.client("operator") as operator:
        [statement] = operator.get("/api/v1/statements").json()["items"]

    assert (statement["spread_krw"], statement["loss_kwh"], statement["loss_krw"]) == (34, "0.100", 17)
    # 1,200 traded + 340 to the grid + 34 + 17.
    assert statement["cost_with_krw"] == 1_591


def test_an_interval_and_the_day_so_far_cost_what_the_statement_says(bench: ApiBench) -> None:
    with bench.client("operator") as operator:
        report = operator.get("/api/v1/report?day=2026-05-20").json()
        overview = operator.get("/api/v1/overview").json()

    assert report["cost_with_krw"] == 1_591
    assert [one["cost_with_krw"] for one in overview["settled"]] == [1_591]
