"""Settlement of the demo complex: from an auction and the meters to the ledger and the day's statements."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from optimizers.settlement.interval import MeteredEnergy, Prices, settle_interval
from services.settlement.store.audit import ledger_flaws, unbalanced_entries
from services.settlement.store.books import save_lines, save_settled
from services.settlement.store.tables import LEDGER_ENTRY, LEDGER_LINE, READING, SUPERSEDED_READING
from shared.db.engine import reading
from shared.events.fems import IntervalMetered, MeterKind, Quality
from shared.events.records import SettledLine
from shared.events.settlement import IntervalResettled, IntervalSettled, InvoiceIssued, ReadingIgnored, StatementIssued
from shared.intervals import INTERVAL, delivery_starts, month_bounds
from tests.component.harness import Bench
from tests.component.settlement.settlement_facts import (
    BUYER,
    COMPLEX_ID,
    DELIVERY,
    FLOWS_WH,
    SELLER,
    a_bench,
    an_auction,
    readings,
    sun,
)

DAY = date(2026, 5, 20)
SATURDAY = datetime(2026, 5, 23, 2, 15, tzinfo=UTC)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return a_bench(tmp_path)


def test_readings_taken_in_as_one_run_settle_what_they_would_settle_singly(tmp_path: Path) -> None:
    together, singly = (a_bench(tmp_path / name) for name in ("together", "singly"))
    starts = [DELIVERY + number * INTERVAL for number in range(3)]
    told = [one for start in starts for one in (*sun(start, 8_000), *readings(start, FLOWS_WH))]
    # The second interval's first meter speaks again, once before all are in and once after.
    second = told.index(readings(starts[1], FLOWS_WH)[0])
    again = [
        told[second].model_copy(update={"import_wh": wh, "reading_version": n}) for n, wh in ((2, 41_000), (3, 42_000))
    ]
    told = [*told[: second + 2], again[0], *told[second + 2 :], again[1]]
    for bench in (together, singly):
        bench.give(*(an_auction(start) for start in starts))

    together.give(*told)
    for one in told:
        singly.give(one)

    kinds = (IntervalSettled, IntervalResettled, InvoiceIssued)
    assert [together.published(kind) for kind in kinds] == [singly.published(kind) for kind in kinds]
    assert (len(together.published(IntervalSettled)), len(together.published(IntervalResettled))) == (3, 1)
    books = []
    for bench in (together, singly):
        with reading(bench.engine) as db:
            lines = db.execute(sa.select(LEDGER_LINE).order_by(LEDGER_LINE.c.entry_id, LEDGER_LINE.c.number)).all()
            replaced = db.execute(sa.select(SUPERSEDED_READING.c.import_wh)).all()
        books.append(([row._mapping["debit_krw"] for row in lines], replaced))
    assert books[0] == books[1]


def lines_of(settled: IntervalSettled) -> dict[str, SettledLine]:
    return {line.participant_id: line for line in settled.lines}


def test_an_interval_is_settled_when_its_auction_and_all_meters_are_in(bench: Bench) -> None:
    *most, last = readings(DELIVERY, FLOWS_WH)
    bench.give(an_auction(DELIVERY), *most)
    assert bench.published(IntervalSettled) == []

    bench.give(last)

    [settled] = bench.published(IntervalSettled)
    seller, buyer = (lines_of(settled)[one] for one in (SELLER, BUYER))
    # 30 - 20 = 10 kWh at 133.40 = 1,334; 25 - 20 = 5 kWh at 100 = 500; 20 kWh at 113 and 110.
    assert (buyer.grid_import_wh, buyer.grid_import_price_jeon_per_kwh, buyer.grid_paid_krw) == (10_000, 13_340, 1_334)
    assert (seller.grid_export_wh, seller.grid_export_price_jeon_per_kwh, seller.grid_received_krw) == (
        5_000,
        10_000,
        500,
    )
    assert (buyer.trade_paid_krw, seller.trade_received_krw) == (2_260, 2_200)
    # Alone the buyer draws 30 kWh: 4,002. The seller would have fed in the 4 kWh it charged, too: 29 kWh, -2,900.
    assert (buyer.cost_without_krw, seller.cost_without_krw) == (4_002, -2_900)
    # One trade and two imbalances; the other ten factories stood still.
    assert (settled.ledger_entries, settled.ledger_sum_krw, len(settled.lines)) == (3, 0, 12)


def test_a_feeders_meter_is_no_part_of_any_settlement(bench: Bench) -> None:
    facts = readings(DELIVERY, FLOWS_WH)
    changes = {"meter_id": "F1.head", "participant_id": "F1", "meter_kind": MeterKind.FEEDER, "import_wh": 9_000_000}

    bench.give(facts[0].model_copy(update=changes), an_auction(DELIVERY), *facts)

    assert bench.bus.messages("settlement.dead_letters.v1") == []
    [settled] = bench.published(IntervalSettled)
    # As without it: 30 kWh metered, of which 20 were bought.
    assert lines_of(settled)[BUYER].grid_import_wh == 10_000


def test_the_order_in_which_facts_arrive_does_not_matter(bench: Bench) -> None:
    bench.give(*reversed(readings(DELIVERY, FLOWS_WH)))
    assert bench.published(IntervalSettled) == []

    bench.give(an_auction(DELIVERY))

    [settled] = bench.published(IntervalSettled)
    assert lines_of(settled)[BUYER].grid_paid_krw == 1_334


def test_a_saturday_noon_has_the_discounted_price(bench: Bench) -> None:
    bench.give(an_auction(SATURDAY), *readings(SATURDAY, FLOWS_WH))

    # 11:15 in Korea on a Saturday in spring: half of 133.40.
    [settled] = bench.published(IntervalSettled)
    assert (lines_of(settled)[BUYER].grid_import_price_jeon_per_kwh, lines_of(settled)[BUYER].grid_paid_krw) == (
        6_670,
        667,
    )


def test_redelivery_and_restart_settle_nothing_twice(bench: Bench) -> None:
    facts = [an_auction(DELIVERY), *readings(DELIVERY, FLOWS_WH)]
    bench.give(*facts[:5])
    bench.restart()
    bench.give(*facts[5:])
    bench.restart()
    for topic in ("market.auctions.v1", "fems.readings.v1"):
        for message in bench.bus.messages(topic):
            bench.bus.append(message)
    bench.run()
    # The same facts once more under other ids, as after a replay by hand.
    bench.give(*facts)

    assert len(bench.published(IntervalSettled)) == 1
    assert bench.published(ReadingIgnored) == []
    with reading(bench.engine) as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(LEDGER_ENTRY)) == 3
        assert unbalanced_entries(db, COMPLEX_ID) == []


def corrected(import_wh: int, start: datetime = DELIVERY) -> IntervalMetered:
    return next(one for one in readings(start, {f"{BUYER}.grid": (import_wh, 0)}) if one.meter_id == f"{BUYER}.grid")


def test_a_correction_after_settlement_is_a_difference_entry_that_names_the_old(bench: Bench) -> None:
    bench.give(an_auction(DELIVERY), *readings(DELIVERY, FLOWS_WH))

    bench.give(corrected(31_000))
    bench.give(corrected(19_000))

    first, second = bench.published(IntervalResettled)
    [line], [last] = first.lines, second.lines
    # 31 - 20 = 11 kWh at 133.40 = 1,467.4: 1,467 in place of 1,334. Alone: 31 kWh, 4,135.4.
    assert (line.grid_import_wh, line.grid_paid_krw, line.cost_without_krw) == (11_000, 1_467, 4_135)
    # 19 - 20: 1 kWh is left over and fed in at 100.
    assert (last.grid_import_wh, last.grid_export_wh, last.grid_paid_krw, last.grid_received_krw) == (0, 1_000, 0, 100)
    assert [(one.ledger_entries, one.ledger_sum_krw) for one in (first, second)] == [(4, 0), (5, 0)]
    with reading(bench.engine) as db:
        corrections = db.execute(
            sa.select(LEDGER_ENTRY.c.corrects_entry_id, LEDGER_LINE.c.debit_krw)
            .join(LEDGER_LINE, LEDGER_LINE.c.entry_id == LEDGER_ENTRY.c.entry_id)
            .where(LEDGER_ENTRY.c.kind == "correction", LEDGER_LINE.c.account == f"participant:{BUYER}")
            .order_by(LEDGER_ENTRY.c.entry_id)
        ).all()
        before = db.scalars(sa.select(SUPERSEDED_READING.c.import_wh)).all()
    # 1,467 - 1,334 = 133 more; then -100 - 1,467, a credit, which has no debit.
    assert [tuple(row) for row in corrections] == [
        (f"imbalance:20260520T0100Z:{BUYER}", 133),
        (f"correction:20260520T0100Z:{BUYER}:1", 0),
    ]
    assert sorted(before) == [30_000, 31_000]


def test_a_correction_of_a_settled_day_brings_its_statement_again(bench: Bench) -> None:
    for start in delivery_starts(DAY):
        bench.give(an_auction(start, traded_wh=0), *readings(start, {f"{BUYER}.grid": (10_000, 0)}))

    # DELIVERY is 10:00, when a kWh costs 133.40.
    bench.give(corrected(12_000))

    first, again = (one for one in bench.published(StatementIssued) if one.participant_id == BUYER)
    assert len(bench.published(StatementIssued)) == 13
    assert (first.statement_id, first.revision) == (again.statement_id, 0)
    # 12 kWh cost 1,600.8 and 10 kWh 1,334.
    assert (again.revision, again.intervals, again.grid_import_wh) == (1, 96, 962_000)
    assert again.grid_paid_krw - first.grid_paid_krw == 1_601 - 1_334


def test_an_estimate_does_not_replace_a_measurement_but_a_measurement_an_estimate(bench: Bench) -> None:
    guessed = [one.model_copy(update={"quality": Quality.ESTIMATED}) for one in readings(DELIVERY, {})]
    bench.give(an_auction(DELIVERY), *guessed)
    bench.give(*readings(DELIVERY, FLOWS_WH))
    assert bench.published(ReadingIgnored) == []

    bench.give(corrected(31_000).model_copy(update={"quality": Quality.ESTIMATED}))

    [ignored] = bench.published(ReadingIgnored)
    assert (ignored.meter_id, ignored.delivery_start) == (f"{BUYER}.grid", DELIVERY)
    assert "30000 Wh" in ignored.reason
    assert "31000 Wh" in ignored.reason
    # Three meters measured something else than was guessed.
    assert [one.ledger_sum_krw for one in bench.published(IntervalResettled)] == [0, 0, 0]


def test_a_reading_corrected_before_settlement_counts(bench: Bench) -> None:
    bench.give(*readings(DELIVERY, {}), *readings(DELIVERY, FLOWS_WH), an_auction(DELIVERY))

    [settled] = bench.published(IntervalSettled)
    assert lines_of(settled)[BUYER].metered_import_wh == 30_000


def test_the_96th_interval_brings_everyone_a_statement_once(bench: Bench) -> None:
    starts = delivery_starts(DAY)
    for start in starts[:-1]:
        bench.give(an_auction(start, traded_wh=0), *readings(start, {f"{BUYER}.grid": (10_000, 0)}))
    assert bench.published(StatementIssued) == []

    bench.give(an_auction(starts[-1]), *readings(starts[-1], FLOWS_WH))
    bench.give(*readings(starts[-1], FLOWS_WH))

    statements = {one.participant_id: one for one in bench.published(StatementIssued)}
    assert len(bench.published(StatementIssued)) == len(statements) == 12
    seller, buyer = statements[SELLER], statements[BUYER]
    assert (seller.intervals, seller.trading_day, seller.sold_wh) == (96, DAY, 20_000)
    # The seller's one interval: 2,200 + 500 received; alone it would have received 2,900, 400 of them for the 4 kWh
    # that its battery still holds. What is left is 20 kWh traded at 110 that the grid pays 100 for.
    assert (seller.cost_with_krw, seller.cost_without_krw, seller.saving_krw) == (-2_700, -2_900, 200)
    assert seller.stored_value_krw == 400
    # 95 times 10 kWh, and 10 kWh beyond the trade in the last one.
    assert (buyer.grid_import_wh, buyer.bought_wh, buyer.trade_paid_krw) == (960_000, 20_000, 2_260)
    assert buyer.cost_with_krw == buyer.trade_paid_krw + buyer.grid_paid_krw
    assert sum(one.ledger_sum_krw for one in bench.published(IntervalSettled)) == 0


def test_a_settled_day_is_invoiced_as_far_as_the_month_goes(bench: Bench) -> None:
    for start in delivery_starts(DAY):
        bench.give(an_auction(start, traded_wh=0), *readings(start, {f"{BUYER}.grid": (10_000, 0)}))

    invoices = {one.participant_id: one for one in bench.published(InvoiceIssued)}
    assert len(bench.published(InvoiceIssued)) == len(invoices) == 12
    found = invoices[BUYER]
    assert (found.month, found.revision, found.complete, found.intervals_settled) == ("2026-05", 0, False, 96)
    assert sum(line.amount_krw for line in found.lines) == found.total_krw
    # 960 kWh at 9.0 KRW for climate.
    assert next(line.amount_krw for line in found.lines if line.code == "climate") == 8_640
    codes = {note.code for note in found.notes}
    # No roof has said anything.
    assert {"provisional", "baseline", "solar_readings_missing"} <= codes
    with reading(bench.engine) as db:
        assert db.scalar(sa.select(sa.func.count()).where(LEDGER_ENTRY.c.kind == "bill")) == 0


def test_a_whole_month_closes_in_the_ledger_and_a_correction_closes_it_again(bench: Bench) -> None:
    last = month_bounds("2026-05")[1] - INTERVAL
    stand_still(bench, "2026-05", but=last)

    bench.give(an_auction(last, traded_wh=0), *readings(last, {f"{BUYER}.grid": (10_000, 0)}))
    first = balance_krw(bench)
    bench.give(corrected(20_000, last))

    closed, again = (one for one in bench.published(InvoiceIssued) if one.participant_id == BUYER)
    assert (closed.complete, closed.revision, again.revision) == (True, 0, 1)
    assert (first, balance_krw(bench)) == (closed.total_krw, again.total_krw)
    # Late on a Sunday: light, 116.0 and 9.0 for climate, 1,250 KRW more; with a tenth of it and 2.7 % about 1,409.
    assert again.total_krw - closed.total_krw == pytest.approx(1_409, abs=20)
    with reading(bench.engine) as db:
        bills = db.execute(
            sa.select(LEDGER_ENTRY.c.entry_id, LEDGER_ENTRY.c.corrects_entry_id)
            .where(LEDGER_ENTRY.c.kind == "bill")
            .order_by(LEDGER_ENTRY.c.entry_id)
        ).all()
        assert ledger_flaws(db, COMPLEX_ID) == []
    assert [tuple(row) for row in bills] == [
        (f"bill:2026-05:{BUYER}:0", None),
        (f"bill:2026-05:{BUYER}:1", f"bill:2026-05:{BUYER}:0"),
    ]


def stand_still(bench: Bench, month: str, but: datetime) -> None:
    """Let the buyer stand still all the month, but for an interval that is yet to be settled."""
    energy = MeteredEnergy(import_wh=0, export_wh=0, ess_import_wh=0, ess_export_wh=0)
    prices = Prices(import_jeon_per_kwh=0, export_jeon_per_kwh=0)
    still = settle_interval(but, metered={BUYER: energy}, prices={BUYER: prices}, trades=[])
    start, end = month_bounds(month)
    with bench.engine.begin() as db:
        while start < end:
            if start != but:
                save_settled(db, COMPLEX_ID, start, start)
                save_lines(db, COMPLEX_ID, start, still.lines, {})
            start += INTERVAL


def test_a_corrected_peak_bills_the_months_again_whose_demand_it_sets(bench: Bench) -> None:
    in_july, in_august, in_may = (datetime(2026, month, 20, 1, tzinfo=UTC) for month in (7, 8, 5))
    for month, start in (("2026-05", in_may), ("2026-07", in_july), ("2026-08", in_august)):
        stand_still(bench, month, but=start)
        bench.give(an_auction(start, traded_wh=0), *readings(start, {f"{BUYER}.grid": (100_000, 0)}))

    bench.give(corrected(150_000, in_july))

    issued = [one for one in bench.published(InvoiceIssued) if one.participant_id == BUYER]
    assert [(one.month, one.revision) for one in issued] == [
        ("2026-05", 0),
        ("2026-07", 0),
        ("2026-08", 0),
        ("2026-07", 1),
        ("2026-08", 1),
    ]
    # 100 kWh in a quarter hour are 400 kW, above the floor of 30 % of 1,200 kW; then 150 kWh in July: 600 kW.
    demands_w = [next(line.demand_w for line in one.lines if line.code == "base") for one in issued]
    assert demands_w == [400_000, 400_000, 400_000, 600_000, 600_000]
    assert next(line.basis for line in issued[-1].lines if line.code == "base") == "ratchet"
    assert balance_krw(bench) == issued[0].total_krw + issued[3].total_krw + issued[4].total_krw
    with reading(bench.engine) as db:
        named = dict(
            db.execute(
                sa.select(LEDGER_ENTRY.c.entry_id, LEDGER_ENTRY.c.corrects_entry_id).where(
                    LEDGER_ENTRY.c.kind == "bill"
                )
            ).all()
        )
    assert named[f"bill:2026-08:{BUYER}:1"] == f"bill:2026-08:{BUYER}:0"


def balance_krw(bench: Bench) -> int:
    """Return what the buyer owes by the ledger."""
    columns = LEDGER_LINE.c
    owed = sa.select(sa.func.sum(columns.debit_krw - columns.credit_krw))
    with reading(bench.engine) as db:
        return int(db.scalar(owed.where(columns.account == f"participant:{BUYER}")) or 0)


def test_facts_that_break_a_promise_are_set_aside(bench: Bench) -> None:
    reading_, *_ = readings(DELIVERY, FLOWS_WH)
    auction = an_auction(DELIVERY)
    stranger = replace(auction.trades[0], buyer_id="stranger")

    bench.give(
        reading_.model_copy(update={"meter_id": "unknown"}),
        reading_.model_copy(update={"import_wh": 10**30}),
        auction.model_copy(update={"trades": (stranger,)}),
    )
    bench.give(auction, *readings(DELIVERY, FLOWS_WH))

    assert len(bench.bus.messages("settlement.dead_letters.v1")) == 3
    assert len(bench.published(IntervalSettled)) == 1


def kept_quality(bench: Bench, meter_id: str) -> str:
    with reading(bench.engine) as db:
        return str(db.scalar(sa.select(READING.c.quality).where(READING.c.meter_id == meter_id)))


def test_what_was_guessed_is_measured_once_the_meter_confirms_it(bench: Bench) -> None:
    guess = corrected(30_000).model_copy(update={"quality": Quality.ESTIMATED})
    others = [one for one in readings(DELIVERY, FLOWS_WH) if one.meter_id != guess.meter_id]
    bench.give(an_auction(DELIVERY), *others, guess)

    bench.give(corrected(30_000).model_copy(update={"reading_version": 2}))
    # What is measured now gives way to no guess.
    bench.give(corrected(99_000).model_copy(update={"reading_version": 3, "quality": Quality.MISSING}))

    assert kept_quality(bench, guess.meter_id) == "measured"
    assert bench.published(IntervalResettled) == []
    assert len(bench.published(ReadingIgnored)) == 1


def test_an_older_version_that_comes_late_changes_nothing(bench: Bench) -> None:
    bench.give(an_auction(DELIVERY), *readings(DELIVERY, FLOWS_WH))
    bench.give(corrected(31_000).model_copy(update={"reading_version": 3}))

    bench.give(corrected(77_000).model_copy(update={"reading_version": 2}))

    assert len(bench.published(IntervalResettled)) == 1


def test_a_confirmed_day_is_invoiced_without_the_note_of_estimates(bench: Bench) -> None:
    guess = corrected(10_000).model_copy(update={"quality": Quality.ESTIMATED})
    for start in delivery_starts(DAY):
        heard = {one.meter_id: one for one in readings(start, {f"{BUYER}.grid": (10_000, 0)})}
        told = heard | {guess.meter_id: guess} if start == DELIVERY else heard
        bench.give(an_auction(start, traded_wh=0), *told.values())

    bench.give(corrected(10_000).model_copy(update={"reading_version": 2}))

    issued = [one for one in bench.published(InvoiceIssued) if one.participant_id == BUYER]
    codes = [{note.code for note in one.notes} for one in issued]
    assert ["readings_estimated" in found for found in codes] == [True, False]
