"""Invoices against sums worked by hand.

July 2026 under class B, high voltage A, option II: light 116.0, mid 163.8, peak 229.0 KRW/kWh, 8,320 KRW per kW. It has
1,520 light, 928 mid and 528 peak quarter hours.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.settlement.interval import MeteredEnergy, Prices, SettledTrade, settle_interval
from optimizers.settlement.invoices import Invoice, Month, closing_entry, invoice_of
from shared.errors import BadInput
from shared.events.records import SettledLine
from shared.intervals import INTERVAL
from shared.reference.load import tariff_book
from tests.unit.tariff.months import eul

FIRST = datetime(2026, 6, 30, 15, tzinfo=UTC)
STARTS = [FIRST + n * INTERVAL for n in range(2_976)]
# Wednesday the 1st of July, 16:00 in Korea: peak.
PEAK = datetime(2026, 7, 1, 7, tzinfo=UTC)


def a_line(metered_import_wh: int = 10_000, bought_wh: int = 0, trade_paid_krw: int = 0, **more: int) -> SettledLine:
    facts = {
        "metered_export_wh": 0,
        "sold_wh": 0,
        "grid_import_wh": max(0, metered_import_wh - bought_wh),
        "grid_export_wh": 0,
        "grid_import_price_jeon_per_kwh": 0,
        "grid_export_price_jeon_per_kwh": 0,
        "trade_received_krw": 0,
        "grid_paid_krw": 1_000,
        "grid_received_krw": 0,
        "cost_without_krw": 0,
    }
    return SettledLine(
        participant_id="p",
        metered_import_wh=metered_import_wh,
        bought_wh=bought_wh,
        trade_paid_krw=trade_paid_krw,
        **{**facts, **more},
    )


def invoice(changes: dict[datetime, SettledLine], behind_wh: dict[datetime, int] | None = None) -> Invoice:
    settled = {**dict.fromkeys(STARTS, a_line()), **changes}
    return invoice_of(tariff_book(), eul(), Month(month="2026-07", settled=settled, behind_wh=behind_wh or {}))


def amounts(found: Invoice) -> dict[str, int]:
    sums: dict[str, int] = {}
    for line in found.lines:
        sums[line.code] = sums.get(line.code, 0) + line.amount_krw
    return sums


def test_a_month_as_billed_and_as_settled_comes_to_what_was_worked_by_hand() -> None:
    # 10 kWh in each quarter hour; in one of them 4 kWh were bought for 500 KRW while the roof gave 2 kWh more.
    found = invoice({PEAK: a_line(bought_wh=4_000, trade_paid_krw=500)}, {PEAK: 2_000})

    # 15,200 kWh at 116.0, 9,280 at 163.8, 5,276 at 229.0; 29,756 kWh at 9.0 for climate; 30 % of 300 kW at 8,320.
    # Together 5,508,072; tax 550,807.2; fund 148,717.9, down to 10; 6,207,589, down to 10.
    assert amounts(found) == {
        "trade_bought": 500,
        "trade_sold": 0,
        "surplus_sold": 0,
        "base": 748_800,
        "energy": 1_763_200 + 1_520_064 + 1_208_204,
        "climate": 267_804,
        "fuel": 0,
        "vat": 550_807,
        "fund": 148_710,
        "rounding": -9,
    }
    assert (found.kepco_krw, found.total_krw, found.complete) == (6_207_580, 6_208_080, True)
    # 2,976 lines at 1,000 and one trade for 500, where nothing would have been due.
    assert found.saving_krw == -(2_976_000 + 500)
    # Without trade and sun 12 kWh at the peak: 5,282 kWh at 229.0 and 29,762 at 9.0, 5,509,500; 550,950 and 148,750.
    assert found.baseline_krw == 6_209_200
    # The intervals had come to 1,000 KRW each.
    assert found.closing_krw == 6_207_580 - 2_976_000
    assert {note.code for note in found.notes} >= {"demand_at_connection", "baseline", "past_peaks_unknown"}


def test_energy_lines_name_their_intervals_and_their_won_add_up() -> None:
    found = invoice({})

    lines = {line.basis: (line.quantity_wh, line.price_jeon_per_kwh, line.amount_krw) for line in found.lines}
    assert lines["eul_2026-04-16/summer/peak/1"] == (5_280_000, 22_900, 1_209_120)
    assert lines["eul_2026-04-16/summer/light/1"] == (15_200_000, 11_600, 1_763_200)
    assert lines["floor"][2] == 748_800


def test_demand_is_what_the_connection_carried_whoever_supplied_it() -> None:
    found = invoice({PEAK: a_line(metered_import_wh=100_000, bought_wh=100_000)})

    # 100 kWh in a quarter hour are 400 kW, though the grid company supplied none of it.
    assert amounts(found)["base"] == 400 * 8_320
    assert found.billable_peak_w == 400_000


def test_surplus_that_the_grid_took_is_due_to_the_participant_and_not_part_of_the_bill() -> None:
    fed_in = a_line(
        metered_import_wh=0, metered_export_wh=7_000, grid_export_wh=7_000, grid_paid_krw=0, grid_received_krw=700
    )
    found = invoice({PEAK: fed_in})

    assert amounts(found)["surplus_sold"] == -700
    # The other 2,975 intervals had come to 1,000 KRW each; the surplus stays as it was settled.
    assert found.closing_krw == found.kepco_krw - 2_975_000


def test_a_running_month_is_provisional_and_says_what_it_lacks() -> None:
    day = dict.fromkeys(STARTS[:96], a_line())
    found = invoice_of(
        tariff_book(),
        eul(),
        Month(month="2026-07", settled=day, behind_wh={}, estimated=STARTS[:2], roofs_silent=5),
    )

    assert (found.complete, found.intervals_settled, found.intervals_in_month) == (False, 96, 2_976)
    # A Wednesday has 40 light, 32 mid and 24 peak quarter hours: 400, 320 and 240 kWh.
    assert amounts(found)["energy"] == 46_400 + 52_416 + 54_960
    assert amounts(found)["base"] == 748_800
    assert {"provisional", "readings_estimated", "solar_readings_missing"} <= {note.code for note in found.notes}


def test_a_month_without_known_prices_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="must be a day with known prices of industrial_eul, was 2009"):
        invoice_of(tariff_book(), eul(), Month(month="2009-07", settled={}, behind_wh={}))


def test_the_entry_that_closes_a_month_is_corrected_by_the_difference() -> None:
    first, later = invoice({}), invoice({PEAK: a_line(metered_import_wh=20_000)})

    entry = closing_entry(first, "p", 0, posted_krw=0, posted_entry_id=None)
    correction = closing_entry(later, "p", 1, posted_krw=first.closing_krw, posted_entry_id=entry.entry_id)

    # 6,208,660 as in the tariff's own test, less 2,976,000.
    assert [(one.account, one.debit_krw, one.credit_krw) for one in entry.postings] == [
        ("participant:p", 3_232_660, 0),
        ("grid", 0, 3_232_660),
    ]
    assert (correction.entry_id, correction.corrects_entry_id) == ("bill:2026-07:p:1", "bill:2026-07:p:0")
    # 10 kWh more at 229.0 + 9.0 are 2,380; with tax (551,140.4) and fund (148,807.9): 5,511,404 + 551,140 + 148,800.
    assert correction.postings[0].debit_krw == 6_211_340 - 6_208_660


ENERGY_WH = st.integers(0, 50_000)
INTERVALS = st.dictionaries(
    st.integers(0, 2_975).map(lambda n: FIRST + n * timedelta(minutes=15)),
    st.tuples(
        st.builds(
            MeteredEnergy, import_wh=ENERGY_WH, export_wh=ENERGY_WH, ess_import_wh=ENERGY_WH, ess_export_wh=ENERGY_WH
        ),
        st.builds(
            SettledTrade,
            trade_id=st.just("t"),
            buyer_id=st.sampled_from("pq"),
            seller_id=st.sampled_from("pq"),
            quantity_wh=ENERGY_WH,
            paid_krw=st.integers(-5_000, 5_000),
            received_krw=st.integers(-5_000, 5_000),
        ),
        st.integers(-20_000, 20_000),
    ),
    max_size=12,
)


PRICES = Prices(import_jeon_per_kwh=16_380, export_jeon_per_kwh=10_000)
TWO_PRICES = replace(PRICES, short_jeon_per_kwh=18_018, long_jeon_per_kwh=9_000)


@settings(max_examples=30, deadline=None)
@given(INTERVALS, st.sampled_from([PRICES, TWO_PRICES]), st.integers(0, 5_000))
def test_an_invoice_is_the_sum_of_its_lines_and_what_the_ledger_says_once_closed(
    intervals: dict[datetime, tuple[MeteredEnergy, SettledTrade, int]], prices: Prices, loss_wh: int
) -> None:
    still = MeteredEnergy(import_wh=0, export_wh=0, ess_import_wh=0, ess_export_wh=0)
    settled, balance_krw = {}, 0
    for start, (metered, trade, _) in intervals.items():
        done = settle_interval(
            start,
            metered={"p": metered, "q": still},
            prices={"p": prices, "q": prices},
            trades=[trade],
            losses_wh={"p": loss_wh},
        )
        settled[start] = done.lines[0]
        postings = [posting for entry in done.entries for posting in entry.postings]
        balance_krw += sum(one.debit_krw - one.credit_krw for one in postings if one.account == "participant:p")
    behind_wh = {start: given_wh for start, (_, _, given_wh) in intervals.items()}

    found = invoice_of(tariff_book(), eul(), Month(month="2026-07", settled=settled, behind_wh=behind_wh))

    closing = closing_entry(found, "p", 0, posted_krw=0, posted_entry_id=None).postings
    balance_krw += sum(one.debit_krw - one.credit_krw for one in closing if one.account == "participant:p")
    assert sum(line.amount_krw for line in found.lines) == found.total_krw == balance_krw
    of_complex = {"trade_bought", "trade_sold", "surplus_sold", "losses", "imbalance_spread"}
    assert sum(line.amount_krw for line in found.lines if line.code not in of_complex) == found.kepco_krw
