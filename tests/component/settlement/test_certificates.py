"""Certificates of a small complex: from the meters to the register, and again when a meter is corrected."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from services.settlement.store.audit import ledger_flaws, ledger_sum_krw, unbalanced_entries
from services.settlement.store.books import load_lines
from services.settlement.store.certificate_tables import APPEND_ONLY, CERTIFICATE_BUNDLE
from services.settlement.store.certificates import load_books
from services.settlement.store.tables import LEDGER_LINE
from shared.db.engine import reading
from shared.events.fems import IntervalMetered, MeterKind
from shared.events.records import CertificateLine, CertificateSlice
from shared.events.settlement import CertificatesSettled, IntervalResettled, IntervalSettled, InvoiceIssued
from shared.intervals import INTERVAL, delivery_starts, trading_day_of
from tests.component.harness import Bench
from tests.component.settlement.certificate_facts import (
    BUYER,
    COMPLEX_ID,
    DISCHARGE_WH,
    ESS,
    EVENING,
    FLOWS_WH,
    METERS,
    OTHER_ROOF,
    PLAIN,
    ROOF,
    SOLD,
    SUNNY,
    a_bench,
    a_reading,
    check_register,
    ends_of,
    lines_of,
    readings,
    traded,
)
from tests.component.settlement.settlement_facts import DELIVERY


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return a_bench(tmp_path)


def test_each_solar_wh_is_issued_moved_with_the_trade_and_used_once(bench: Bench) -> None:
    bench.give(traded(DELIVERY, SOLD), *readings(DELIVERY, FLOWS_WH))

    [settled] = bench.published(CertificatesSettled)
    assert ends_of(settled, ROOF) == [
        (1, 20_000, BUYER, "use"),
        (20_001, 30_000, SUNNY, "use"),
        (30_001, 34_000, SUNNY, "storage"),
        (34_001, 50_000, SUNNY, "export"),
    ]
    assert ends_of(settled, OTHER_ROOF) == [(1, 5_000, BUYER, "use")]
    assert [(one.trade_id, one.battery_id) for one in settled.slices if one.device_id == ROOF] == [
        (f"a:{DELIVERY:%Y%m%dT%H%MZ}:0", None),
        (None, None),
        (None, ESS),
        (None, None),
    ]
    sunny, buyer, plain = (lines_of(settled)[one] for one in (SUNNY, BUYER, PLAIN))
    assert (sunny.issued_wh, sunny.passed_on_wh, sunny.claimed_wh, sunny.stored_wh, sunny.withdrawn_wh) == (
        50_000,
        20_000,
        10_000,
        4_000,
        16_000,
    )
    # The buyer used 30 kWh: 25 of them certified. 25 came in through its connection, 5 are the grid's by certificate.
    assert (buyer.consumption_wh, buyer.claimed_wh, buyer.received_wh) == (30_000, 25_000, 20_000)
    assert (buyer.location_wh, buyer.market_wh) == (25_000, 5_000)
    assert (plain.consumption_wh, plain.claimed_wh) == (0, 0)
    assert (settled.revision, settled.number, settled.part, settled.parts) == (0, 1, 1, 1)


def test_an_interval_is_certified_once_its_roofs_have_spoken(bench: Bench) -> None:
    *rest, last = sorted(readings(DELIVERY, FLOWS_WH), key=lambda one: one.meter_kind is MeterKind.PV)
    bench.give(*rest, traded(DELIVERY, SOLD))
    assert len(bench.published(IntervalSettled)) == 1
    assert bench.published(CertificatesSettled) == []

    bench.give(last)

    assert len(bench.published(CertificatesSettled)) == 1


def test_a_roof_that_stays_silent_is_waited_for_an_hour(bench: Bench) -> None:
    for n in range(5):
        start = DELIVERY + n * INTERVAL
        silent = [one for one in readings(start, FLOWS_WH) if one.meter_id != OTHER_ROOF or n > 0]
        assert bench.published(CertificatesSettled)[: n - 1 if n else 0] == bench.published(CertificatesSettled)
        bench.give(traded(start, SOLD), *silent)

    late = next(one for one in bench.published(CertificatesSettled) if one.delivery_start == DELIVERY)
    assert (late.revision, lines_of(late)[BUYER].claimed_wh) == (0, 20_000)

    bench.give(a_reading(OTHER_ROOF, DELIVERY, (0, 5_000)))

    again = bench.published(CertificatesSettled)[-1]
    assert (again.delivery_start, again.revision, lines_of(again)[BUYER].claimed_wh) == (DELIVERY, 1, 25_000)
    # What did not change does not come again.
    assert {one.device_id for one in again.slices} == {OTHER_ROOF}
    assert lines_of(again).keys() == {BUYER}


def test_a_battery_gives_back_what_it_was_charged_with_at_its_efficiency(bench: Bench) -> None:
    bench.give(traded(DELIVERY, SOLD), *readings(DELIVERY, FLOWS_WH))
    bench.give(traded(EVENING), *readings(EVENING, DISCHARGE_WH))
    bench.give(traded(EVENING + INTERVAL), *readings(EVENING + INTERVAL, DISCHARGE_WH))

    first, second = bench.published(CertificatesSettled)[1:]
    # 4,000 x 0.9216 = 3,686: 3,000 now and 686 of the next 3,000.
    assert ends_of(first, ESS) == [(1, 3_000, SUNNY, "use")]
    assert ends_of(second, ESS) == [(1, 686, SUNNY, "use")]
    [part] = second.slices
    assert (part.charged_at, part.storage_efficiency_ppm) == (DELIVERY, 921_600)
    assert (lines_of(first)[SUNNY].reissued_wh, lines_of(first)[SUNNY].consumption_wh) == (3_000, 8_000)


def test_a_roof_corrected_downwards_takes_back_what_its_battery_gave_later(bench: Bench) -> None:
    bench.give(traded(DELIVERY, SOLD), *readings(DELIVERY, FLOWS_WH))
    bench.give(traded(EVENING), *readings(EVENING, DISCHARGE_WH))
    bench.give(traded(EVENING + INTERVAL), *readings(EVENING + INTERVAL, DISCHARGE_WH))

    # 31 kWh instead of 50: 20 sold, 10 used (the load stays as the grid's meter is corrected, too), 1 charged.
    bench.give(a_reading(f"{SUNNY}.grid", DELIVERY, (0, 17_000)))
    bench.give(a_reading(ROOF, DELIVERY, (0, 31_000)))

    newest = {one.delivery_start: one for one in bench.published(CertificatesSettled)}
    assert ends_of(newest[DELIVERY], ROOF) == [
        (1, 20_000, BUYER, "use"),
        (20_001, 30_000, SUNNY, "use"),
        (30_001, 31_000, SUNNY, "storage"),
        (31_001, 50_000, SUNNY, "correction"),
    ]
    # 1,000 x 0.9216 = 921: the later discharge gives up all of its 686, the earlier one all but 921.
    assert ends_of(newest[EVENING], ESS) == [(1, 921, SUNNY, "use"), (922, 3_000, SUNNY, "correction")]
    assert ends_of(newest[EVENING + INTERVAL], ESS) == [(1, 686, SUNNY, "correction")]
    with reading(bench.engine) as db:
        check_register(db)


def test_the_invoice_says_what_of_the_month_was_certified(bench: Bench) -> None:
    day = trading_day_of(DELIVERY)
    for start in delivery_starts(day):
        bench.give(traded(start, SOLD), *readings(start, FLOWS_WH))

    found = next(one for one in bench.published(InvoiceIssued) if one.participant_id == BUYER)
    note = next(note for note in found.notes if note.code == "certificates")
    # 96 x 25 of 96 x 30 kWh.
    assert "2400.000 of 2880.000 kWh (83.3 %)" in note.en
    assert "no official hourly certificate" in note.en


@pytest.mark.parametrize("table", [table.name for table in APPEND_ONLY])
@pytest.mark.parametrize("change", ["UPDATE {} SET complex_id = 'x'", "DELETE FROM {}"])
def test_the_database_lets_nobody_change_the_register(bench: Bench, table: str, change: str) -> None:
    bench.give(traded(DELIVERY, SOLD), *readings(DELIVERY, FLOWS_WH))
    bench.give(traded(EVENING), *readings(EVENING, DISCHARGE_WH))

    with pytest.raises(sa.exc.DatabaseError, match="append-only"), bench.engine.begin() as db:
        db.execute(sa.text(change.format(table)))


@pytest.mark.parametrize(
    ("first", "last", "previous"), [(1, 10, None), (50_002, 50_010, 50_001), (49_000, 51_000, 50_000)]
)
def test_the_database_lets_nobody_issue_a_range_twice(
    bench: Bench, first: int, last: int, previous: int | None
) -> None:
    bench.give(traded(DELIVERY, SOLD), *readings(DELIVERY, FLOWS_WH))

    row = {"complex_id": COMPLEX_ID, "delivery_start": DELIVERY, "device_id": ROOF, "producer_id": SUNNY, "revision": 1}
    with pytest.raises(sa.exc.IntegrityError), bench.engine.begin() as db:
        db.execute(
            sa.insert(CERTIFICATE_BUNDLE).values(**row, range_start=first, range_end=last, previous_end=previous)
        )


def check_ledger(bench: Bench, db: Connection) -> None:
    assert unbalanced_entries(db, COMPLEX_ID) == []
    assert ledger_sum_krw(db, COMPLEX_ID) == 0
    assert ledger_flaws(db, COMPLEX_ID) == []
    columns = LEDGER_LINE.c
    balance = sa.func.sum(columns.debit_krw - columns.credit_krw)
    booked_krw = {
        row.account: row.krw
        for row in db.execute(sa.select(columns.account, balance.label("krw")).group_by(columns.account))
    }
    lines = load_lines(db, COMPLEX_ID, DELIVERY, DELIVERY + PLACES * INTERVAL)
    for participant_id, intervals in lines.items():
        owed_krw = sum(history[-1].cost_with_krw for history in intervals.values())
        assert booked_krw.get(f"participant:{participant_id}", 0) == owed_krw
    sums_krw = [one.ledger_sum_krw for one in bench.published(IntervalSettled)]
    sums_krw += [one.ledger_sum_krw for one in bench.published(IntervalResettled)]
    assert not any(sums_krw)


def check_published(bench: Bench, db: Connection) -> None:
    """Who takes the events one after another ends with what is in the register."""
    lines: dict[tuple[datetime, str], CertificateLine] = {}
    slices: dict[tuple[datetime, str], Sequence[CertificateSlice]] = {}
    numbers = []
    for settled in bench.published(CertificatesSettled):
        numbers.append(settled.number)
        lines.update({(settled.delivery_start, line.participant_id): line for line in settled.lines})
        for device_id in {one.device_id for one in settled.slices}:
            of_device = [one for one in settled.slices if one.device_id == device_id]
            slices[settled.delivery_start, device_id] = of_device
    assert numbers == list(range(1, len(numbers) + 1))
    for start in {start for start, _ in lines}:
        books = load_books(db, COMPLEX_ID, start)
        told = {name: asdict(line) for (at, name), line in lines.items() if at == start}
        assert told == {name: asdict(line) for name, line in books.lines.items()}
        assert {
            device_id: [(one.range_start, one.range_end, one.account_id, one.purpose) for one in parts]
            for (at, device_id), parts in slices.items()
            if at == start
        } == {
            device_id: [(one.range_start, one.range_end, one.account_id, one.purpose) for one in parts]
            for device_id, parts in books.slices.items()
        }


def flowing(meter_id: str, place: int, flow_wh: tuple[int, int], *, guessed: bool = False) -> IntervalMetered:
    # A roof gives; a battery mostly charges in the first intervals, and mostly gives in the last.
    kind = METERS[meter_id].kind
    gives = kind is MeterKind.PV or (kind is MeterKind.ESS and place >= PLACES // 2)
    return a_reading(meter_id, DELIVERY + place * INTERVAL, flow_wh[::-1] if gives else flow_wh, guessed=guessed)


def whole(place: int, flows_wh: Sequence[tuple[int, int]]) -> list[IntervalMetered]:
    return [flowing(meter_id, place, flow_wh) for meter_id, flow_wh in zip(METERS, flows_wh, strict=True)]


PLACES = 4
FLOW_WH = st.tuples(st.integers(0, 400), st.one_of(st.just(0), st.integers(1, 400)))
PLACE = st.integers(0, PLACES - 1)
MEMBER = st.sampled_from((SUNNY, BUYER, PLAIN))
AUCTIONS = st.lists(
    st.lists(st.tuples(MEMBER, MEMBER, st.integers(1, 400)), max_size=4), min_size=PLACES, max_size=PLACES
)
ONE_READING = st.builds(flowing, st.sampled_from(sorted(METERS)), PLACE, FLOW_WH, guessed=st.booleans()).map(
    lambda one: [one]
)
ALL_READINGS = st.builds(whole, PLACE, st.lists(FLOW_WH, min_size=len(METERS), max_size=len(METERS)))


@settings(max_examples=20, deadline=None)
@given(
    auctions=AUCTIONS,
    late=st.sets(PLACE),
    steps=st.lists(st.one_of(ONE_READING, ALL_READINGS), min_size=6, max_size=20),
)
def test_whatever_happens_every_entry_balances_and_every_certificate_is_there_once(
    auctions: list[list[tuple[str, str, int]]],
    late: set[int],
    steps: list[list[IntervalMetered]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with closing(a_bench(tmp_path_factory.mktemp("law"))) as bench:
        agreed = [traded(DELIVERY + place * INTERVAL, *trades) for place, trades in enumerate(auctions)]
        bench.give(*(auction for place, auction in enumerate(agreed) if place not in late))
        for step in steps:
            bench.give(*step)
        bench.give(*(agreed[place] for place in sorted(late, reverse=True)))
        bench.give(*steps[0], *steps[-1])

        assert bench.bus.messages("settlement.dead_letters.v1") == []
        with reading(bench.engine) as db:
            check_ledger(bench, db)
            check_register(db)
            check_published(bench, db)


def test_a_roof_that_was_guessed_gets_its_certificates_once_the_meter_confirms_it(bench: Bench) -> None:
    guess = a_reading(ROOF, DELIVERY, FLOWS_WH[ROOF], guessed=True)
    bench.give(
        traded(DELIVERY, SOLD), *(guess if one.meter_id == ROOF else one for one in readings(DELIVERY, FLOWS_WH))
    )

    bench.give(a_reading(ROOF, DELIVERY, FLOWS_WH[ROOF]).model_copy(update={"reading_version": 2}))

    assert [lines_of(one)[SUNNY].issued_wh for one in bench.published(CertificatesSettled)] == [0, 50_000]
