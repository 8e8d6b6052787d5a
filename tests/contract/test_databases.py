"""Market and settlement keep their promises on SQLite and on PostgreSQL, with the schema of the migrations."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

import services.market.store as market_store
import services.settlement.store as settlement_store
from services.settlement.store.audit import ledger_flaws, ledger_links, ledger_sum_krw, unbalanced_entries
from services.settlement.store.books import load_lines, load_statements
from services.settlement.store.facts import lock
from services.settlement.store.tables import LEDGER_ENTRY, LEDGER_LINE, LEDGER_LINK
from shared.db.bulk import insert_rows, upsert_rows
from shared.db.engine import open_engine, reading, service_url
from shared.db.migrating import upgrade
from shared.db.tables import UtcInstant
from shared.events.commands import (
    CalendarChangeRequested,
    LimitsChangeRequested,
    MarketHaltRequested,
    MarketResumeRequested,
)
from shared.events.market import (
    AuctionCleared,
    BlockDecided,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderRejected,
)
from shared.events.orders import BlockSubmitted, OrderAmendRequested
from shared.events.records import Calendar
from shared.events.settlement import IntervalResettled, IntervalSettled
from shared.intervals import INTERVAL
from tests.component.harness import Bench
from tests.component.market import market_facts
from tests.component.settlement import settlement_facts
from tests.market_state import state_sha256


@pytest.fixture
def market(database_url: str) -> Iterator[Bench]:
    with closing(market_facts.a_bench(database_url)) as bench:
        yield bench


@pytest.fixture
def settlement(database_url: str) -> Iterator[Bench]:
    with closing(settlement_facts.a_bench(database_url)) as bench:
        yield bench


@pytest.mark.parametrize(
    ("service", "metadata"), [("market", market_store.METADATA), ("settlement", settlement_store.METADATA)]
)
def test_migrations_make_the_tables_that_the_service_uses(
    database_url: str, service: str, metadata: sa.MetaData
) -> None:
    upgrade(database_url, service)
    engine = open_engine(service_url(database_url, service))

    with engine.connect() as db:
        differences = compare_metadata(MigrationContext.configure(db), metadata)

    engine.dispose()
    assert differences == []


def test_a_market_with_halts_cancels_kills_and_redelivery_clears_once(market: Bench) -> None:
    facts = market_facts
    halt = MarketHaltRequested(
        complex_id=facts.COMPLEX_ID, requested_at=facts.EARLY, operator="kim", reason="\x00 is text too"
    )
    resume = MarketResumeRequested(complex_id=facts.COMPLEX_ID, requested_at=facts.EARLY, operator="kim")

    facts.give(market, halt, resume, halt, resume, facts.a_sell(), facts.a_buy(at=facts.GATE, order_id="late"))
    facts.give(market, facts.a_cancel("gone", "daesung-casting", at=facts.EARLY), facts.a_buy("gone"))
    market.restart()
    facts.give(market, facts.a_buy(), facts.a_seal("scheduler"))
    market.run(until=facts.GATE + facts.ALARM)
    facts.give(market, facts.a_seal("trading_api"))
    for topic in ("scheduler.orders.v1", "trading_api.orders.v1"):
        for message in market.bus.messages(topic):
            market.bus.append(message)
    market.restart()
    market.run()

    [auction] = market.published(AuctionCleared)
    assert {fill.order_id: fill.filled_wh for fill in auction.fills} == {"s1": 10_000, "b1": 10_000}
    assert auction.price_jeon_per_kwh == 11_000  # midway between 100 and 120 KRW
    assert [event.order_id for event in market.published(OrderAccepted)] == ["s1", "gone", "b1"]
    assert [event.order_id for event in market.published(OrderCancelled)] == ["gone"]
    assert [event.reason for event in market.published(OrderRejected)] == ["gate_closed"]


def test_an_interval_is_settled_once_and_its_ledger_balances(settlement: Bench) -> None:
    facts = settlement_facts
    *most, last = facts.readings(facts.DELIVERY, facts.FLOWS_WH)

    settlement.give(*most, facts.an_auction(facts.DELIVERY))
    settlement.restart()
    settlement.give(last)
    settlement.give(*most, last, last.model_copy(update={"import_wh": 7}))

    [settled] = settlement.published(IntervalSettled)
    assert (settled.ledger_entries, settled.ledger_sum_krw) == (3, 0)
    [again] = settlement.published(IntervalResettled)
    assert (again.meter_id, again.ledger_sum_krw) == (last.meter_id, 0)
    with reading(settlement.engine) as db:
        assert ledger_sum_krw(db, facts.COMPLEX_ID) == 0
        assert unbalanced_entries(db, facts.COMPLEX_ID) == []
        assert ledger_flaws(db, facts.COMPLEX_ID) == []
        assert again.ledger_hash == ledger_links(db, facts.COMPLEX_ID)[4].hash


def test_a_statement_sums_the_last_line_of_each_interval(settlement: Bench) -> None:
    facts = settlement_facts
    starts = [facts.DELIVERY, facts.DELIVERY + INTERVAL]
    for start in starts:
        settlement.give(*facts.readings(start, facts.FLOWS_WH), facts.an_auction(start))
    corrected = facts.readings(starts[1], facts.FLOWS_WH | {f"{facts.BUYER}.grid": (32_000, 0)})
    settlement.give(*corrected)

    with reading(settlement.engine) as db:
        period = (facts.COMPLEX_ID, starts[0], starts[1] + INTERVAL)
        found = load_statements(db, *period, [facts.BUYER, facts.SELLER])
        lines = load_lines(db, *period)
    statement = found[facts.BUYER]
    first, last = (lines[facts.BUYER][start][-1] for start in starts)
    assert set(found) == {facts.BUYER, facts.SELLER}
    assert (statement.intervals, statement.revision, len(lines[facts.BUYER][starts[1]])) == (2, 1, 2)
    # 10 kWh beyond the trade, then 12: at 133.40 they are 1,334 and 1,600.8.
    assert (statement.grid_import_wh, statement.grid_paid_krw) == (22_000, 1_334 + 1_601)
    assert statement.cost_with_krw == first.cost_with_krw + last.cost_with_krw
    assert statement.saving_krw == statement.cost_without_krw - statement.cost_with_krw


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_line", "ledger_link"])
def test_the_database_refuses_to_change_the_ledger(settlement: Bench, table: str) -> None:
    facts = settlement_facts
    settlement.give(facts.an_auction(facts.DELIVERY), *facts.readings(facts.DELIVERY, facts.FLOWS_WH))

    for change in (f"DELETE FROM {table}", f"UPDATE {table} SET entry_id = 'x'"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), settlement.engine.begin() as db:
            db.execute(sa.text(change))


def a_loose_entry(db: sa.Connection, *lines: tuple[int, int]) -> dict[str, str]:
    """Put an entry with lines (debit, credit) and no link into the ledger, and return its key."""
    facts = settlement_facts
    key = {"complex_id": facts.COMPLEX_ID, "entry_id": "loose"}
    entry = {"delivery_start": facts.DELIVERY, "kind": "imbalance", "cause_event_id": uuid.UUID(int=1)}
    db.execute(sa.insert(LEDGER_ENTRY).values(**key, **entry))
    for number, (debit_krw, credit_krw) in enumerate(lines):
        sides = {"debit_krw": debit_krw, "credit_krw": credit_krw}
        db.execute(sa.insert(LEDGER_LINE).values(**key, number=number, account="grid", **sides))
    return key


@pytest.mark.parametrize("sides", [(0, 0), (1, 1), (-1, 0)])
def test_the_database_refuses_a_ledger_line_without_one_side(settlement: Bench, sides: tuple[int, int]) -> None:
    with pytest.raises(sa.exc.IntegrityError, match="ledger_line_has_one_side"), settlement.engine.begin() as db:
        a_loose_entry(db, sides)


def test_the_database_links_no_entry_out_of_balance_and_adds_no_line_to_a_linked_one(settlement: Bench) -> None:
    link = {"number": 1, "previous_hash": "", "hash": ""}

    with pytest.raises(sa.exc.DBAPIError, match="must balance"), settlement.engine.begin() as db:
        db.execute(sa.insert(LEDGER_LINK).values(**a_loose_entry(db, (5, 0), (0, 4)), **link))
    with pytest.raises(sa.exc.DBAPIError, match="must balance"), settlement.engine.begin() as db:
        db.execute(sa.insert(LEDGER_LINK).values(**a_loose_entry(db), **link))
    with settlement.engine.begin() as db:
        key = a_loose_entry(db, (5, 0), (0, 5))
        db.execute(sa.insert(LEDGER_LINK).values(**key, **link))
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), settlement.engine.begin() as db:
        db.execute(sa.insert(LEDGER_LINE).values(**key, number=9, account="grid", debit_krw=1, credit_krw=0))


def test_the_database_takes_no_line_and_no_link_of_an_entry_that_is_not_there(settlement: Bench) -> None:
    key = {"complex_id": settlement_facts.COMPLEX_ID, "entry_id": "unheard-of"}
    line = {**key, "number": 1, "account": "grid", "debit_krw": 1, "credit_krw": 0}

    with pytest.raises(sa.exc.DBAPIError, match="must belong to an entry"), settlement.engine.begin() as db:
        db.execute(sa.insert(LEDGER_LINE).values(**line))
    with settlement.engine.begin() as db:
        a_loose_entry(db, (5, 0), (0, 5))
    with pytest.raises(sa.exc.DBAPIError, match="must belong to an entry"), settlement.engine.begin() as db:
        insert_rows(db, LEDGER_LINE, [{**line, "entry_id": "loose", "number": 9}, line])
    with pytest.raises(sa.exc.DBAPIError, match="must balance"), settlement.engine.begin() as db:
        db.execute(sa.insert(LEDGER_LINK).values(**key, number=1, previous_hash="", hash=""))


def test_one_entry_out_of_balance_keeps_all_that_were_linked_at_once_out(settlement: Bench) -> None:
    place = {"complex_id": settlement_facts.COMPLEX_ID}
    entry = {**place, "delivery_start": settlement_facts.DELIVERY, "kind": "trade", "cause_event_id": uuid.UUID(int=1)}
    sides = {"sound": ((5, 0), (0, 5)), "unsound": ((5, 0), (0, 4))}
    lines = [
        {**place, "entry_id": one, "number": number, "account": "grid", "debit_krw": debit, "credit_krw": credit}
        for one, of_entry in sides.items()
        for number, (debit, credit) in enumerate(of_entry)
    ]
    links = [
        {**place, "entry_id": one, "number": number, "previous_hash": "", "hash": ""}
        for number, one in enumerate(sides, start=1)
    ]

    with settlement.engine.begin() as db:
        insert_rows(db, LEDGER_ENTRY, [{**entry, "entry_id": one} for one in sides])
        insert_rows(db, LEDGER_LINE, lines)

    with pytest.raises(sa.exc.DBAPIError, match="must balance"), settlement.engine.begin() as db:
        insert_rows(db, LEDGER_LINK, links)

    with reading(settlement.engine) as db:
        assert ledger_links(db, settlement_facts.COMPLEX_ID) == {}


def test_rows_inserted_at_once_come_back_as_they_were(settlement: Bench) -> None:
    entry = LEDGER_ENTRY
    rows = [
        {
            "complex_id": "c",
            "entry_id": entry_id,
            "delivery_start": settlement_facts.DELIVERY,
            "kind": "imbalance",
            "cause_event_id": uuid.UUID(int=number),
            "corrects_entry_id": corrected,
        }
        for number, (entry_id, corrected) in enumerate([("a", None), ("b", "tab\t, \\N and\nline"), ("한글", "")])
    ]

    with settlement.engine.begin() as db:
        insert_rows(db, entry, rows)
        insert_rows(db, entry, [])
        found = [dict(row) for row in db.execute(sa.select(entry).order_by(entry.c.cause_event_id)).mappings()]

    assert found == rows
    with pytest.raises(sa.exc.IntegrityError), settlement.engine.begin() as db:
        insert_rows(db, entry, rows[:1])


def test_rows_that_are_there_are_overwritten_by_newer_ones_only(settlement: Bench) -> None:
    metadata = sa.MetaData()
    table = sa.Table(
        "kept",
        metadata,
        sa.Column("complex_id", sa.Text, primary_key=True),
        sa.Column("at", UtcInstant, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("flags", sa.JSON, nullable=False),
        sa.Column("beside", sa.Text, nullable=False, server_default="kept"),
    )
    place = {"complex_id": "c", "at": settlement_facts.DELIVERY}

    with settlement.engine.begin() as db:
        metadata.create_all(db)
        upsert_rows(db, table, [])
        upsert_rows(
            db, table, [{**place, "version": version, "flags": [version]} for version in (2, 3, 1)], newer="version"
        )
        upsert_rows(db, table, [{**place, "version": 3, "flags": ["again"]}], newer="version")
        first = [dict(row) for row in db.execute(sa.select(table)).mappings()]
        upsert_rows(db, table, [{**place, "version": 1, "flags": [], "beside": "changed"}])
        then = [dict(row) for row in db.execute(sa.select(table)).mappings()]

    assert first == [{**place, "version": 3, "flags": [3], "beside": "kept"}]
    assert then == [{**place, "version": 1, "flags": [], "beside": "changed"}]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_only_one_transaction_at_a_time_settles_for_a_complex(settlement: Bench) -> None:
    # SQLite needs no such test: every transaction there owns the whole database from its start.
    facts = settlement_facts
    settlement.give(facts.an_auction(facts.DELIVERY))

    with settlement.engine.begin() as first, settlement.engine.connect() as second:
        lock(first, facts.COMPLEX_ID)
        second.exec_driver_sql("SET lock_timeout = '50ms'")
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            lock(second, facts.COMPLEX_ID)


def test_limits_calendars_amendments_and_blocks_work_on_both_databases(market: Bench) -> None:
    facts = market_facts
    asked_at = facts.EARLY - timedelta(days=1)
    calendar = Calendar(
        effective_from=asked_at + timedelta(hours=1),
        gate_closure_lead_s=1_800,
        price_jeon_per_kwh_min=-10_000_000,
        price_jeon_per_kwh_max=10_000_000,
        order_quantity_wh_max=2_000_000,
        traders=("hanbit-machining", "daesung-casting"),
        day_ahead_gate_s=39_600,
    )
    request = {"complex_id": facts.COMPLEX_ID, "requested_at": asked_at, "operator": "kim"}
    limits = LimitsChangeRequested(**request, participant_id="daesung-casting", open_orders_max=9, credit_krw_max=3_000)
    dear = facts.a_buy("b2").model_copy(update={"price_jeon_per_kwh": 10_000_000})
    tomorrow = facts.DELIVERY + timedelta(days=1)
    block = BlockSubmitted(
        **facts.a_buy("k1").model_dump(exclude={"delivery_start", "quantity_wh", "auction"}),
        delivery_start=tomorrow,
        block_wh=(1_000, 2_000),
    )
    amendment = OrderAmendRequested(
        **facts.a_cancel("b1", "daesung-casting", at=facts.LAST_MOMENT).model_dump(),
        price_jeon_per_kwh=12_500,
        quantity_wh=9_000,
    )
    offer = facts.a_sell("s9").model_copy(update={"delivery_start": tomorrow, "auction": "day_ahead"})

    facts.give(market, CalendarChangeRequested(**request, calendar=calendar), limits)
    facts.give(market, facts.a_sell(), facts.a_buy(), dear, block, amendment, offer)
    for writer in ("scheduler", "trading_api"):
        facts.give(market, facts.a_seal(writer), facts.a_seal(writer, facts.DELIVERY + timedelta(hours=2)))

    # 10 kWh at 120 cost 1,200 KRW of 3,000; 10 kWh at 100,000 would cost a million. The gate of tomorrow is 02:00 UTC.
    assert [event.reason for event in market.published(OrderRejected)] == ["credit_limit_exceeded"]
    assert [event.quantity_wh for event in market.published(OrderAmended)] == [9_000]
    assert [event.reason for event in market.published(BlockDecided)] == ["out_of_money"]
    assert next(event.volume_wh for event in market.published(AuctionCleared)) == 9_000
    with reading(market.engine) as db:
        assert len(state_sha256(db)) == 64
